"""The linked map in a real browser, as a person uses it: look, hover, click, zoom, keys."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import pytest

from pages.components.linked_map import Colouring, Panel
from pages.components.linked_map.payload import pack

ROOT = Path(__file__).parents[2]
DEMO = Path(__file__).with_name("linked_map_demo.py")
STUDIES = 500
PAINTED = 2 * (2 * STUDIES - 5 - 10)  # Two maps; five images and ten reports are missing.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browser_only(test):
    """Marks a test that drives Chromium, and skips it where there is none."""
    reason = "no Chromium on this machine: apt install chromium"
    return pytest.mark.browser(pytest.mark.skipif(CHROMIUM is None, reason=reason)(test))


# --- What travels to the browser -------------------------------------------------


def unpack(block):
    length = int.from_bytes(block[:4], "little")
    return json.loads(block[4 : 4 + length]), np.frombuffer(block[(length + 7) // 4 * 4 :], dtype="<f4")


def block(xy, colours=None, **more):
    panel = Panel("A", "red", ["Image"], ["triangle"], [xy], more.pop("frame", None))
    defaults = {"captions": [], "thumb_url": "", "lines": "none", "worst": [], "height": 400}
    return pack(
        [panel],
        studies=["a", "b", "c"],
        colours=colours or Colouring.by_modality(),
        **{**defaults, **more},
    )


def test_coordinates_are_centred_with_their_aspect_kept():
    _, floats = unpack(block(np.array([[10.0, 1.0], [14.0, 2.0], [np.nan, np.nan]])))
    np.testing.assert_allclose(floats, [-1, -0.25, 1, 0.25, np.nan, np.nan])


def test_a_frame_fixes_the_scale():
    header, floats = unpack(block(np.ones((3, 2)), frame=(-2, -1, 2, 1)))
    np.testing.assert_allclose(floats, 0.5)
    assert header["panels"][0]["reach"] == [1, 0.5]


def test_codes_without_a_name_become_missing():
    _, floats = unpack(block(np.zeros((3, 2)), Colouring.by_category(np.array([-1, 1, 2]), ["x", "y"])))
    np.testing.assert_allclose(floats[6:], [np.nan, 1, np.nan])


def test_the_digest_ignores_the_command():
    xy = np.zeros((3, 2))
    same = [unpack(block(xy, command=command))[0]["digest"] for command in (None, {"number": 1, "rows": [2]})]
    assert same[0] == same[1] != unpack(block(xy, height=500))[0]["digest"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: block(np.zeros((2, 2))), r"expected coordinates of shape \(3, 2\), got \(2, 2\)"),
        (lambda: block(np.zeros((3, 2)), lines="some"), "Unknown lines: some. Must be one of"),
        (
            lambda: block(np.zeros((3, 2)), captions=["one"]),
            r"one caption per study \(3\) or none, got 1",
        ),
        (
            lambda: Panel("A", "red", ["Image"], ["star"], [np.zeros((3, 2))]),
            "Unknown shape: star. Must be",
        ),
        (
            lambda: Panel("A", "red", ["Image", "Text"], ["circle"], []),
            "2 modalities, 1 shapes, 0 arrays",
        ),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_selection_can_be_injected_without_a_browser():
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(DEMO), default_timeout=20).run()
    app.session_state["map"] = {"selected": [7, 3]}
    app.run()
    assert not app.exception
    assert app.text[0].value.startswith("Selected: [3, 7] of 2")


# --- The browser -----------------------------------------------------------------


def picture(row):
    """A small grey PNG, twice as high as wide."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = zlib.compress((b"\0" + bytes([row % 256]) * 32) * 64)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 64, 8, 0, 0, 0, 0))
        + (chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    )


@pytest.fixture(scope="module")
def address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(DEMO),
        *(f"--{k}={v}" for k, v in flags.items()),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LINKED_MAP_STUDIES": str(STUDIES)}
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                assert server.poll() is None, "The demo server has stopped."
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


