"""What shows that bytes are DICOM, before anything is parsed."""

from __future__ import annotations

from suture.data.files.magic import kind_of

SUFFIXES = (".dcm", ".dicom", ".ima")
MARK = b"DICM"
PREAMBLE = bytes(128)
FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # little, little and big endian


def is_dicom(content: bytes, name: str = "") -> bool:
    """Whether the file carries DICOM's mark, or is called .dcm and nothing else is seen in it.

    What is only called so need not be DICOM: `open_dicom` says then that it is not.
    """
    called = name.lower().endswith(SUFFIXES)
    return content[128:132] == MARK or (called and not kind_of(content))


def with_preamble(content: bytes) -> bytes | None:
    """The file with an empty preamble and the mark, as old archives leave them out; None if it is no DICOM.

    What stood in the preamble (it may be a program) goes no further.
    """
    if content[128:132] == MARK:
        return PREAMBLE + content[128:]
    bare = content.removeprefix(MARK)
    return PREAMBLE + MARK + bare if bare.startswith(FIRST_GROUPS) else None
