"""`python -m suture.cli`: the command line, also in each process that torchrun starts."""

from suture.cli import main

main()
