"""A published table of which few images are here: processor seconds to import it, and to read it with pandas.

`python -m benchmarks.absent_images [ROWS]` makes a table in the shape of PadChest's (160,861 rows of 30
columns, reports in Spanish, ten images present) and prints the seconds of both, and their ratio.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROWS, PRESENT, DISTINCT = 160_861, 10, 20_000
WORDS = (
    *("infiltrado", "derrame", "pleural", "bilateral", "cardiomegalia", "sin", "hallazgos", "patológicos"),
    *("aumento", "de", "densidad", "lóbulo", "inferior", "derecho", "izquierdo", "tórax", "índice", "normal"),
)
FILLED = 22  # further columns of tags


def source(folder: Path, n: int) -> Path:
    """The table and its few images; returns the table."""
    rng = np.random.default_rng(0)
    reports = [" ".join(rng.choice(WORDS, k)) + " ." for k in rng.integers(15, 60, DISTINCT)]
    columns = {
        "ImageID": [f"{i:039d}.png" for i in range(n)],
        "StudyID": [f"{i // 2:048d}" for i in range(n)],
        "PatientID": [f"{i // 3:030d}" for i in range(n)],
        "ImageDir": rng.integers(0, 50, n),
        "Projection": rng.choice(["PA", "L", "AP"], n),
        "Report": rng.choice(reports, n),
        "MethodLabel": rng.choice(["Physician", "RNN_model"], n),
        "Labels": rng.choice(["['normal']", "['pleural effusion', 'infiltrates']"], n),
        **{f"Tag{k}_DICOM": rng.integers(0, 4096, n) for k in range(FILLED)},
    }
    rows = pd.DataFrame(columns)
    path = folder / "labels.csv"
    rows.to_csv(path, index=False)
    for i in range(0, n, n // PRESENT):
        Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(folder / rows.ImageID[i])
    return path


def main() -> None:
    """Print the seconds of pandas, of the child and of the parent, and the ratio of both to pandas."""
    from suture.data.files.sources import FolderFiles
    from suture.data.intake import Options, intake
    from suture.data.intake.reading import description_header, read_source, studies
    from suture.data.sandbox import wire
    from suture.data.workspace import Workspace

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "source"
        folder.mkdir()
        table = source(folder, int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
        start = time.process_time()
        pd.read_csv(table)
        plain = time.process_time() - start
        start = time.process_time()
        raw, sent = read_source(FolderFiles(folder), Options()), io.BytesIO()
        wire.write(sent, description_header(raw))
        for header, arrays in studies(raw, Options()):
            wire.write(sent, header, arrays)
        child = time.process_time() - start
        del raw
        start = time.process_time()
        report = intake(Workspace(Path(place) / "home"), folder, "padchest")
        parent = time.process_time() - start
        print(f"{report.taken:,} of {report.found:,} taken. Seconds of processor time:")
        print(f"pandas.read_csv {plain:.1f}, child {child:.1f}, parent {parent:.1f};", end=" ")
        print(f"ratio {(child + parent) / plain:.1f}")


if __name__ == "__main__":
    main()
