"""One seed and one number make one mutated input, always the same."""

from __future__ import annotations

import random
from collections.abc import Callable

NUMBERS = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff")
WORDS = (
    b"../",
    b"\x00",
    b"%s",
    b"\xef\xbb\xbf",
    b'"',
    b"\n",
    b"PK\x03\x04",
    b"\x89PNG",
    b"DICM",
    b"nan",
    b"1e308",
)


def mutated(seed: bytes, number: int) -> bytes:
    """The seed after one to four changes."""
    chance = random.Random(number)
    content = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        CHANGES[chance.randrange(len(CHANGES))](content, chance)
    return bytes(content)


def _flip(content: bytearray, chance: random.Random) -> None:
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    new = chance.choice(NUMBERS + WORDS)
    at = chance.randrange(len(content) + 1)
    content[at : at + len(new)] = new


def _insert(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content) + 1)
    content[at:at] = chance.choice(NUMBERS + WORDS) * chance.choice((1, 1, 2, 300))


def _cut(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content) + 1)
    del content[at : at + chance.choice((1, 2, 16, len(content) // 3 + 1))]


def _truncate(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content) + 1) :]


def _repeat(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content) + 1)
    content[at:at] = content[at : at + chance.choice((4, 64, 1024))] * chance.choice((1, 3))


def _head(content: bytearray, chance: random.Random) -> None:
    """Headers decide most: one of the first bytes becomes another."""
    if content:
        content[chance.randrange(min(len(content), 256))] = chance.randrange(256)


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _overwrite,
    _insert,
    _cut,
    _truncate,
    _repeat,
    _head,
    _head,
)
