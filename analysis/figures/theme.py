"""One look for every figure: colours, margins, legend, grid, hover.

Shape is modality, colour is meaning. Text and background are left to the page, so that a figure fits light
and dark. What is set here is set on the figure itself: Streamlit's theme replaces half of a Plotly template,
and the report drops templates, but neither touches what a figure says of itself.

Colours are told apart under deuteranopia, protanopia and tritanopia; those that stand alone (A, B,
modalities, kinds of pairs, verdicts) reach a contrast of 3 to both pages. The tests state the thresholds.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLOUR_A, COLOUR_B = "#0072B2", "#D55E00"  # one each, on every page (Okabe-Ito)
MODALITY_COLOURS = ("#34A2B4", "#934D6D", "#8F9870", "#8581FF")  # none of them is A's or B's
CATEGORY_COLOURS = ("#CF7300", "#463E96", "#1DC8DA", "#AE0202", "#008683", "#8B62F6", "#AABC95", "#6C3B44")
# Plasma without its darkest and lightest ends, so that it reads on light and on dark pages.
SEQUENTIAL = ("#5B1FB0", "#8F2AAE", "#BC3A8B", "#DB5C68", "#F08A47", "#F5B52E")
DIVERGING = ("#542788", "#998EC3", "#F7F7F7", "#F1A340", "#B35806")  # Brewer's PuOr, 0 in the middle
SHAPES = ("triangle-up", "diamond", "circle", "square", "cross", "star")

# The word stands beside every mark: colour is never alone.
GOOD, BAD, OTHER, OPEN = "#1E8A3C", "#C8443C", "#7E6BB5", "#8C8C8C"
EXPECTED = "#8A7D00"  # what chance or a null would give, over bars
SHADE = "rgba(140,140,140,0.16)"
GRID = "rgba(140,140,140,0.25)"
ORNAMENT = {"ornament": True}  # `meta` of a trace that repeats what another says: a band, a cross, a rule
ROW = 42  # pixels of a row that has its name above its mark
CLOSED = 2  # points at each end of `steps`
LOWER = 0.18  # of a row: the mark stands below the name

LEGEND = {
    "orientation": "h",
    "yref": "container",
    "yanchor": "top",
    "y": 1,
    "x": 0,
    "itemsizing": "constant",
    "tracegroupgap": 0,  # rows of a legend that a phone wraps stay together
    "title": {"text": ""},
}
AXIS_NAME = re.compile(r"[xy]axis\d*")
AXIS = {"gridcolor": GRID, "automargin": True, "title": {"standoff": 8}}


def styled(figure: go.Figure, height: int | None = None, *, legend: bool = True, top: int = 0) -> go.Figure:
    """The figure in the house's look. top: pixels above the drawing, by default what the legend takes."""
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
        figure.layout[part] = value  # whole: `update_layout` goes through every leaf, ten times as long
    return figure


def _over(under: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Both, one above the other at every depth."""
    deep = {
        key: _over(under[key], value)
        for key, value in upper.items()
        if isinstance(value, dict) and isinstance(under.get(key), dict)
    }
    return {**under, **upper, **deep}


def faint(colour: str, opacity: float) -> str:
    """#RRGGBB as one that lets others through."""
    return f"rgba{(*bytes.fromhex(colour.removeprefix('#')), opacity)}"


def safe(words: str) -> str:
    """A stranger's words, which Plotly would read as HTML."""
    return words.replace("&", "&amp;").replace("<", "&lt;")


def steps(edges: Any, heights: Any, colour: str, columns: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A histogram as one outline with a filled inside: what lies behind stays readable.

    edges (n + 1,), heights (n,); columns  what the two are called. `CLOSED` points at each end only close the
    outline, so that the first and the last bin are as wide as the others.
    """
    middles = [round((low + high) / 2, 9) for low, high in pairwise(edges)]
    told = [*zip(middles, heights, strict=True)]
    return {
        "x": [edges[0]] * CLOSED + middles + [edges[-1]] * CLOSED,
        "y": [0, heights[0], *heights, heights[-1], 0],
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "shape": "hvh"},
        "fill": "tozeroy",
        "fillcolor": faint(colour, 0.28),
        "customdata": told[:1] * CLOSED + told + told[-1:] * CLOSED,
        "meta": {"columns": columns, "closed": CLOSED},
        **more,
    }


def rule(figure: go.Figure, x: float, colour: str = OPEN, **more: Any) -> None:
    """An upright line, dashed, with `text` beside it if given."""
    text = more.pop("text", "")
    told = {"annotation_text": text, "annotation_position": "top right"} if text else {}
    figure.add_vline(x=x, line={"dash": "dash", "color": colour, "width": 1.5}, **told, **more)


def named(figure: go.Figure, names: list[str], *, row: int = ROW) -> go.Figure:
    """Places 0, 1, ... of the upright axis, the first on top, each under its name: so both fit a phone."""
    for place, name in enumerate(names):
        where = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": 4, "y": place - 0.5, "yanchor": "top"}
        figure.add_annotation(text=safe(name), showarrow=False, font={"size": 12}, **where)
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5], showticklabels=False, showgrid=False, zeroline=False, fixedrange=True
    )
    return figure.update_layout(height=90 + row * len(names))
