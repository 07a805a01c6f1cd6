"""Inputs that nobody wrote: seeds of every kind, mutated, through the real parsers."""
