"""The gap closing, epoch by epoch, as a picture that moves: `python -m tests.e2e.animation FILE.gif`.

Drawn from the snapshots that come with the two checkpoints of the demo, synthetic studies only: no
training, no browser, the same bytes every time.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from suture.analysis.evaluate import probe
from suture.analysis.figures import COLOUR_A, COLOUR_B, MODALITY_COLOURS
from suture.analysis.projection import pca_common
from suture.models.builtin import FOLDER

RUNS = {
    "demo-clip": ("A", "contrastive (CLIP)", COLOUR_A),
    "demo-aligned": ("B", "contrastive + L_ATP + L_CU", COLOUR_B),
}
SHOWN = ("image", "report")
SIZE, PANEL, TOP, EDGE = (720, 486), 340, 76, 12
INK, GREY, FRAME, LINE = "#1A1A1A", "#666666", "#D9D9D9", "#C8C8C8"
FINE = 2  # drawn this much larger, then reduced: smooth edges
EVERY = 8  # of so many studies one has its pair line
FIRST, MOVING, RESTING, LAST = 1500, 1000, 500, 3000  # milliseconds
TICK = 60
STEPS = 9  # from white to each ink; finer ones fall together in the palette's lookup


@dataclass(frozen=True)
class Run:
    """letter, words, colour; xy (n_epochs, n_modalities, n_studies, 2); numbers, one row an epoch."""

    letter: str
    words: str
    colour: str
    xy: np.ndarray
    numbers: list[dict[str, float]]


def main(file: Path) -> None:
    """Write the animation, and say how large it is."""
    about = json.loads((FOLDER / "demo-clip.history.json").read_text())
    runs = read()
    places, durations = schedule(len(runs[0].xy))
    fonts = {size: ImageFont.load_default(size * FINE) for size in (12, 14, 17)}
    frames = [frame(runs, place, caption(about), fonts) for place in places]
    palette = colours()
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames]
    first.save(file, save_all=True, append_images=others, duration=durations, loop=0, disposal=1)
    print(f"{file}: {len(frames)} frames, {sum(durations) / 1000:.1f} s, {file.stat().st_size / 1e6:.2f} MB")


def read() -> list[Run]:
    """Both runs in one plane: they have one start, so their first epochs are the same picture."""
    stacks = {name: snapshots(name) for name in RUNS}
    xy = pca_common([z.reshape(-1, z.shape[-1]) for stack in stacks.values() for z in stack]).xy
    xy = framed(xy).reshape(len(RUNS), -1, len(SHOWN), *stacks["demo-clip"].shape[2:3], 2)
    return [
        Run(*RUNS[name], xy[i], [measured(z) for z in stack])
        for i, (name, stack) in enumerate(stacks.items())
    ]


def snapshots(name: str) -> np.ndarray:
    """(n_epochs, n_modalities, n_studies, dim) of the modalities that are shown."""
    modalities = json.loads((FOLDER / f"{name}.history.json").read_text())["modalities"]
    with np.load(FOLDER / f"{name}.probe.npz", allow_pickle=False) as stored:
        stack = np.stack([stored[epoch] for epoch in sorted(stored.files, key=int)]).astype(np.float32)
    return stack[:, [modalities.index(m) for m in SHOWN]]


def framed(xy: np.ndarray) -> np.ndarray:
    """Into -1..1, one scale for both directions."""
    low, high = xy.min(axis=(0, 1)), xy.max(axis=(0, 1))
    return (xy - (low + high) / 2) / ((high - low).max() / 2)


def measured(z: np.ndarray) -> dict[str, float]:
    """Gap, cosine and R@10 of image and report; the own partner alone is the right answer."""
    own = np.arange(z.shape[1])
    return probe.probe_metrics(dict(zip(SHOWN, z, strict=True)), dict.fromkeys(SHOWN, own), own)


def schedule(epochs: int) -> tuple[list[float], list[int]]:
    """Places between the epochs, 0 = before training, and how long each is seen, in milliseconds."""
    steps = MOVING // TICK
    places, durations = [0.0], [FIRST]
    for epoch in range(1, epochs):
        shares = np.arange(1, steps) / steps
        places += [epoch - 1 + float(t * t * (3 - 2 * t)) for t in shares] + [float(epoch)]
        durations += [TICK] * (steps - 1) + [RESTING]
    return places, [*durations[:-1], LAST]


def caption(about: dict[str, Any]) -> list[str]:
    """What is seen, and of what."""
    manifest, config = about["manifest"], about["config"]
    return [
        f"Synthetic studies: {manifest['n_fit']:,} to train on, {len(about['studies'])} of the validation "
        f"split shown; {config['epochs']} epochs, seed {config['seed']}, one start.",
        f"One PCA plane for both runs and all epochs; in between, places are interpolated. Lines: every "
        f"{EVERY}th pair.",
        "R@10: the own partner among the ten nearest, mean of both directions, "
        "\u00b1 half its 95 % interval.",
    ]


def frame(runs: list[Run], place: float, words: list[str], fonts: dict[int, Any]) -> Image.Image:
    """One picture: both maps at a place between two epochs, with the numbers of the last epoch reached."""
    image = Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), "white")
    draw = ImageDraw.Draw(image)
    heading(draw, place, len(runs[0].xy) - 1, fonts)
    for column, run in enumerate(runs):
        left = EDGE + column * (SIZE[0] - 2 * EDGE - PANEL)
        panel(draw, run, place, left, fonts)
    for row, line in enumerate(words):
        text(draw, (EDGE, SIZE[1] - 50 + row * 15), line, GREY, fonts[12])
    return image.reduce(FINE)


def heading(draw: ImageDraw.ImageDraw, place: float, last: int, fonts: dict[int, Any]) -> None:
    """The epoch, how far it is, and which shape is what."""
    moving = f" to {int(place) + 1}" if place % 1 else ""
    words = f"Epoch {int(place)}{moving} of {last}" + ("" if place else ", before training")
    text(draw, (EDGE, 10), words, INK, fonts[17])
    left = SIZE[0] - EDGE - 150
    for x, name, colour, shape in zip(
        (left, left + 76), SHOWN, MODALITY_COLOURS, (triangle, diamond), strict=False
    ):
        draw.polygon(shape(x * FINE, 21 * FINE, 6 * FINE), fill=colour)
        text(draw, (x + 11, 12), name, INK, fonts[14])
    y, right = 38 * FINE, (SIZE[0] - EDGE) * FINE
    draw.line((EDGE * FINE, y, right, y), fill=FRAME, width=2 * FINE)
    draw.line(
        (EDGE * FINE, y, EDGE * FINE + place / last * (right - EDGE * FINE), y), fill=GREY, width=2 * FINE
    )


def panel(draw: ImageDraw.ImageDraw, run: Run, place: float, left: int, fonts: dict[int, Any]) -> None:
    """One map with its name above and its numbers beneath."""
    text(draw, (left, 48), run.letter, run.colour, fonts[17])
    text(draw, (left + 18, 50), run.words, INK, fonts[14])
    low = int(min(place, len(run.xy) - 2))
    xy = run.xy[low] + (place - low) * (run.xy[low + 1] - run.xy[low])
    height = SIZE[1] - TOP - 84
    box = [v * FINE for v in (left, TOP, left + PANEL, TOP + height)]
    draw.rectangle(box, outline=FRAME, width=FINE)
    centre, scale = np.array([box[0] + box[2], box[1] + box[3]]) / 2, (height / 2 - 10) * FINE
    points = centre + xy * scale * [1, -1]
    for a, b in points.transpose(1, 0, 2)[::EVERY]:
        draw.line((*a, *b), fill=LINE, width=FINE)
    for pair in points.transpose(1, 0, 2):
        for (x, y), colour, shape in zip(pair, MODALITY_COLOURS, (triangle, diamond), strict=False):
            draw.polygon(shape(x, y, 4.5 * FINE), fill=colour, outline="white")
    numbers(draw, run, int(place), left, fonts)


def numbers(draw: ImageDraw.ImageDraw, run: Run, epoch: int, left: int, fonts: dict[int, Any]) -> None:
    now = run.numbers[epoch]
    half = f"{100 * now['recall_at_10_half']:.0f}"
    parts = (
        (0, "gap", f"{now['centroid_gap']:.2f}"),
        (82, "cosine of pairs", f"{now['cos_true_pairs']:.2f}"),
        (230, "R@10", f"{now['recall_at_10']:.0%} \u00b1 {half}"),
    )
    for offset, name, value in parts:
        at = left + offset
        text(draw, (at, SIZE[1] - 77), name, GREY, fonts[14])
        text(draw, (at + fonts[14].getlength(name) / FINE + 6, SIZE[1] - 77), value, INK, fonts[14])


def text(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, colour: str, font: Any) -> None:
    draw.text((at[0] * FINE, at[1] * FINE), words, fill=colour, font=font)


def triangle(x: float, y: float, r: float) -> list[tuple[float, float]]:
    return [(x, y - r), (x + 0.95 * r, y + 0.7 * r), (x - 0.95 * r, y + 0.7 * r)]


def diamond(x: float, y: float, r: float) -> list[tuple[float, float]]:
    return [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]


def colours() -> Image.Image:
    """A palette that holds every colour of the picture, and its way to white for smooth edges."""
    image = Image.new("P", (1, 1))
    inks = [ImageColor.getrgb(c) for c in (INK, COLOUR_A, COLOUR_B, *MODALITY_COLOURS[:2])]
    shares = np.linspace(0, 1, STEPS)[:, None]
    ramps = np.concatenate([255 + shares * (np.array(ink) - 255) for ink in inks])
    greys = [ImageColor.getrgb(c) for c in (GREY, FRAME, LINE)]
    image.putpalette(np.concatenate([ramps.round(), greys]).astype(np.uint8).tobytes())
    return image


if __name__ == "__main__":
    main(Path(sys.argv[1]))
