"""`python -m myscheduler` is `myscheduler`."""

from myscheduler.cli import main

main()
