"""The health check of the image: requests `/health/live` from the service in the same container and exits with 0 or 1.

Docker runs it often, so it imports little. It uses a plain socket, so that proxy variables don't redirect the request.
"""

import os
import socket
import sys

HOST = os.environ.get("MYSCHEDULER_HOST") or "127.0.0.1"
"""Linux connects 0.0.0.0 and :: to this machine, so this works for every address that the service listens on."""
PORT = os.environ.get("MYSCHEDULER_PORT") or "8003"
if "://" in PORT:  # set by Kubernetes next to a Service named myscheduler; the service ignores it, too
    PORT = "8003"
WAIT_SEC = 3


def main() -> int:
    try:
        with socket.create_connection((HOST, int(PORT)), WAIT_SEC) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            status = connection.makefile("rb").readline(100).decode("latin-1").strip()
    except (OSError, ValueError) as error:  # ValueError: the port is not a number
        print(f"{HOST}:{PORT} does not answer: {error}")
        return 1
    print(status)
    return 0 if " 200 " in status else 1


if __name__ == "__main__":
    sys.exit(main())
