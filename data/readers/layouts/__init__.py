"""The registry of source layouts: one module (or folder) for each layout that Suture can read.

To add a layout, write a module here with these five names, and list it in `LAYOUTS`:

    LAYOUT       its name, as `--layout` and the Library page give it
    EXPECTS      what it expects, as a phrase for the message when nothing matches
    OWN_TABLES   regular expression: names of tables that this layout reads when the user points at one
    matches(files) -> bool                               whether the files look like this layout
    read(files, *, table="", roles=None) -> RawStudies   the studies, built with `suture.data.readers.finish`

`LAYOUTS` is in the order in which layouts are tried: specific ones first, the general table last. `unpaired`
is not in it, because it must never be guessed: it is used only when unpaired studies are asked for.
"""

from __future__ import annotations

from types import ModuleType

from suture.data.readers.layouts import dicom, medpix, mimic, openi, roco, table, webdataset
from suture.data.readers.layouts.huggingface import datasets

LAYOUTS: tuple[ModuleType, ...] = (datasets, webdataset, mimic, openi, roco, medpix, dicom, table)
