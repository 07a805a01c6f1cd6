"""What travels to the browser for a map, and back."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis.projection import Region
from suture.pages.components.linked_map import Cards, Colouring, Moment, Panel
from suture.pages.components.linked_map.colouring import MISSING
from suture.pages.components.linked_map.payload import LISTED, pack, rows_of, sent
from tests.app import maps


def packed(*frames, colours=(), **more):
    panel_options = {k: more.pop(k) for k in ("extent", "greyed", "regions") if k in more}
    arrays = [[np.asarray(xy, float)] for xy in frames]
    panel = Panel("A", "red", ["image"], ["triangle"], arrays, **panel_options)
    return pack(
        [panel], cards=more.pop("cards", Cards()), colours=colours or [Colouring.by_modality()], **more
    )


def test_coordinates_are_centred_with_their_aspect_kept() -> None:
    data = packed([[10.0, 1.0], [14.0, 2.0], [np.nan, np.nan]])
    expected = [[[[-1, -0.25], [1, 0.25], [np.nan, np.nan]]]]
    np.testing.assert_allclose(maps.places(data), expected, atol=2e-5)


def test_an_extent_fixes_the_scale_and_what_lies_beyond_it_stands_at_its_edge() -> None:
    data = packed([[1.0, 1.0], [0.0, 0.0], [9.0, 0.0]], extent=(-2, -1, 2, 1))
    np.testing.assert_allclose(maps.places(data)[0, 0], [[0.5, 0.5], [0, 0], [1, 0]], atol=2e-5)
    assert data["panels"][0]["reach"] == [1, 0.5]


def test_all_frames_share_one_scale() -> None:
    near, far = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [4.0, 0.0]])
    data = packed(near, far, moments=[Moment("one"), Moment("two", "a note")])
    np.testing.assert_allclose(maps.places(data)[:, 0, 1, 0], [-0.5, 1], atol=2e-5)
    assert data["frames"][1] == {"name": "two", "note": "a note"}


def test_a_step_is_below_a_pixel_at_the_largest_zoom() -> None:
    xy = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    xy[0], xy[1] = (-1, -1), (1, 1)
    assert np.abs(maps.places(packed(xy))[0, 0] - xy).max() * 400 * 80 < 1


def test_four_bytes_a_point_and_one_a_category() -> None:
    data = packed(np.zeros((1000, 2)), colours=[Colouring.by_category(np.zeros(1000, int), ["x"])])
    assert len(maps.column(data["panels"][0]["xy"], "u1")) == 4000
    assert len(maps.column(data["colour"]["url"], "u1")) == 1000


def test_codes_without_a_name_become_missing() -> None:
    data = packed(np.zeros((3, 2)), colours=[Colouring.by_category(np.array([-1, 1, 2]), ["x", "y"])])
    assert maps.column(data["colour"]["url"], "u1").tolist() == [MISSING, 1, MISSING]


def test_greyed_points_and_worst_pairs_travel_as_bits() -> None:
    grey, worst = [np.array([True, False, True])], np.array([False, True, False])
    data = packed(np.zeros((3, 2)), greyed=grey, worst=worst, lines="worst")
    assert maps.marks(data["panels"][0]["grey"], 1, 3).tolist() == [grey[0].tolist()]
    assert maps.marks(data["mask"]["worst"], 3).tolist() == worst.tolist()


def test_a_region_stands_among_its_points() -> None:
    region = Region(14.0, 2.0, "effusion", 9, 0.8)
    data = packed([[10.0, 1.0], [14.0, 2.0]], regions=[region])
    assert data["panels"][0]["regions"] == [{"x": 1.0, "y": 0.25, "name": "effusion", "n": 9, "share": 0.8}]


def test_the_digest_ignores_the_command_and_minds_everything_else() -> None:
    xy = np.zeros((3, 2))
    same = [packed(xy, command=command)["digest"] for command in (None, {"number": 1, "rows": [2]})]
    others = [packed(xy, height=500), packed(xy + np.eye(3)[:, :2]), packed(xy, lines="all")]
    assert same[0] == same[1]
    assert len({same[0], *(other["digest"] for other in others)}) == 4


def test_a_selection_goes_both_ways_as_a_list_or_as_bits() -> None:
    few, many = [2, 5, 11], list(range(3, 5 + 2 * LISTED, 2))
    assert sent(few) == {"rows": few}
    assert "rows" not in sent(many)
    assert rows_of(sent(many)) == many
    assert rows_of([5, 2, 5]) == [2, 5]
    assert rows_of(None) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: pack(
                [Panel("A", "red", ["x", "y"], ["circle"] * 2, [[np.zeros((3, 2)), np.zeros((2, 2))]])],
                cards=Cards(),
                colours=[Colouring.by_modality()],
            ),
            r"'A', y: expected coordinates of shape \(3, 2\), got \(2, 2\)",
        ),
        (lambda: packed(np.zeros((3, 2)), lines="some"), "Unknown lines: some. Must be one of"),
        (
            lambda: packed(np.zeros((3, 2)), cards=Cards(captions=["one"])),
            r"one caption per study \(3\) or none, got 1",
        ),
        (
            lambda: packed(np.zeros((3, 2)), colours=[Colouring.by_value(np.zeros(2))]),
            r"one colour value per study \(3\) or none, got 2",
        ),
        (lambda: packed(np.zeros((3, 2)), np.zeros((3, 2))), "one moment per frame, got 0 moments"),
        (
            lambda: Panel("A", "red", ["Image"], ["star"], [[np.zeros((3, 2))]]),
            "Unknown shape: star. Must be",
        ),
        (
            lambda: Panel("A", "red", ["Image", "Text"], ["circle"], [[]]),
            r"2 modalities, 1 shapes, \[0\] arrays",
        ),
        (lambda: Colouring.by_category(np.zeros(1), ["x"] * 300), "at most 255 categories, got 300"),
    ],
)
def test_errors_say_what_was_expected(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
