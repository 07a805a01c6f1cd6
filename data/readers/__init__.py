"""One module a layout. Each has `LAYOUT`, `matches(files)` and `read(files) -> RawStudies`.

`detect` asks them in order; the generic table of reports comes last.
"""
