"""The scene of one exposure: a posed body as layers of attenuation.

Painters work in body coordinates (see `pose`) and add to the layers; the film is developed last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from scipy.ndimage import gaussian_filter

from suture.data.synthetic.pose import Pose
from suture.data.synthetic.shapes import Floats, Shape, chord, outline_depth, plate, tube, union_depth

# Linear attenuation per cm near 60 keV; bone's are the excess over the water it displaces.
MU_WATER, MU_LUNG, MU_FAT = 0.20, 0.055, 0.175
MU_CORTEX, MU_MARROW = 0.62, 0.15

# Pixels of a window from which depths are measured on half and on a quarter of the grid.
COARSE_FROM, COARSER_FROM = 1200, 7000

Window = tuple[slice, slice]
Effect = Callable[[Floats, Floats, Floats], Floats]  # (x, y, bone patch) -> bone patch


@dataclass
class Scene:
    """The layers of one exposure, and the places of its findings.

    `tissue`, `bone` and `metal` are attenuations (size, size), dimensionless; `fov` is the
    frame's width in cm; `located` maps a finding to its (x, y, radius) in image fractions.
    `anatomy` draws the patient, `detail` the findings: taking a finding away leaves the patient.
    """

    size: int
    fov: float
    pose: Pose
    anatomy: np.random.Generator
    detail: np.random.Generator
    female: bool = False
    age: int = 50
    located: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    effects: dict[str, list[Effect]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grid = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size
        u, v = np.meshgrid(grid, grid)
        self.x, self.y = self.pose.to_body(u, v)
        half = _halved((self.x, self.y))
        self.coarse = {2: half, 4: _halved(half)}
        self.tissue, self.bone, self.metal = (np.zeros_like(self.x) for _ in range(3))
        white = self.anatomy.standard_normal(self.x.shape, dtype=np.float32)
        self.grain = gaussian_filter(white, 0.006 * self.size) * 1.6
        self.cloud = _clouds(self.anatomy, self.size)

    def window(self, points: Floats, margin: float) -> Window:
        """The part of the frame that holds `points` with `margin` around them."""
        box = self.pose.frame(points, margin)
        left, top, right, bottom = (edge * self.size for edge in box)
        rows, cols = _blocks(top, bottom, self.size), _blocks(left, right, self.size)
        return rows, cols

    def depth_in(self, outline: Floats) -> Floats:
        """Depth inside a closed outline (k, 2) on the whole frame, cut off at -0.05."""
        whole = np.full_like(self.x, -0.05)
        win = self.window(outline, 0.05)
        if _area(win):
            whole[win] = self._sampled(win, lambda x, y: (outline_depth(x, y, outline),))[0]
        return whole

    def _sampled(self, win: Window, measure: Callable[[Floats, Floats], tuple[Floats, ...]]) -> list[Floats]:
        """`measure` on a window; a large one is measured on half the grid and enlarged.

        Depths are smooth, so nothing sharp is lost: edges are cut from the enlarged depth.
        """
        area = _area(win)
        if area < COARSE_FROM:
            return list(measure(self.x[win], self.y[win]))
        step = 4 if area > COARSER_FROM else 2
        rows, cols = (slice(w.start // step, w.stop // step) for w in win)
        small = [grid[rows, cols] for grid in self.coarse[step]]
        shape = win[1].stop - win[1].start, win[0].stop - win[0].start
        bicubic = Image.Resampling.BICUBIC
        return [
            np.asarray(Image.fromarray(m).resize(shape, bicubic)) if np.ndim(m) else m
            for m in measure(*small)
        ]

    def locate(self, finding: str, point: ArrayLike, radius: float) -> None:
        """Record the place of a finding: a body point and a radius in frame fractions."""
        u, v = self.pose.to_image(np.asarray([point], np.float32))[0]
        self.located[finding] = (float(u), float(v), float(radius * self.pose.scale))

    def add_tube(
        self,
        name: str,
        points: ArrayLike,
        radii: ArrayLike,
        *,
        cortex: float | Floats = 0.006,
        marrow: float = 1.0,
        flat: float = 1.0,
    ) -> None:
        """A bone like a bent pipe, radii given at its points."""
        self.add_bone(name, tube(points, radii), cortex=cortex, marrow=marrow, flat=flat)

    def add_plate(
        self,
        name: str,
        points: ArrayLike,
        radius: float,
        *,
        cortex: float | Floats = 0.006,
        marrow: float = 1.0,
        flat: float = 1.0,
    ) -> None:
        """A bone of any outline (k, 2), rounded at the edge with `radius`."""
        self.add_bone(name, plate(points, radius), cortex=cortex, marrow=marrow, flat=flat)

    def add_bone(
        self,
        name: str,
        *shapes: Shape,
        cortex: float | Floats = 0.006,
        marrow: float = 1.0,
        flat: float = 1.0,
    ) -> None:
        """A bone that is the union of `shapes`: cortex (frame fractions) around marrow.

        `cortex` may be a map of the whole frame; `flat` < 1 makes the bone thinner along the beam
        than across it, `marrow` scales the density of its spongy inside.
        """
        points = np.concatenate([shape.path for shape in shapes])
        win = self.window(points, max(float(shape.radii.max()) for shape in shapes))
        if not _area(win):
            return
        depth, radius = self._sampled(win, lambda x, y: union_depth(shapes, x, y))
        shell_width = cortex if isinstance(cortex, float) else cortex[win]
        inner = chord(depth - shell_width, np.maximum(radius - shell_width, 1e-4))
        shell = chord(depth, radius) - inner
        spongy = inner * MU_MARROW * marrow * (1 + 0.16 * self.grain[win])
        patch = self.fov * flat * (shell * MU_CORTEX + spongy)
        for effect in self.effects.get(name, ()):
            patch = effect(self.x[win], self.y[win], patch)
        self.bone[win] += patch


def _clouds(rng: np.random.Generator, size: int) -> Floats:
    """Slow unevenness of tissue with unit spread, the same at every image size."""
    coarse = gaussian_filter(rng.standard_normal((40, 40), dtype=np.float32), 1.4)
    wide = Image.fromarray(coarse / coarse.std()).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(wide, np.float32)


def _blocks(start: float, stop: float, size: int) -> slice:
    """Whole pixels from `start` to `stop` inside the frame, widened to multiples of four."""
    first = min(max(0, int(start) // 4 * 4), size)
    return slice(first, min(size, max(first, -(-int(stop + 2) // 4) * 4)))


def _halved(grids: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Both coordinate grids averaged over blocks of 2 x 2 pixels."""
    x, y = (0.25 * (g[::2, ::2] + g[1::2, ::2] + g[::2, 1::2] + g[1::2, 1::2]) for g in grids)
    return x, y


def _area(win: Window) -> int:
    return (win[0].stop - win[0].start) * (win[1].stop - win[1].start)
