"""Generate a set of synthetic studies: a table of ground truth and texts, and the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suture.data.synthetic.factors import NO_FINDING, VIEWS
from suture.data.synthetic.histories import write_history
from suture.data.synthetic.plan import Plan, patients, plan_study
from suture.data.synthetic.render import Film, render
from suture.data.synthetic.reports import write_report


@dataclass(frozen=True)
class SyntheticStudies:
    """Synthetic radiographs with their reports: row i of `table` describes `images[i]`.

    `table` has one row per study and string columns ("" = missing); `images` is (n, size, size) uint8,
    brighter where attenuation is higher.
    """

    table: pd.DataFrame
    images: NDArray[np.uint8]
    size: int
    seed: int


def generate(
    n: int = 3200,
    *,
    seed: int = 0,
    size: int = 160,
    progress: Callable[[float], None] | None = None,
) -> SyntheticStudies:
    """Make `n` studies; study i is the same for every `n` greater than i.

    `size` is the images' width in pixels, a multiple of 4 from 64 to 512; `progress` is called
    with the share done, in 0..1. Raises ValueError for an `n` or `size` that cannot be made.
    """
    if n < 1:
        raise ValueError(f"Expected at least 1 study, got n = {n}.")
    if size % 4 or not 64 <= size <= 512:
        raise ValueError(f"Expected a size that is a multiple of 4 from 64 to 512, got {size}.")
    images = np.zeros((n, size, size), np.uint8)
    rows = []
    for number, patient in enumerate(islice(patients(seed), n)):
        plan = plan_study(seed, number, patient)
        film = render(plan, seed=seed, number=number, size=size)
        images[number] = film.pixels
        rows.append(_row(plan, film, seed=seed, number=number))
        if progress is not None:
            progress((number + 1) / n)
    return SyntheticStudies(pd.DataFrame(rows, dtype=str), images, size, seed)


def _row(plan: Plan, film: Film, *, seed: int, number: int) -> dict[str, str]:
    """The table's row of one study."""
    first = plan.findings[0] if plan.findings else None
    x, y, radius = _location(film, first.name if first else "")
    return {
        "study_id": f"SYN{number + 1:05d}",
        "group": f"P{plan.patient.number + 1:05d}",
        "split": plan.patient.split,
        "region": plan.region,
        "view": VIEWS[plan.region],
        "finding": first.name if first else NO_FINDING,
        "side": plan.side,
        "place": first.place if first else "",
        "size_word": first.size_word if first else "",
        "severity": first.severity if first else "",
        "findings_all": ";".join(finding.name for finding in plan.findings),
        "age": str(plan.patient.age),
        "sex": plan.patient.sex,
        "report": write_report(plan, seed=seed, number=number),
        "history": write_history(plan, seed=seed, number=number),
        "finding_x": x,
        "finding_y": y,
        "finding_radius": radius,
        "rotation": f"{film.rotation:.2f}",
        "exposure": f"{film.exposure.level:.3f}",
        "noise": f"{film.exposure.noise:.4f}",
    }


def _location(film: Film, finding: str) -> tuple[str, str, str]:
    """(x, y, radius) of a finding in fractions of the image, "" if it is not in the image."""
    if finding not in film.located:
        return "", "", ""
    x, y, radius = film.located[finding]
    return f"{x:.3f}", f"{y:.3f}", f"{radius:.3f}"
