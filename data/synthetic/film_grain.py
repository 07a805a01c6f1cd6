"""From attenuation to a grey image: film grain (quantum noise), detail processing, window, marker, shutters.

As in reading rooms, higher attenuation is brighter. The grain is that of a photon count: its standard
deviation grows with exp(attenuation / 2) and falls with the dose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from suture.data.synthetic.scene import Scene
from suture.data.synthetic.shapes import Floats, ramp


@dataclass(frozen=True)
class Exposure:
    """How one film was taken: the ground-truth technique factors of a study.

    `level` darkens by a share of the grey range, `noise` is the standard deviation of the noise at the middle
    of the window, `blur` is in frame fractions.
    """

    level: float = 0.0
    noise: float = 0.03
    blur: float = 0.003
    contrast: float = 1.0
    vignette: float = 0.05
    shutters: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # left, top, right, bottom
    tilt: float = 0.0
    marker: str = "L"
    marker_at: tuple[float, float] = (0.93, 0.07)


def develop(
    scene: Scene, exposure: Exposure, window: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The displayed image (size, size); `window` is the (black, white) attenuation."""
    size = scene.size
    attenuation = gaussian_filter(scene.tissue + scene.bone + scene.metal, exposure.blur * size)
    middle = sum(window) / 2
    grain = _grain(rng, size)
    starved = np.exp(np.clip(attenuation - middle, -4, 2.5) / 2)  # fewer photons, more noise
    attenuation += exposure.noise * (window[1] - window[0]) / 3.5 * starved * grain
    veil = _veil(attenuation)
    processed = middle + 0.62 * (veil - middle) + 1.35 * (attenuation - veil)
    low, high = window
    grey = ((processed - low) / (high - low) - exposure.level) * exposure.contrast
    grey = _toe(grey) * _vignette(scene, exposure)
    grey = grey * (0.1 + 0.9 * ramp(attenuation, 0.0, 0.09))  # bare detector stays black
    grey = grey * _shutters(size, exposure)
    grey = np.maximum(grey, 0.93 * _marker(size, exposure))
    return (np.clip(grey, 0, 1) * 255).astype(np.uint8)


def _grain(rng: np.random.Generator, size: int) -> Floats:
    """Unit noise, slightly correlated between neighbouring pixels, as in a detector."""
    white = rng.standard_normal((size + 1, size + 1), dtype=np.float32)
    return 0.9 * white[1:, 1:] + 0.31 * white[:-1, 1:] + 0.31 * white[1:, :-1]


def _veil(attenuation: Floats) -> Floats:
    """A wide blur, computed at low resolution, which detail processing subtracts."""
    size = len(attenuation)
    small = Image.fromarray(attenuation).resize((20, 20), Image.Resampling.BOX)
    wide = gaussian_filter(np.asarray(small, np.float32), 1.6, mode="nearest")
    back = Image.fromarray(wide).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(back, np.float32)


def _toe(grey: Floats) -> Floats:
    """A film's S-shaped response: soft shoulders instead of clipped ends."""
    scaled = np.clip(grey, -1, 2)
    response = 1 / (1 + np.exp(-4.6 * (scaled - 0.5)))
    low = 1 / (1 + np.exp(2.3))
    return np.clip((response - low) / (1 - 2 * low), 0, 1.04).astype(np.float32)


def _vignette(scene: Scene, exposure: Exposure) -> Floats:
    grid = (np.arange(scene.size, dtype=np.float32) + 0.5) / scene.size - 0.5
    radius2 = grid[None, :] ** 2 + grid[:, None] ** 2
    return 1 - exposure.vignette * radius2 * 2


def _shutters(size: int, exposure: Exposure) -> Floats:
    """Collimator blades: black borders, slightly out of true, with a soft edge."""
    left, top, right, bottom = exposure.shutters
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size
    u = grid[None, :] + exposure.tilt * (grid[:, None] - 0.5)
    v = grid[:, None] - exposure.tilt * (grid[None, :] - 0.5)
    inside = np.minimum(np.minimum(u - left, 1 - right - u), np.minimum(v - top, 1 - bottom - v))
    open_sides = min(left, top, right, bottom) <= 0
    edge = 1.2 / size
    if open_sides and max(left, top, right, bottom) <= 0:
        return np.ones((size, size), np.float32)
    return ramp(inside, -edge, edge)


def _marker(size: int, exposure: Exposure) -> Floats:
    """The lead letter that marks the side, at its place in an empty frame."""
    frame = np.zeros((size, size), np.float32)
    glyph = _glyph(exposure.marker, max(8, round(size * 0.085)))
    high, wide = glyph.shape
    x = int(np.clip(exposure.marker_at[0] * size - wide / 2, 0, size - wide))
    y = int(np.clip(exposure.marker_at[1] * size - high / 2, 0, size - high))
    frame[y : y + high, x : x + wide] = glyph
    return frame


@lru_cache(maxsize=32)
def _glyph(letter: str, height: int) -> Floats:
    font = ImageFont.load_default(size=height * 4)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(letter))
    canvas = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(canvas).text(
        (4 - left, 4 - top), letter, fill=255, font=font, stroke_width=3, stroke_fill=255
    )
    small = canvas.resize((max(1, canvas.width // 4), max(1, canvas.height // 4)))
    return np.asarray(small, np.float32) / 255
