"""`python -m streamsel` is the command line."""

from streamsel.cli import main

main()
