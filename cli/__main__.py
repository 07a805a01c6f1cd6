"""`python -m cli`, also under torchrun."""

from cli import main

main()
