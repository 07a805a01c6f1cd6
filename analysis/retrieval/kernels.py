"""Compiled loops of the retrieval engine, cached on disk after the first use.

Tile scores are float32 products of centred rows and bound the true score. Where the bounds do not decide,
`score` computes the float64 sum in a fixed order, so that equal rows always have equal scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

SQUARE = 16  # transposed at a time: 16 float32 are one line of cache


@njit(nogil=True, cache=True)
def score(a: Any, a_scale: float, b: Any, b_scale: float) -> float:
    """Cosine of two rows in float64. Eight partial sums in a fixed order."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = len(a) - len(a) % 8
    for i in range(0, whole, 8):
        s0 += np.float64(a[i]) * np.float64(b[i])
        s1 += np.float64(a[i + 1]) * np.float64(b[i + 1])
        s2 += np.float64(a[i + 2]) * np.float64(b[i + 2])
        s3 += np.float64(a[i + 3]) * np.float64(b[i + 3])
        s4 += np.float64(a[i + 4]) * np.float64(b[i + 4])
        s5 += np.float64(a[i + 5]) * np.float64(b[i + 5])
        s6 += np.float64(a[i + 6]) * np.float64(b[i + 6])
        s7 += np.float64(a[i + 7]) * np.float64(b[i + 7])
    total = ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
    for i in range(whole, len(a)):
        total += np.float64(a[i]) * np.float64(b[i])
    return total * (a_scale * b_scale)


@njit(nogil=True, cache=True)
def products(rows: Any, scale: Any, point: Any) -> Any:
    """Product of every unit row with a point, (n,)."""
    out = np.empty(len(rows))
    for i in range(len(rows)):
        out[i] = score(rows[i], scale[i], point, 1.0)
    return out


@njit(nogil=True, cache=True)
def lengths_and_codes(rows: Any, factors: Any) -> Any:
    """Length of each row, and a hash code that is equal for equal rows, (n,) each."""
    lengths, codes = np.empty(len(rows)), np.zeros(len(rows), np.int64)
    wide = np.empty(rows.shape[1])
    bits = wide.view(np.int64)
    for i in range(len(rows)):
        wide[:] = rows[i]
        wide += 0.0  # -0 becomes 0
        lengths[i] = np.sqrt(score(wide, 1.0, wide, 1.0))
        for d in range(len(bits)):
            codes[i] += (bits[d] ^ (bits[d] >> 29)) * factors[d]
    return lengths, codes


@njit(nogil=True, cache=True)
def add_weighted(rows: Any, scale: Any, weights: Any, total: Any) -> None:
    """Adds the unit rows, each times its weight, to a total (dim,)."""
    for i in range(len(rows)):
        for d in range(rows.shape[1]):
            total[d] += weights[i] * scale[i] * rows[i, d]


@njit(nogil=True, cache=True)
def centred(rows: Any, scale: Any, centre: Any) -> Any:
    """The unit rows less a centre in float32, and their lengths."""
    out, radius = np.empty(rows.shape, np.float32), np.empty(len(rows))
    for i in range(len(rows)):
        square = 0.0
        for d in range(rows.shape[1]):
            value = scale[i] * rows[i, d] - centre[d]
            out[i, d] = value
            square += value * value
        radius[i] = np.sqrt(square)
    return out, radius


@njit(nogil=True, cache=True)
def scores_of(x: Any, x_scale: Any, y: Any, y_scale: Any) -> Any:
    """Score of x[p] and y[p] for every pair p."""
    out = np.empty(len(x))
    for p in range(len(x)):
        out[p] = score(x[p], x_scale[p], y[p], y_scale[p])
    return out


@njit(nogil=True, cache=True)
def keep_right(entry: Any, scores: Any, copies: Any, best: Any, reached: Any) -> None:
    """Update the highest score of each entry with right answers, and the number of copies with that score."""
    for p in range(len(entry)):
        e = entry[p]
        if scores[p] > best[e]:
            best[e], reached[e] = scores[p], copies[p]
        elif scores[p] == best[e]:
            reached[e] += copies[p]


@njit(nogil=True, cache=True)
def transpose(tile: Any, out: Any) -> None:
    """out[c, r] = tile[r, c], in cache-sized squares."""
    rows, columns = tile.shape
    for r0 in range(0, rows, SQUARE):
        for c0 in range(0, columns, SQUARE):
            for c in range(c0, min(c0 + SQUARE, columns)):
                for r in range(r0, min(r0 + SQUARE, rows)):
                    out[c, r] = tile[r, c]


@njit(nogil=True, cache=True, inline="always")
def _tally(scores: Any, offset: Any, weights: Any, alike: bool, low: float, high: float) -> Any:
    """Weight of the scores above `high`, and of those at least `low`."""
    over, near = np.int32(0), np.int32(0)
    if alike:  # all weights are 1, the common case: four times faster
        for c in range(len(scores)):
            value = scores[c] + offset[c]
            over = np.int32(over + np.int32(value > high))
            near = np.int32(near + np.int32(value >= low))
        return over, near
    for c in range(len(scores)):
        value = scores[c] + offset[c]
        over = np.int32(over + (weights[c] if value > high else np.int32(0)))
        near = np.int32(near + (weights[c] if value >= low else np.int32(0)))
    return over, near