class Maps:
    """The page with the maps, and the words that the tests use for it."""

    def __init__(self, browser, address, **context):
        context = {
            "viewport": {"width": 1400, "height": 900},
            "reduced_motion": "reduce",
            **context,
        }
        self.page = browser.new_context(**context).new_page()
        self.problems, self.requests, self.received = [], [], 0
        self.page.on("console", lambda m: m.type == "error" and self.problems.append(m.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        self.page.route("**/thumb/**", self._thumb)
        self.page.goto(address)
        self.root = self.page.locator(".lm")
        self.page.wait_for_selector(".lm:not([data-painted='0'])", timeout=30_000)

    def _count(self, frame):
        self.received += len(frame)

    def _thumb(self, route):
        row = int(route.request.url.rsplit("/", 1)[1].removesuffix(".png"))
        route.fulfill(body=picture(row), content_type="image/png")

    def data(self, name):
        return self.root.get_attribute(f"data-{name}")

    def wait(self, name, value):
        self.page.wait_for_selector(f".lm[data-{name}='{value}']")

    def says(self, text):
        self.page.get_by_text(text).wait_for()

    def card(self):
        return self.page.locator(".lm-card")

    def place(self, panel, modality, row):
        """Where a point is on the page."""
        x, y = self.root.evaluate("(root, at) => root.screenOf(...at)", [panel, modality, row])
        box = self.page.locator(".lm-over").nth(panel).bounding_box()
        return box["x"] + x, box["y"] + y

    def alone(self, panel, modality, *, start=0):
        """The first row from ``start`` on whose point has no other point of the map near it."""
        return self.root.evaluate(
            """(root, [panel, modality, n, start]) => {
              const rows = [...Array(n).keys()];
              const at = (m, i) => [m, i, ...root.screenOf(panel, m, i)];
              const all = [0, 1].flatMap((m) => rows.map((i) => at(m, i)));
              const near = (p) => all.filter((q) => Math.hypot(q[2] - p[2], q[3] - p[3]) < 14);
              return all.find((p) => p[0] === modality && p[1] >= start && near(p).length === 1)[1];
            }""",
            [panel, modality, STUDIES, start],
        )

    def ink(self, panel):
        """How many pixels of the hover canvas are painted."""
        return (
            self.page.locator(".lm-over")
            .nth(panel)
            .evaluate(
                """c => c.getContext("2d").getImageData(0, 0, c.width, c.height).data
                  .filter((v, i) => i % 4 === 3 && v).length"""
            )
        )

    def choose(self, key, option):
        self.page.locator(f".st-key-{key} [role=combobox], .st-key-{key} [data-baseweb=select]").first.click()
        self.page.get_by_role("option", name=option, exact=True).click()


@pytest.fixture
def maps(chromium, address):
    opened = Maps(chromium, address)
    yield opened
    opened.page.context.close()
    assert opened.problems == []
    assert all(url.split("/")[2].startswith("127.0.0.1") for url in opened.requests if url.startswith("http"))


@browser_only
def test_every_point_is_painted(maps):
    assert maps.data("painted") == str(PAINTED)
    colours = maps.page.locator(".lm-stage canvas:first-child").first.evaluate(
        """c => new Set(new Uint32Array(
          c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size"""
    )
    assert colours > 6
    assert maps.page.locator(".lm-title").all_inner_texts() == [
        "A · Baseline\n985 points",
        "B · Aligned\n985 points",
    ]


@browser_only
def test_hover_shows_the_card_and_marks_the_study_in_both_maps(maps):
    row = maps.alone(0, 1)
    assert maps.ink(1) == 0
    maps.page.mouse.move(*maps.place(0, 1, row))
    maps.wait("hover", row)
    words = maps.card().inner_text()
    assert f"study-{row:04d}" in words
    assert "Report" in words
    assert "Finding: " in words
    assert "<b>FINDINGS</b> " in words  # Words of a report are never read as HTML.
    assert min(maps.ink(0), maps.ink(1)) > 200
    image = maps.card().locator("img")
    maps.page.wait_for_function("image => image.naturalWidth === 32", arg=image.element_handle())
    assert image.get_attribute("src") == f"/thumb/demo/{row}.png"
    box = maps.root.bounding_box()
    maps.page.mouse.move(box["x"] + 2, box["y"] + 2)
    maps.wait("hover", "")
    assert not maps.card().is_visible()


@browser_only
def test_the_card_stays_inside_the_page(maps):
    for row in maps.root.evaluate(
        """root => {
          const at = [...Array(500).keys()].slice(30).map((i) => [i, ...root.screenOf(1, 0, i)]);
          const by = (k) => at.toSorted((a, b) => a[k] - b[k]);
          return [by(1).at(-1)[0], by(2).at(-1)[0], by(2)[0][0]];
        }"""
    ):
        maps.page.mouse.move(*maps.place(1, 0, row))
        card, root = maps.card().bounding_box(), maps.root.bounding_box()
        assert root["x"] <= card["x"] <= root["x"] + root["width"] - card["width"]
        assert 0 <= card["y"] <= 900 - card["height"]


@browser_only
def test_a_click_tells_python_and_empty_space_clears(maps):
    row = maps.alone(0, 0)
    maps.page.mouse.click(*maps.place(0, 0, row))
    maps.says(f"Selected: [{row}] of 1; calls 1")
    assert maps.data("selected") == "1"
    other = maps.alone(1, 1, start=100)
    maps.page.keyboard.down("Control")
    maps.page.mouse.click(*maps.place(1, 1, other))
    maps.page.keyboard.up("Control")
    maps.says(f"Selected: {sorted([row, other])} of 2; calls 2")
    box = maps.page.locator(".lm-over").first.bounding_box()
    maps.page.mouse.click(box["x"] + 6, box["y"] + 6)
    maps.says("Selected: [] of 0; calls 3")


@browser_only
def test_a_click_sends_little_down(maps):
    maps.page.wait_for_timeout(500)
    before = maps.received
    row = maps.alone(0, 0)
    maps.page.mouse.click(*maps.place(0, 0, row))
    maps.says(f"Selected: [{row}] of 1")
    assert maps.received - before < 20_000


@browser_only
def test_wheel_drag_and_reset_move_both_maps(maps):
    start = maps.data("view")
    row = maps.alone(1, 0)
    x, y = maps.place(1, 0, row)
    maps.page.mouse.move(x, y)
    maps.page.mouse.wheel(0, -400)
    maps.page.wait_for_function(
        "root => +root.dataset.view.split(',')[0] > 1.5", arg=maps.root.element_handle()
    )
    assert maps.place(1, 0, row) == pytest.approx((x, y), abs=0.5)
    maps.page.mouse.down()
    maps.page.mouse.move(x + 50, y + 30, steps=4)
    maps.page.mouse.up()
    assert maps.place(1, 0, row) == pytest.approx((x + 50, y + 30), abs=0.5)
    maps.choose("colour", "distance")
    maps.page.locator(".lm-ramp").wait_for()
    assert maps.place(1, 0, row) == pytest.approx((x + 50, y + 30), abs=0.5)  # New colours keep the view.
    maps.page.get_by_role("button", name="Show the whole map").click()
    maps.wait("view", start)


@browser_only
def test_the_maps_work_from_the_keyboard(maps):
    maps.page.locator(".lm-over").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        maps.page.keyboard.press(key)
    maps.wait("hover", 1)
    assert "study-0001" in maps.card().inner_text()
    assert "study-0001, 2 of 500." in maps.page.locator(".lm-live").inner_text()
    maps.page.keyboard.press("Enter")
    maps.says("Selected: [1] of 1")
    maps.page.keyboard.press("End")
    maps.page.keyboard.press("Shift+Enter")
    maps.says("Selected: [1, 499] of 2")
    maps.page.keyboard.press("ArrowRight")  # Several selected: the arrows walk through them.
    maps.wait("hover", 1)
    maps.page.keyboard.press("Escape")
    maps.says("Selected: [] of 0")
    assert not maps.card().is_visible()


@browser_only
@pytest.mark.parametrize("way", ["shift", "button"])
def test_a_lasso_selects_what_it_encloses(maps, way):
    row = maps.alone(0, 0)
    x, y = maps.place(0, 0, row)
    if way == "button":
        maps.page.get_by_role("button", name="Draw around").click()
    else:
        maps.page.keyboard.down("Shift")
    maps.page.mouse.move(x - 6, y - 6)
    maps.page.mouse.down()
    for dx, dy in [(6, -6), (6, 6), (-6, 6)]:
        maps.page.mouse.move(x + dx, y + dy)
    maps.page.mouse.up()
    maps.page.keyboard.up("Shift")
    maps.says(f"Selected: [{row}] of 1")


@browser_only
def test_the_legend_isolates_a_category_and_a_modality(maps):
    maps.page.locator(".lm-chip", has_text="Effusion").click()
    assert maps.data("shown") == "93"
    maps.page.locator(".lm-over").first.focus()
    maps.page.keyboard.press("ArrowRight")
    assert "Effusion" in maps.card().inner_text()
    maps.page.locator(".lm-chip", has_text="Effusion").click()
    assert maps.data("shown") == str(STUDIES)
    maps.page.locator(".lm-chip", has_text="Report").click()
    row = maps.alone(0, 1)
    maps.page.mouse.move(*maps.place(0, 1, row))
    maps.wait("hover", row)
    maps.page.mouse.move(*maps.place(0, 0, maps.alone(0, 0)))  # Images are hidden now.
    maps.wait("hover", "")


@browser_only
def test_python_can_ask_for_a_selection_once(maps):
    maps.page.get_by_role("button", name="Show 3 and 5").click()
    maps.wait("selected", 2)
    maps.says("Selected: [3, 5] of 2; calls 1")
    row = maps.alone(0, 0)
    maps.page.mouse.click(*maps.place(0, 0, row))
    maps.says(f"Selected: [{row}] of 1; calls 2")  # The app still passes [3, 5]; the click stands.
    maps.page.wait_for_timeout(500)
    assert maps.data("selected") == "1"


@browser_only
def test_one_map_and_new_layouts(maps):
    maps.choose("layout", "one")
    maps.wait("painted", PAINTED // 2)
    assert maps.page.locator(".lm-over").count() == 1
    maps.choose("layout", "moved")
    maps.wait("painted", PAINTED)
    maps.choose("lines", "all")
    assert maps.place(0, 0, 100)[1] == pytest.approx(maps.place(1, 0, 100)[1], abs=0.5)


@browser_only
def test_the_picture_can_be_downloaded(maps):
    with maps.page.expect_download() as waiting:
        maps.page.get_by_role("button", name="Download the maps").click()
    assert waiting.value.suggested_filename == "map-a-baseline-b-aligned.png"
    assert Path(waiting.value.path()).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@browser_only
def test_points_walk_to_a_new_layout(chromium, address):
    maps = Maps(chromium, address, reduced_motion="no-preference")
    before = maps.place(0, 1, 100)
    maps.choose("layout", "moved")
    maps.page.wait_for_function(
        "([root, x]) => Math.abs(root.screenOf(0, 1, 100)[0] - root.screenOf(1, 1, 100)[0]) < 0.5",
        arg=[maps.root.element_handle(), before[0]],
    )
    assert maps.place(0, 1, 100) != pytest.approx(before, abs=5)
    assert maps.problems == []
    maps.page.context.close()


@browser_only
def test_dark_pages_get_a_dark_map_even_when_the_theme_changes_later(chromium, address):
    maps = Maps(chromium, address, color_scheme="light")
    corner = "c => [...c.getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3)"
    canvas = maps.page.locator(".lm-stage canvas:first-child").first
    assert min(canvas.evaluate(corner)) > 240
    maps.page.emulate_media(color_scheme="dark")
    maps.page.wait_for_function(f"c => Math.max(...({corner})(c)) < 60", arg=canvas.element_handle())
    maps.page.context.close()


@browser_only
def test_narrow_pages_stack_the_maps(chromium, address):
    maps = Maps(chromium, address, viewport={"width": 500, "height": 900})
    first, second = (maps.page.locator(".lm-stage").nth(i).bounding_box() for i in (0, 1))
    assert second["y"] > first["y"] + first["height"]
    assert maps.data("painted") == str(PAINTED)
    assert maps.page.evaluate("document.documentElement.scrollWidth") <= 500
    maps.page.context.close()
