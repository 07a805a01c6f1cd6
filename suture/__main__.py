"""`python -m suture`: the command line, as the script `suture` runs it."""

from suture.cli import main

main()
