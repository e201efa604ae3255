"""The health check of the image: asks `/health/live` of the service in the same container; exits with 0 or 1.

Docker runs it again and again, so it loads little. It is no HTTP client, so no variable of a proxy leads it elsewhere.
"""

import os
import socket
import sys

HOST = os.environ.get("MYSCHEDULER_HOST") or "127.0.0.1"
"""Linux takes 0.0.0.0 and :: for this machine, so any address that is served on can be connected to."""
PORT = os.environ.get("MYSCHEDULER_PORT") or "8003"
if "://" in PORT:  # set by Kubernetes beside a Service named myscheduler; the service takes no notice of it, either
    PORT = "8003"
WAIT_SEC = 3


def main() -> int:
    try:
        with socket.create_connection((HOST, int(PORT)), WAIT_SEC) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            status = connection.makefile("rb").readline(100).decode("latin-1").strip()
    except (OSError, ValueError) as error:  # ValueError: a port that is no number
        print(f"{HOST}:{PORT} does not answer: {error}")
        return 1
    print(status)
    return 0 if " 200 " in status else 1


if __name__ == "__main__":
    sys.exit(main())
