"""Entry point of the program, called as `myscheduler` or `python -m myscheduler`."""

import os
import signal
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["serve"]:
        # The kernel drops a signal to process 1 (usual in a container) that has no handler yet. A blocked signal stays
        # pending until the handlers are installed; and Ctrl-C does not end the imports with a stack trace
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    elif os.getpid() == 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # process 1 would ignore it; now it acts like Ctrl-C
    from myscheduler import cli  # noqa: PLC0415 - a SIGTERM may come while modules are imported

    cli.main()


if __name__ == "__main__":
    main()
