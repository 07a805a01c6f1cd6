"""`import suture` is a table of contents: it loads nothing heavy, and offers everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

import suture

HEAVY = ("numpy", "pandas", "scipy", "sklearn", "torch", "open_clip", "plotly", "streamlit", "sqlite3", "PIL")


def loaded(code: str) -> set[str]:
    """The modules of a fresh interpreter after some code."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {*told.stdout.split()}


def test_import_suture_loads_nothing_heavy() -> None:
    here = loaded("import suture; dir(suture); suture.__all__")
    assert not here & {*HEAVY}
    assert {m for m in here if m.startswith("suture")} == {"suture"}


def test_errors_are_there_without_numpy() -> None:
    assert not loaded("import suture; suture.UserError, suture.NotFound") & {*HEAVY}


def test_torch_comes_with_the_loss_alone() -> None:  # 2 s: a fresh interpreter loads pandas
    here = loaded("import suture; suture.evaluate, suture.compare, suture.Workspace, suture.GapMonitor")
    assert not here & {"torch", "open_clip", "streamlit"}


def test_everything_is_offered_and_known_to_type_checkers() -> None:
    assert {*suture.__all__} == {*suture._WHERE} <= {*dir(suture)}
    for name in suture.__all__:
        assert getattr(suture, name).__name__ == name
    import_lines = (line for line in open(suture.__file__) if line.startswith("    from suture."))  # noqa: PTH123, SIM115
    named = {word.strip() for line in import_lines for word in line.split(" import ")[1].split(",")}
    assert named == {*suture.__all__}


def test_packages_are_attributes_and_hide_no_function() -> None:
    code = (
        "import suture; suture.data, suture.analysis, suture.models, suture.library\n"
        "import suture.analysis.evaluate, suture.analysis.compare, suture.library.evaluation\n"
        "from suture.data import workspace\n"
        "assert callable(suture.evaluate) and callable(suture.compare)\n"
        "assert suture.analysis.evaluate.Metric and suture.data.workspace is workspace"
    )
    loaded(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = suture.evalute  # type: ignore[attr-defined]


def test_the_docstring_shows_the_use() -> None:
    told = suture.__doc__ or ""
    for name in suture.__all__:
        assert name in told or name in ("NotFound", "Refused")
