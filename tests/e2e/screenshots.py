"""Pictures of every page, light and dark, of a workspace: `python -m tests.e2e.screenshots FOLDER`.

Without SUTURE_HOME a demo workspace is made first. Only synthetic studies belong into docs/.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from suture.data.workspace import Workspace
from suture.workflows.demo import prepare
from tests.e2e.serving import browser, serving, settled

PAGES = {
    "overview": "overview",
    "map": "map",
    "gap": "gap",
    "compare": "compare",
    "retrieval": "retrieval?q=large+right+pleural+effusion",
    "captions": "captions",
    "report": "report",
    "my_studies": "my_studies",
    "train": "train",
    "library": "library",
}


def main(folder: Path, pages: list[str]) -> None:
    """One PNG a page and scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(os.environ.get("SUTURE_HOME") or tempfile.mkdtemp())
    if "SUTURE_HOME" not in os.environ:
        prepare(Workspace(home), lambda what, share: None)
    with serving(home) as url, browser() as window:
        for scheme in ("light", "dark"):
            context = window.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 1000})
            for name in pages:
                page = context.new_page()
                page.goto(f"{url}/{PAGES[name]}")
                settled(page)
                page.wait_for_timeout(2500)
                height = page.evaluate(
                    "() => document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight"
                )
                page.set_viewport_size({"width": 1440, "height": min(int(height) + 40, 2600)})
                page.wait_for_timeout(1500)
                page.screenshot(path=folder / f"{name}-{scheme}.png")
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or [*PAGES])
