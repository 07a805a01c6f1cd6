"""`DicomView`: which frame of a DICOM file is shown, and with which window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from suture.data.errors import Refused

Window = tuple[float, float]  # (centre, width), after the file's rescale

# In Hounsfield units, so for CT only. Radiopaedia, "Windowing (CT)", https://doi.org/10.53347/rID-52108; of a
# range, the middle, rounded.
PRESETS: dict[str, Window] = {
    "lung": (-600, 1500),
    "mediastinum": (50, 350),
    "abdomen": (50, 400),
    "soft tissue": (40, 400),
    "brain": (40, 80),
    "bone": (400, 1800),
}


@dataclass(frozen=True)
class DicomView:
    """How each file is shown.

    frame   counted from 0 (the last one if a file has fewer), or "middle" (the later of two middle frames)
    window  "file" = the file's first window, else its whole range; a name of `PRESETS`, which applies to CT
            while other modalities use "file"; or (centre, width) for every file

    `Refused` for an invalid window or frame.
    """

    frame: int | Literal["middle"] = "middle"
    window: str | Window = "file"

    def __post_init__(self) -> None:
        known = ("file", *PRESETS)
        if isinstance(self.window, str) and self.window not in known:
            raise Refused(
                "view_unknown", f"Unknown window. Must be one of: {', '.join(known)}; or two numbers."
            )
        if not isinstance(self.window, str) and not is_window(*self.window):
            message = "A window is a centre and a width of at least 1, both finite numbers. Change them."
            raise Refused("view_unknown", message)
        if self.frame != "middle" and self.frame < 0:
            raise Refused("view_unknown", 'The frame must be "middle" or a number from 0.')

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> DicomView:
        """The inverse of `dataclasses.asdict`, where JSON has turned a tuple into a list."""
        window = content.get("window", "file")
        return cls(content.get("frame", "middle"), window if isinstance(window, str) else tuple(window))

    @classmethod
    def parse(cls, frame: str, window: str) -> DicomView:
        """Parse user input: "middle" or "12"; "file", "lung" or "40,400"."""
        try:
            number: int | Literal["middle"] = "middle" if frame == "middle" else int(frame)
            centre, comma, width = window.partition(",")
            return cls(number, (float(centre), float(width)) if comma else window)
        except ValueError as error:
            message = 'Expected a frame such as "middle" or 12, and a window such as "lung" or "40,400".'
            raise Refused("view_unknown", message) from error

    def frame_number(self, frames: int) -> int:
        """The number of the frame to show, of `frames`."""
        return frames // 2 if self.frame == "middle" else min(self.frame, frames - 1)

    def window_for(self, modality: str) -> Window | None:
        """The window for files of this modality; None = the window of the file."""
        if not isinstance(self.window, str):
            return self.window
        return PRESETS.get(self.window) if modality == "CT" else None


def is_window(centre: float, width: float) -> bool:
    """Whether PS3.3 C.11.2.1.2 defines this window."""
    return math.isfinite(centre) and math.isfinite(width) and width >= 1


MIDDLE = DicomView()
