"""The program: `myscheduler`, which is `python -m myscheduler`."""

import os
import signal
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["serve"]:
        # process 1, which a container has, loses a signal that has no handler yet; a blocked one waits until it has.
        # Ctrl-C would end the imports with a stack trace
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    elif os.getpid() == 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # it would be ignored; so it ends what Ctrl-C ends
    from myscheduler import cli  # noqa: PLC0415 - a second of imports, in which a SIGTERM may come

    cli.main()


if __name__ == "__main__":
    main()