@njit(nogil=True, cache=True)
def count(
    tile: Any, row: int, item: int, offset: Any, starts: Any, low: Any, high: Any, best: Any, weights: Any,
    x: Any, x_scale: Any, y: Any, y_scale: Any, above: Any, tied: Any,
) -> None:  # fmt: skip
    """Add to above and tied, for each target, the weight of this tile's items above and equal to its score.

    tile (r, c) starts at row `row` and item `item`, as do x, y and their scales; offset (c,) turns it into
    the score up to a constant of the row. Row i has targets starts[i]:starts[i+1]: an item over `high` is
    above, under `low` below; in between, `score` is compared with `best`.
    """
    columns = tile.shape[1]
    alike = (
        weights[item : item + columns] == 1
    ).all()  # no repeated items, the common case: four times faster
    for r in range(tile.shape[0]):
        i = row + r
        for q in range(starts[i], starts[i + 1]):
            lo, hi = low[q], high[q]
            over, near = _tally(tile[r], offset, weights[item : item + columns], alike, lo, hi)
            above[q] += over
            if near != over:
                for c in range(columns):
                    value = tile[r, c] + offset[c]
                    j = item + c
                    if lo <= value <= hi and weights[j]:
                        s = score(x[r], x_scale[r], y[c], y_scale[c])
                        if s > best[q]:
                            above[q] += weights[j]
                        elif s == best[q]:
                            tied[q] += weights[j]


@njit(nogil=True, cache=True)
def count_turned(
    tile: Any, row: int, offset: Any, low: Any, high: Any, best: Any,
    x: Any, x_scale: Any, y: Any, y_scale: Any, above: Any, tied: Any,
) -> None:  # fmt: skip
    """`count` for the columns of a tile, where each column has one target and every item has weight 1.

    tile (r, c) starts at item `item` and target `row`, as do y, x and their scales; offset (r,) of items.
    """
    items, columns = tile.shape
    over, near = np.zeros(columns, np.int32), np.zeros(columns, np.int32)
    lows, highs = low[row : row + columns], high[row : row + columns]
    for r in range(items):
        for c in range(columns):
            value = tile[r, c] + offset[r]
            over[c] = np.int32(over[c] + np.int32(value > highs[c]))
            near[c] = np.int32(near[c] + np.int32(value >= lows[c]))
    for c in range(columns):
        q = row + c
        above[q] += over[c]
        if near[c] != over[c]:
            for r in range(items):
                if low[q] <= tile[r, c] + offset[r] <= high[q]:
                    s = score(x[c], x_scale[c], y[r], y_scale[r])
                    if s > best[q]:
                        above[q] += 1
                    elif s == best[q]:
                        tied[q] += 1


@njit(nogil=True, cache=True)
def keep_best(tile: Any, row: int, item: int, offset: Any, values: Any, items: Any) -> None:
    """Merge this tile into the highest values of each row, descending: values, items (n_rows, kept)."""
    columns, last = tile.shape[1], values.shape[1] - 1
    for r in range(tile.shape[0]):
        i = row + r
        floor = values[i, last]
        higher = np.int32(0)
        for c in range(columns):
            higher = np.int32(higher + np.int32(tile[r, c] + offset[c] > floor))
        if higher:
            for c in range(columns):
                _insert(values[i], items[i], tile[r, c] + offset[c], item + c)


@njit(nogil=True, cache=True)
def merge_best(values: Any, items: Any, more: Any, more_items: Any) -> None:
    """Merge the candidates of another thread, all (n_rows, kept) in descending order."""
    for i in range(len(values)):
        for c in range(values.shape[1]):
            _insert(values[i], items[i], more[i, c], more_items[i, c])


@njit(nogil=True, cache=True)
def _insert(values: Any, items: Any, value: float, item: int) -> None:
    place = len(values) - 1
    if value > values[place]:
        while place > 0 and values[place - 1] < value:
            values[place], items[place] = values[place - 1], items[place - 1]
            place -= 1
        values[place], items[place] = value, item


@njit(nogil=True, cache=True)
def settle_nearest(scored: Any, items: Any, starts: Any, members: Any, out: Any) -> Any:
    """Write the rows of highest score to out (n_rows, k); equal rows in gallery order.

    scored, items (n_rows, kept): candidates. Returns (n_rows,) the lowest selected score.
    """
    lowest = np.empty(len(items))
    for i in range(len(items)):
        lowest[i] = _fill(scored[i], items[i], starts, members, out[i])
    return lowest


@njit(nogil=True, cache=True)
def _fill(scored: Any, ids: Any, starts: Any, members: Any, out: Any) -> Any:
    """Write the members of the highest scores to out, ties by first member; return the lowest score."""
    taken, lowest = 0, np.inf
    order = np.argsort(ids)  # a stable sort of scores then keeps ties in gallery order
    order = order[np.argsort(-scored[order], kind="mergesort")]
    for p in order:
        for m in range(starts[ids[p]], starts[ids[p] + 1]):
            if taken == len(out):
                return lowest
            out[taken], lowest = members[m], scored[p]
            taken += 1
    return lowest


@njit(nogil=True, cache=True)
def medians(counts: Any, codes: Any, ordered: Any) -> Any:
    """Weighted median of ascending values under each resample: mean of lower and upper, (resamples,).

    counts (resamples, n_groups) how often a group was drawn; codes (n,) group of each value.
    """
    out = np.full(len(counts), np.nan)
    for b in range(len(counts)):
        drawn = counts[b]
        total = 0
        for code in codes:
            total += drawn[code]
        if not total:
            continue
        reached, place = 0, -1
        while 2 * reached < total:
            place += 1
            reached += drawn[codes[place]]
        upper = place
        if 2 * reached == total:  # exactly half: the next value with weight is the upper median
            upper += 1
            while not drawn[codes[upper]]:
                upper += 1
        out[b] = (ordered[place] + ordered[upper]) / 2
    return out
