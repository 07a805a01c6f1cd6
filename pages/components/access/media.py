"""Records which visitor each of Streamlit's files is for: /media checks nothing itself, and equal files
share an address.

The manager's three public methods are the only way from a script to an address under /media. If a future
Streamlit took another way, its files would be refused, not served to everyone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from streamlit.runtime.media_file_manager import MediaFileManager

from suture.pages.components.access.visitors import VISITORS, visitor

PROMISES = 10_000  # deferred files (made on a click) whose visitor is remembered


def watch(manager: MediaFileManager) -> None:
    """From now on record each address for the visitor of the script that requested it."""
    promised: OrderedDict[str, str] = OrderedDict()

    def added(add: Callable[..., str], *args: Any, **options: Any) -> str:
        address = add(*args, **options)
        VISITORS.give(visitor(), address)
        return address

    def deferred(add: Callable[..., str], *args: Any, **options: Any) -> str:
        promise = add(*args, **options)
        promised[promise] = visitor()
        if len(promised) > PROMISES:
            promised.popitem(last=False)
        return promise

    def executed(execute: Callable[[str], str], promise: str) -> str:
        address = execute(promise)  # runs in a thread without a script context
        VISITORS.give(promised.get(promise, ""), address)
        return address

    wrappers: dict[str, Callable[..., str]] = {
        "add": added,
        "add_deferred": deferred,
        "execute_deferred": executed,
    }
    for name, noting in wrappers.items():
        _wrap(manager, name, noting)


def _wrap(manager: MediaFileManager, name: str, noting: Callable[..., str]) -> None:
    plain = getattr(manager, name)
    setattr(manager, name, lambda *args, **options: noting(plain, *args, **options))
