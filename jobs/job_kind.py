"""What a kind of job is: one dataclass of its arguments, which also says how it runs.

`suture.workflows.job_kinds` declares them all. Nothing else has to be told of a new one.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from suture.data.errors import Refused
from suture.data.workspace import Record, RecordKind, Workspace
from suture.data.workspace.record import M

State = Literal["queued", "running", "done", "failed", "cancelled"]
Lane = Literal["heavy", "light"]
Report = Callable[[float, str], None]  # share done (0 to 1), what is being done
DECLARATIONS = "suture.workflows.job_kinds"  # stands above this package: imported by name, on first use
_KINDS: dict[str, type[JobKind]] = {}


@dataclass(frozen=True)
class JobResult:
    """What came of a job. result: for the job's row, as JSON holds it."""

    message: str
    result: Mapping[str, Any] = field(default_factory=dict)
    state: State = "done"


class JobWorkspace(Workspace):
    """The workspace in the hands of a job. Its records name the job: restarted, it knows its own work."""

    def __init__(self, home: Path | str, owner: str, job_id: str) -> None:
        super().__init__(home, owner)
        self.job_id = job_id

    def publish(
        self, kind: RecordKind[M], name: str, staged: Path, meta: M, *, replaces: Record | None = None
    ) -> Record[M]:
        """As `Workspace.publish`."""
        return super().publish(kind, name, staged, replace(meta, job=self.job_id), replaces=replaces)

    def made(self, kind: RecordKind[M], name: str) -> Record[M] | None:
        """The record of that name, if this very job has published it."""
        record = self.record(kind, name) if self.has(kind, name) else None
        return record if record and record.meta.job == self.job_id else None


@dataclass(frozen=True)
class JobKind:
    """A job that somebody asks for: its fields are the arguments, as JSON can hold them.

    kind    name of the kind in the table of jobs; never change it
    title   what pages call it
    lane    "light" for what somebody waits for in front of a page; jobs of one lane wait for each other
    quiet   whether only the page that asked shows its end
    upload  name of the argument with the path of an upload, which is deleted when the job ends; "" = none
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    lane: ClassVar[Lane] = "heavy"
    quiet: ClassVar[bool] = False
    upload: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.kind in _KINDS and _KINDS[cls.kind].__qualname__ != cls.__qualname__:
            raise TypeError(f"two kinds of job are called {cls.kind!r}")
        _KINDS[cls.kind] = cls

    def run(self, workspace: JobWorkspace, report: Report) -> JobResult:
        """Do the work. It may start again after its process died, at any moment: it goes on from what it has
        published, finds what it has finished, and ends as if nothing had happened.
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The arguments as the table keeps them, without optional ones that are empty."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        left_out = [
            f.name for f in fields(self) if not _needed(f) and given[f.name] in ("", None, [], (), {})
        ]
        return json.loads(json.dumps({name: v for name, v in given.items() if name not in left_out}))

    @classmethod
    def from_json(cls, arguments: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`. `Refused` for arguments that are missing, unknown or of another type."""
        types = get_type_hints(cls)
        known = {f.name: f for f in fields(cls)}
        wrong = [
            *(f"{name!r} is missing" for name, f in known.items() if name not in arguments and _needed(f)),
            *(f"{name!r} is unknown" for name in arguments if name not in known),
            *(
                f"{name!r} must be {_words(types[name])}, got {value!r:.40}"
                for name, value in arguments.items()
                if name in known and not _fits(value, types[name])
            ),
        ]
        if wrong:
            raise Refused(
                "job_invalid", f"The arguments of the job {cls.kind!r} are wrong: {'; '.join(wrong)}."
            )
        return cls(**arguments)


def find_kind(name: str) -> type[JobKind] | None:
    """The kind of that name; None for one that this version does not know."""
    if name not in _KINDS:
        importlib.import_module(DECLARATIONS)
    return _KINDS.get(name)


def _needed(of: Field[Any]) -> bool:
    return of.default is MISSING and of.default_factory is MISSING


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; of lists and objects only the outside is looked at."""
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is Sequence or get_origin(hint) is Mapping:
        return isinstance(value, list | tuple if get_origin(hint) is Sequence else Mapping)
    if get_args(hint):  # one of several
        return any(_fits(value, one) for one in get_args(hint))
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if get_origin(hint) in (Sequence, Mapping):
        return "a list" if get_origin(hint) is Sequence else "an object"
    if get_args(hint):
        return " or ".join(_words(one) for one in get_args(hint))
    return {str: "a text", bool: "true or false", type(None): "null"}.get(hint, str(hint))
