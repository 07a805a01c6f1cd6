"""`python -m cli`, also under torchrun."""

from suture.cli import main

main()
