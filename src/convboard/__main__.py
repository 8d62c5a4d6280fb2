"""`python -m convboard` is the command `convboard`."""

from convboard.cli.main import main

main()
