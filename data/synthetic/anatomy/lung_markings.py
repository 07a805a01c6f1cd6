"""Vascular markings of the lungs: two trees of vessels that branch and thin from the hila."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from suture.data.synthetic.scene import Scene
from suture.data.synthetic.shapes import Floats

HILA = ((0.405, 0.43, -1), (0.595, 0.415, +1))
STEMS, LEVELS, PIECES = 6, 4, 3
ZOOM = 2  # lines are drawn larger and averaged down, for soft edges


def draw_markings(scene: Scene) -> Floats:
    """Markings of both lungs in attenuation units, not yet cut to the lungs."""
    canvas = Image.new("L", (scene.size * ZOOM, scene.size * ZOOM))
    pen = ImageDraw.Draw(canvas)
    for width, paths in _trees(scene.anatomy):
        placed = scene.pose.to_image(paths.reshape(-1, 2)).reshape(paths.shape)
        thick = max(1, round(width * scene.size * ZOOM))
        shade = int(255 * min(1.0, 0.22 + width * 50))
        for path in (placed * (scene.size * ZOOM)).reshape(len(paths), -1).tolist():
            pen.line(path, fill=shade, width=thick)
    drawn = np.asarray(canvas.reduce(ZOOM), np.float32) / 255
    return gaussian_filter(drawn, 0.0035 * scene.size)


def _trees(rng: np.random.Generator) -> list[tuple[float, Floats]]:
    """(width, paths (k, PIECES + 1, 2)) of every level; widths in frame fractions."""
    roots = np.repeat(np.array([hilum[:2] for hilum in HILA]), STEMS, axis=0)
    signs = np.repeat([hilum[2] for hilum in HILA], STEMS)
    angles = np.tile(np.linspace(-1.3, 1.35, STEMS), 2) + rng.uniform(-0.12, 0.12, 2 * STEMS)
    levels, width, step = [], 0.0125, 0.034
    for _ in range(LEVELS):
        path = [roots]
        for _ in range(PIECES):
            angles = angles + rng.normal(0, 0.15, len(angles))
            length = step * rng.uniform(0.75, 1.25, len(angles))
            move = np.stack([signs * np.cos(angles), np.sin(angles)], 1) * length[:, None]
            path.append(path[-1] + move)
        levels.append((width, np.stack(path, 1).astype(np.float32)))
        roots, signs = np.repeat(path[-1], 2, axis=0), np.repeat(signs, 2)
        turns = rng.uniform(0.2, 0.55, len(angles))
        angles = np.stack([angles - turns, angles + turns[::-1]], 1).ravel()
        width, step = width * 0.68, 0.027
    return levels
