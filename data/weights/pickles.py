"""What a pickle would import, found without running it. This is for clear messages, not for safety.

Safety comes from `weights_only=True`, which has an allow-list. This module tells two refusals apart: objects
of a training program beside the weights, and names that no weights file has a reason to contain.
"""

from __future__ import annotations

import pickletools
import re
from collections import deque
from typing import BinaryIO

MAX_PICKLES = 5  # torch's old format has this many before the raw numbers
STRINGS = (
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
TRAINING = (  # what training programs store beside the weights
    *(
        "argparse.Namespace",
        "collections.",
        "enum.",
        "datetime.",
        "decimal.",
        "uuid.",
        "types.SimpleNamespace",
    ),
    *("__main__.", "torch.", "numpy.", "omegaconf.", "pytorch_lightning.", "lightning.", "lightning_fabric."),
    *("transformers.", "open_clip.", "timm.", "ml_collections.", "yacs.", "hydra.", "easydict.", "wandb."),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath"),
)
BUILTINS = tuple(
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in (
        "set",
        "frozenset",
        "dict",
        "list",
        "tuple",
        "slice",
        "complex",
        "object",
        "range",
    )
)
CALLS = (  # names among those that run code or open files
    *(
        "torch.hub",
        "torch.load",
        "torch.jit",
        "torch._inductor",
        "torch._dynamo",
        "torch.package",
        "torch.ops",
    ),
    *(
        "torch.utils.",
        "torch.serialization.load",
        "torch.storage._load",
        "torch.fx",
        "torch.distributed.",
        "torch.cuda",
    ),
    *("numpy.load", "numpy.testing", "numpy.distutils", "numpy.f2py", "numpy.fromfile", "numpy.memmap"),
    "torch._utils_internal",
)


SYSTEM = {  # modules and functions that a dotted name can reach through another module's imports
    *("os", "sys", "_sys", "posix", "nt", "subprocess", "builtins", "bltns", "importlib", "runpy", "shutil"),
    *("socket", "ctypes", "pickle", "eval", "exec", "system", "popen", "getattr"),
}
BYTES = {"_codecs.encode", "builtins.bytearray", "__builtin__.bytearray"}
WEIGHTS = ("collections.OrderedDict", "torch._utils._rebuild_", "torch.Size", "torch.device", "torch.dtype")


def non_weight_names(names: set[str]) -> set[str]:
    """Names that do not belong to a state_dict."""
    return {
        n for n in names if not n.startswith(WEIGHTS) and not re.fullmatch(r"torch\.\w+(Storage|Tensor)", n)
    }


def unsafe_names(names: set[str]) -> set[str]:
    """Names that no training program has a reason to store beside its weights."""
    return {
        n
        for n in names - BYTES
        if n not in BUILTINS and (not n.startswith(TRAINING) or n.startswith(CALLS) or _reaches_system(n))
    }


def holds_bytes(names: set[str]) -> bool:
    """Whether the pickle creates bytes, as numpy scalars do. They are not weights, and of any length."""
    return not names.isdisjoint(BYTES)


def _reaches_system(name: str) -> bool:
    parts = name.split(".")
    return not SYSTEM.isdisjoint(parts) or any(part.startswith("__") for part in parts[1:])


def imported_names(stream: BinaryIO) -> set[str]:
    """module.name of everything that the pickles of a stream would import, up to their end or first error.

    A name that is computed at run time is given as "?".
    """
    names: set[str] = set()
    for _ in range(MAX_PICKLES):
        try:
            _scan(stream, names)
        except Exception:  # a broken pickle ends the scan; the names before it count
            break
    return names


def _scan(stream: BinaryIO, names: set[str]) -> None:
    memo: dict[object, str] = {}
    recent = deque(["?", "?"], maxlen=2)  # the strings pushed last, for STACK_GLOBAL
    for operation, argument, _ in pickletools.genops(stream):
        name = operation.name
        if name in ("GLOBAL", "INST"):
            names.add(str(argument).replace(" ", "."))
        elif name == "STACK_GLOBAL":
            names.add(".".join(recent))
            recent += ["?", "?"]
        elif name.startswith("EXT"):
            names.add("?")
        elif name in STRINGS:
            recent.append(str(argument))
        elif name in ("POP", "POP_MARK", "DUP"):
            recent += ["?", "?"]  # the new top of the stack is not tracked
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = recent[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = recent[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            recent.append(memo.get(argument, "?"))
