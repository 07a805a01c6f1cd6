"""What no module may do, read from the source: each is a door that somebody's file or words could open."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("analysis", "cli", "data", "jobs", "models", "pages", "workflows")
FORBIDDEN_CALLS = {
    "extractall": "members are read as streams and get names of our own",
    "pickle.load": "a pickle is a program",
    "pickle.loads": "a pickle is a program",
    "joblib.load": "a pickle is a program",
    "read_pickle": "a pickle is a program",
    "torch.jit.load": "TorchScript is a program",
    "yaml.load": "YAML can make any object",
    "Unpickler": "a pickle is a program",
    "st.html": "st.html takes HTML; there is none to show",
    "components.html": "there is no foreign HTML to show",
    "eval": "words are no programs",
    "exec": "words are no programs",
    "os.system": "no shell",
    "mktemp": "somebody else can take the name first",
}
FORBIDDEN_OPTIONS = {
    "allow_pickle": True,
    "weights_only": False,
    "unsafe_allow_html": True,
    "unsafe_allow_javascript": True,
    "shell": True,
    "persist": "disk",
}
FORBIDDEN_IMPORTS = {"dill", "cloudpickle", "shelve", "marshal", "yaml"}
ONE_PLACE = {
    "read_index": "",  # indexes are opened from bytes whose hash was checked
    "deserialize_index": "workflows/neighbours/indexes.py",
    "download_button": "pages/components/cards/downloads.py",  # names with a mark, formula-safe tables
}


@cache
def modules() -> dict[str, ast.Module]:
    paths = [ROOT / "app.py", *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))]
    return {str(p.relative_to(ROOT)): ast.parse(p.read_text(encoding="utf-8")) for p in paths}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """(module, call, what is called as it is written: torch.load)."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node, ast.unparse(node.func)


def ends(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")


def where(path: str, node: ast.Call | ast.ImportFrom) -> str:
    return f"{path}:{node.lineno}"


@pytest.mark.parametrize("wanted", FORBIDDEN_CALLS)
def test_nothing_calls(wanted: str) -> None:
    exact = wanted in ("eval", "exec")  # a model's eval() is another
    found = [where(p, node) for p, node, name in calls() if (name == wanted if exact else ends(name, wanted))]
    assert found == [], FORBIDDEN_CALLS[wanted]


@pytest.mark.parametrize("option", FORBIDDEN_OPTIONS)
def test_no_call_sets(option: str) -> None:
    found = [
        where(path, node)
        for path, node, _ in calls()
        for keyword in node.keywords
        if keyword.arg == option and not allowed(keyword.value, FORBIDDEN_OPTIONS[option])
    ]
    assert found == []


def allowed(value: ast.expr, forbidden: object) -> bool:
    """A constant other than the forbidden one: what is computed cannot be judged."""
    return isinstance(value, ast.Constant) and value.value != forbidden


def test_nothing_that_runs_what_it_reads_is_imported() -> None:
    found = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            found += [path for name in names if name.partition(".")[0] in FORBIDDEN_IMPORTS]
            found += [path for name in names if name in FORBIDDEN_CALLS]
    assert found == []


def test_ray_is_imported_only_where_it_is_asked_for() -> None:
    """It is an extra, and starts slowly."""
    found = set()
    for path, tree in modules().items():
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            found |= {path for name in names if name.partition(".")[0] == "ray"}
            if isinstance(node, ast.ImportFrom) and any(a.name == "ray_engine" for a in node.names):
                assert node.col_offset > 0, where(path, node)
    assert found == {"models/embedding/ray_engine.py"}


@pytest.mark.parametrize("wanted", ONE_PLACE)
def test_only_one_module_calls(wanted: str) -> None:
    assert {path for path, _, name in calls() if ends(name, wanted)} <= {ONE_PLACE[wanted]}


def test_torch_loads_weights_only_and_numpy_no_objects() -> None:
    for wanted, option in (("torch.load", "weights_only"), ("np.load", "allow_pickle")):
        for path, node, name in calls():
            if ends(name, wanted):
                assert any(k.arg == option for k in node.keywords), where(path, node)


def test_pictures_are_shown_from_bytes_or_arrays() -> None:
    """st.image opens any path and hands on any address that it is given as text."""
    for path, node, name in calls():
        if path.startswith("pages") and ends(name, "image") and node.args:
            shown = node.args[0]
            text = isinstance(shown, ast.JoinedStr) or (
                isinstance(shown, ast.Constant) and isinstance(shown.value, str)
            )
            assert not text, where(path, node)
            assert not (isinstance(shown, ast.Call) and ast.unparse(shown.func) == "str"), where(path, node)


def test_the_guards_can_fail() -> None:
    call = ast.parse("np.load(x, allow_pickle=flag)").body[0].value  # type: ignore[attr-defined]
    assert not allowed(call.keywords[0].value, True)
    assert ends("zipfile.ZipFile(x).extractall", "extractall")
