"""The look of every figure: margins, legend, grid, hover, row names, histogram outlines.

Text and background colours are left to the page, so that a figure fits light and dark. Everything set here is
set on the figure itself, because Streamlit's theme replaces half of a Plotly template and the report drops
templates; neither changes what the figure itself sets. The colours are in `suture.analysis.figures.colours`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from suture.analysis.figures.colours import CATEGORY_COLOURS, GRID, NEUTRAL

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHAPES = ("triangle-up", "diamond", "circle", "square", "cross", "star")
ORNAMENT = {"ornament": True}  # `meta` of a decorative trace that adds no data: a band, a cross, a line
ROW = 42  # height in pixels of a row with its name above its mark
CLOSING_POINTS = 2  # points at each end of `histogram_outline`
MARK_OFFSET = 0.18  # offset of the mark below the name, in rows

LEGEND = {
    "orientation": "h",
    "yref": "container",
    "yanchor": "top",
    "y": 1,
    "x": 0,
    "itemsizing": "constant",
    "tracegroupgap": 0,  # keep wrapped legend rows together
    "title": {"text": ""},
}
AXIS_NAME = re.compile(r"[xy]axis\d*")
AXIS = {"gridcolor": GRID, "automargin": True, "title": {"standoff": 8}}


def styled(figure: go.Figure, height: int | None = None, *, legend: bool = True, top: int = 0) -> go.Figure:
    """Apply the common look. top: pixels above the plot, by default the height of the legend."""
    own = figure.layout.to_plotly_json()
    look = {
        "margin": {"l": 10, "r": 10, "t": top or (54 if legend else 16), "b": 10},
        "legend": LEGEND,
        "showlegend": legend,
        "dragmode": "pan",
        "hoverlabel": {"align": "left", "namelength": -1},
        "colorway": CATEGORY_COLOURS,
        "uniformtext": {"minsize": 10},
        **dict.fromkeys({"xaxis", "yaxis", *filter(AXIS_NAME.fullmatch, own)}, AXIS),
        **({"height": height} if height else {}),
    }
    for part, value in _over({name: own[name] for name in look if name in own}, look).items():
        figure.layout[part] = (
            value  # set whole parts: `update_layout` visits every leaf and takes ten times as long
        )
    return figure


def _over(under: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Both dictionaries merged recursively; `upper` wins."""
    deep = {
        key: _over(under[key], value)
        for key, value in upper.items()
        if isinstance(value, dict) and isinstance(under.get(key), dict)
    }
    return {**under, **upper, **deep}


def translucent(colour: str, opacity: float) -> str:
    """#RRGGBB as rgba with an opacity."""
    return f"rgba{(*bytes.fromhex(colour.removeprefix('#')), opacity)}"


def escaped(words: str) -> str:
    """Text escaped for Plotly, which interprets HTML."""
    return words.replace("&", "&amp;").replace("<", "&lt;")


def histogram_outline(
    edges: Any, heights: Any, colour: str, columns: tuple[str, str], **more: Any
) -> dict[str, Any]:
    """A histogram as one outline with a translucent fill, so that overlaid histograms are readable.

    edges (n + 1,), heights (n,); columns  names of the two in `data_of`. The `CLOSING_POINTS` points at each
    end only close the outline, so that the first and the last bin are as wide as the others.
    """
    middles = [round((low + high) / 2, 9) for low, high in pairwise(edges)]
    points = [*zip(middles, heights, strict=True)]
    return {
        "x": [edges[0]] * CLOSING_POINTS + middles + [edges[-1]] * CLOSING_POINTS,
        "y": [0, heights[0], *heights, heights[-1], 0],
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "shape": "hvh"},
        "fill": "tozeroy",
        "fillcolor": translucent(colour, 0.28),
        "customdata": points[:1] * CLOSING_POINTS + points + points[-1:] * CLOSING_POINTS,
        "meta": {"columns": columns, "closed": CLOSING_POINTS},
        **more,
    }


def vertical_line(figure: go.Figure, x: float, colour: str = NEUTRAL, **more: Any) -> None:
    """A dashed vertical line, with `text` beside it if given."""
    text = more.pop("text", "")
    label = {"annotation_text": text, "annotation_position": "top right"} if text else {}
    figure.add_vline(x=x, line={"dash": "dash", "color": colour, "width": 1.5}, **label, **more)


def with_row_names(figure: go.Figure, names: list[str], *, row: int = ROW) -> go.Figure:
    """Name the rows 0, 1, ... of the y axis, first on top; names are above the marks, to fit a phone."""
    for place, name in enumerate(names):
        where = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": 4, "y": place - 0.5, "yanchor": "top"}
        figure.add_annotation(text=escaped(name), showarrow=False, font={"size": 12}, **where)
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5], showticklabels=False, showgrid=False, zeroline=False, fixedrange=True
    )
    return figure.update_layout(height=90 + row * len(names))
