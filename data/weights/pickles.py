"""What a pickle would import, told without running it: for a clear message, not for safety.

Safety is `weights_only=True`, which has a list of what it allows. This says which of two refusals it is:
a training program's own objects beside the weights, or something that no weights file has a reason to name.
"""

from __future__ import annotations

import pickletools
import re
from collections import deque
from typing import BinaryIO

MAX_PICKLES = 5  # as many as the old format of torch has, before its bare numbers
STRINGS = (
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
TRAINING = (  # what training programs keep beside the weights
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
CALLS = (  # of those, what runs code or opens files
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


SYSTEM = {  # modules and functions that a name can reach through another module's own imports
    *("os", "sys", "_sys", "posix", "nt", "subprocess", "builtins", "bltns", "importlib", "runpy", "shutil"),
    *("socket", "ctypes", "pickle", "eval", "exec", "system", "popen", "getattr"),
}
BYTES = {"_codecs.encode", "builtins.bytearray", "__builtin__.bytearray"}
WEIGHTS = ("collections.OrderedDict", "torch._utils._rebuild_", "torch.Size", "torch.device", "torch.dtype")


def beside(names: set[str]) -> set[str]:
    """Names that are no part of a state_dict."""
    return {
        n for n in names if not n.startswith(WEIGHTS) and not re.fullmatch(r"torch\.\w+(Storage|Tensor)", n)
    }


def foreign(names: set[str]) -> set[str]:
    """Names that no training program has a reason to keep beside its weights."""
    return {
        n
        for n in names - BYTES
        if n not in BUILTINS and (not n.startswith(TRAINING) or n.startswith(CALLS) or _reaches_out(n))
    }


def holds_bytes(names: set[str]) -> bool:
    """Whether it makes Python bytes: numpy's scalars do. They are no weights, and can be of any length."""
    return not names.isdisjoint(BYTES)


def _reaches_out(name: str) -> bool:
    parts = name.split(".")
    return not SYSTEM.isdisjoint(parts) or any(part.startswith("__") for part in parts[1:])


def imports(stream: BinaryIO) -> set[str]:
    """module.name of everything that the pickles of a stream would import, up to where they end or break.

    A name that is put together while it runs is told as "?".
    """
    found: set[str] = set()
    for _ in range(MAX_PICKLES):
        try:
            _scan(stream, found)
        except Exception:  # a broken pickle ends the scan; what came before it counts
            break
    return found


def _scan(stream: BinaryIO, found: set[str]) -> None:
    memo: dict[object, str] = {}
    recent = deque(["?", "?"], maxlen=2)  # the strings pushed last, for STACK_GLOBAL
    for operation, argument, _ in pickletools.genops(stream):
        name = operation.name
        if name in ("GLOBAL", "INST"):
            found.add(str(argument).replace(" ", "."))
        elif name == "STACK_GLOBAL":
            found.add(".".join(recent))
            recent += ["?", "?"]
        elif name.startswith("EXT"):
            found.add("?")
        elif name in STRINGS:
            recent.append(str(argument))
        elif name in ("POP", "POP_MARK", "DUP"):
            recent += ["?", "?"]  # what lies on top now is not followed
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = recent[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = recent[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            recent.append(memo.get(argument, "?"))
