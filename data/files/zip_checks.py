"""Which ZIP archives and members are refused, before anything is decompressed.

Nothing that the archive's directory says is trusted. A path that leaves the archive, a link, overlapping
members or too many bytes refuse the whole archive. An encrypted, nested, special or unsupported member, or
one with an odd name, is skipped alone.
"""

from __future__ import annotations

import stat
import zipfile

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import DEVICES, check_member_name, is_archive, leads_out, quoted

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
AES = 99  # the compression method that marks an AES-encrypted member
LOCAL_HEADER = 30  # bytes before a member's name


def check_directory(members: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse an archive by its directory, before any member is read. `end` is the directory's offset."""
    most = limits.current()
    if len(members) > most.members:
        message = f"The archive lists {len(members):,} files; the limit is {most.members:,}."
        raise Refused("zip_too_many_files", message)
    for member in members:
        _refuse_escape(member)
        if stat.S_ISLNK(member.external_attr >> 16):
            name = quoted(member_name(member))
            message = f"{name} is a symbolic link. Pack the files themselves (zip without -y)."
            raise Refused("zip_symlink", message)
        if member.file_size > most.member_bytes or limits.is_bomb(member.file_size, member.compress_size):
            raise _too_large(f"{quoted(member_name(member))} declares {member.file_size:,} bytes")
    declared = sum(m.file_size for m in members)
    if declared > most.archive_bytes or limits.is_bomb(declared, end):
        raise _too_large(f"The archive declares {declared:,} bytes in all")
    _refuse_overlap(members, end)


def _refuse_escape(member: zipfile.ZipInfo) -> None:
    """Refuse the archive for a path that leads out of it, or that other systems read as another path."""
    name = member_name(member)
    fault = "leads out of the archive" if leads_out(name) else "has a backslash" if "\\" in name else ""
    if fault and not name.startswith(DEVICES):
        message = (
            f"The path {quoted(name)} {fault}. Nothing was read. Pack the folder again with plain names."
        )
        raise Refused("zip_path_escape", message)


def _refuse_overlap(members: list[zipfile.ZipInfo], end: int) -> None:
    """No packer writes members that share bytes; decompression bombs do."""
    ordered = sorted(members, key=lambda m: m.header_offset)
    ends = [*(m.header_offset for m in ordered), end][1:]
    for member, following in zip(ordered, ends, strict=True):
        if member.header_offset + LOCAL_HEADER + member.compress_size > following:
            raise Refused(
                "zip_corrupt", "Files in the archive overlap each other. Pack the folder again as .zip."
            )


def refuse_growth(size: int, member: zipfile.ZipInfo) -> None:
    if size > limits.current().member_bytes or limits.is_bomb(size, member.compress_size):
        raise _too_large(
            f"{quoted(member_name(member))} grows beyond the {member.file_size:,} bytes it declares"
        )


def _too_large(what: str) -> Refused:
    return Refused(
        "zip_too_large",
        f"{what}, which exceeds the limit. Nothing was imported. Pack fewer or smaller files.",
    )


def check_member(member: zipfile.ZipInfo) -> None:
    """`Skipped` for a member that is not a plain, readable file."""
    check_member_name(member_name(member))
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Skipped("zip_special_file", "It is a pipe, a device or a socket. Only regular files are read.")
    if member.flag_bits & 1 or member.compress_type == AES:
        raise Skipped("zip_encrypted", "It is password-protected. Pack it again without a password.")
    if member.compress_type not in METHODS:
        raise Skipped(
            "member_unsupported_compression", "Its compression method is not supported. Use plain .zip."
        )
    if is_archive(member_name(member)):
        raise Skipped("nested_archive", "An archive within an archive is not opened. Pack its files instead.")


def member_name(member: zipfile.ZipInfo) -> str:
    """The member's whole name, of which zipfile cuts off a zero byte and everything after it.

    In old Japanese archives the second byte of a letter can look like a backslash.
    """
    name = member.filename if "\x00" not in member.orig_filename else member.orig_filename
    if member.flag_bits & 0x800 or "\\" not in name:
        return name
    try:
        return name.encode("cp437").decode("cp932") if not name.isascii() else name
    except UnicodeError:
        return name


def is_folder(member: zipfile.ZipInfo) -> bool:
    """Whether the member is a folder, which has no content of its own."""
    return member_name(member).endswith("/")
