"""The linked map in a real browser, as a person uses it: look, hover, click, zoom, keys."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from suture.analysis.figures import CATEGORY_COLOURS
from tests.e2e.serving import BROWSER, free_port, launch, wait

ROOT = Path(__file__).parents[2]
DEMO = Path(__file__).with_name("linked_map_demo.py")
STUDIES = 500
PAINTED = 2 * (2 * STUDIES - 5 - 10)  # Two maps; five images and ten reports are missing.
NONE = ["--disable-software-rasterizer", "--disable-3d-apis"]


def browser_only(test):
    """Marks a test that drives Chromium, and skips it where there is none."""
    for mark in BROWSER:
        test = mark(test)
    return test


def test_a_selection_can_be_injected_without_a_browser():
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(DEMO), default_timeout=20).run()
    app.session_state["map"] = {"selected": [7, 3]}
    app.run()
    assert not app.exception
    assert app.text[0].value.startswith("Selected: [3, 7] of 2")


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
    port = free_port()
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
        wait(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def plain(driver):
    """A browser without WebGL."""
    browser = launch(driver, *NONE)
    yield browser
    browser.close()


USUAL = {"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}


class Maps:
    """The page with the maps, and the words that the tests use for it."""

    def __init__(self, browser, address, **context):
        given = not hasattr(browser, "new_context")  # a context that several tests share
        self.page = (browser if given else browser.new_context(**{**USUAL, **context})).new_page()
        self.problems, self.requests, self.received, self.lost = [], [], 0, 0
        self.page.on("console", lambda m: m.type == "error" and self.problems.append(m.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", self._listen)
        self.page.route("**/thumb/**", self._thumb)
        self.page.goto(address)
        self.root = self.page.locator(".lm")
        self.page.wait_for_selector(".lm:not([data-painted='0'])", timeout=120_000)

    def _listen(self, socket):
        socket.on("framereceived", self._count)
        socket.on("framesent", self._sent)

    def _count(self, frame):
        self.received += len(frame)

    def _sent(self, frame):
        self.lost += b'"lost"' in (frame if isinstance(frame, bytes) else frame.encode())

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
        """The one that follows the pointer."""
        return self.page.locator(".lm-tip")

    def pin(self):
        """The one that stays after a click."""
        return self.page.locator(".lm-pin")

    def press(self, name):
        self.page.get_by_role("button", name=name).click()

    def click(self, panel, modality, row):
        self.page.mouse.click(*self.place(panel, modality, row))

    def view(self, panel):
        """Where two points of a panel are on its stage: it tells zoom and place."""
        return [self.root.evaluate("(root, at) => root.screenOf(...at)", [panel, 0, row]) for row in (0, 1)]

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


@pytest.fixture(scope="module")
def shared(window):
    """The browser's profile for all tests that ask for nothing special: their tabs are their own."""
    context = window.new_context(**USUAL)
    yield context
    context.close()


@pytest.fixture
def maps(shared, address):
    opened = Maps(shared, address)
    yield opened
    opened.page.close()
    assert opened.problems == []
    assert all(url.split("/")[2].startswith("127.0.0.1") for url in opened.requests if url.startswith("http"))


COLOURS = """(canvas, wanted) => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const counts = wanted.map(() => 0);
  for (let i = 0; i < data.length; i += 4) {
    wanted.forEach((c, k) => (counts[k] += c.every((v, j) => Math.abs(v - data[i + j]) < 32)));
  }
  return counts;
}"""
FINDINGS = [list(bytes.fromhex(colour[1:])) for colour in CATEGORY_COLOURS[:6]]


def ink_of_findings(maps):
    """How many pixels of the left map have each finding's colour."""
    return maps.page.locator(".lm-stage canvas:first-child").first.evaluate(COLOURS, FINDINGS)


@browser_only
def test_every_point_is_painted_by_webgl(maps):
    assert maps.data("painter") == "webgl"
    assert maps.data("painted") == str(PAINTED)
    assert min(ink_of_findings(maps)) > 300
    assert not maps.page.get_by_text("without WebGL").is_visible()
    assert maps.page.locator(".lm-title").all_inner_texts() == [
        "A · Baseline\n985 points",
        "B · Aligned\n985 points",
    ]


@browser_only
def test_hover_shows_the_card_and_marks_the_study_in_both_maps(maps):
    row = maps.alone(0, 1)
    maps.press("Write the names")
    maps.page.wait_for_function("root => !root.namesOf(1).length", arg=maps.root.element_handle())
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
    moved = maps.data("view")
    maps.choose("colour", "distance")
    maps.page.locator(".lm-ramp").wait_for()
    assert maps.data("view") == moved  # New colours keep the view.
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
    maps.says(f"Selected: [{row}] of 1; calls 2")  # The page has kept the click.
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
def test_points_walk_to_a_new_layout(window, address):
    maps = Maps(window, address, reduced_motion="no-preference")
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
def test_dark_pages_get_a_dark_map_even_when_the_theme_changes_later(window, address):
    maps = Maps(window, address, color_scheme="light")
    corner = "c => [...c.getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3)"
    canvas = maps.page.locator(".lm-stage canvas:first-child").first
    assert min(canvas.evaluate(corner)) > 240
    maps.page.emulate_media(color_scheme="dark")
    maps.page.wait_for_function(f"c => Math.max(...({corner})(c)) < 60", arg=canvas.element_handle())
    maps.page.context.close()


@browser_only
def test_narrow_pages_stack_the_maps(window, address):
    maps = Maps(window, address, viewport={"width": 500, "height": 900})
    first, second = (maps.page.locator(".lm-stage").nth(i).bounding_box() for i in (0, 1))
    assert second["y"] > first["y"] + first["height"]
    assert maps.data("painted") == str(PAINTED)
    assert maps.page.evaluate("document.documentElement.scrollWidth") <= 500
    maps.page.context.close()


@browser_only
def test_without_webgl_stamps_draw_the_same_points_and_the_page_says_so(maps, plain, address):
    without = Maps(plain, address)
    assert without.data("painter") == "canvas"
    assert without.page.get_by_text("Drawn without WebGL: this browser offers none.").is_visible()
    assert ink_of_findings(without) == pytest.approx(ink_of_findings(maps), rel=0.25)
    row = without.alone(0, 0)
    without.click(0, 0, row)
    without.says(f"Selected: [{row}] of 1")
    assert without.problems == []


@browser_only
def test_a_lost_graphics_card_is_replaced(window, address):
    """The first contexts are taken away; the points come back with a new one, after the third without."""
    page_script = """(() => {
      const get = HTMLCanvasElement.prototype.getContext;
      window.contexts = [];
      HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        const made = get.call(this, kind, ...more);
        if (kind === "webgl") window.contexts.push(made);
        return made;
      };
    })()"""
    context = window.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.add_init_script(page_script)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".lm:not([data-painted='0'])")
    take = "contexts.at(-1).getExtension('WEBGL_lose_context').loseContext()"
    for made in (2, 3):
        page.evaluate(take)
        page.wait_for_function(f"contexts.length === {made}")
        page.wait_for_selector(".lm[data-painter='webgl']")
    page.evaluate(take)
    page.wait_for_selector(".lm[data-painter='canvas']")
    page.get_by_text("Drawn without WebGL: the graphics card was lost.").wait_for()
    page.wait_for_timeout(300)
    canvas = page.locator(".lm-stage canvas:first-child").first
    assert min(canvas.evaluate(COLOURS, FINDINGS)) > 300
    context.close()


@browser_only
def test_a_click_pins_a_card_that_hovering_leaves_alone(maps):
    row, other = maps.alone(0, 0), maps.alone(1, 1, start=200)
    maps.click(0, 0, row)
    maps.wait("pinned", row)
    assert f"study-{row:04d}" in maps.pin().inner_text()
    assert "<b>FINDINGS</b> " in maps.pin().inner_text()
    maps.page.wait_for_function(
        "image => image.naturalWidth === 32", arg=maps.pin().locator("img").element_handle()
    )
    maps.page.mouse.move(*maps.place(1, 1, other))
    maps.wait("hover", other)
    assert f"study-{other:04d}" in maps.card().inner_text()
    assert f"study-{row:04d}" in maps.pin().inner_text()
    maps.press("Close the card")
    assert not maps.pin().is_visible()
    assert maps.data("selected") == "1"  # The card closes, the selection stays.
    maps.click(1, 1, other)
    maps.wait("pinned", other)
    maps.page.keyboard.press("Escape")
    assert not maps.pin().is_visible()
    maps.says("Selected: [] of 0")


@browser_only
def test_unlinked_maps_move_alone_and_linked_ones_together(maps):
    left, right = maps.view(0), maps.view(1)
    box = maps.page.locator(".lm-over").nth(1).bounding_box()
    maps.press("Linked zoom")
    maps.page.mouse.move(box["x"] + 200, box["y"] + 200)
    maps.page.mouse.wheel(0, -400)
    maps.page.wait_for_function(
        "([root, x]) => Math.abs(root.screenOf(1, 0, 0)[0] - x) > 5",
        arg=[maps.root.element_handle(), right[0][0]],
    )
    assert maps.view(0) == left
    maps.press("Linked zoom")
    assert maps.view(1) == right  # Both stand where the left one stood.
    maps.page.mouse.move(box["x"] + 200, box["y"] + 200)
    maps.page.mouse.wheel(0, -400)
    maps.page.wait_for_function(
        "([root, x]) => Math.abs(root.screenOf(0, 0, 0)[0] - x) > 5",
        arg=[maps.root.element_handle(), left[0][0]],
    )


@browser_only
def test_zoom_to_the_selection_brings_it_near_and_in_view(maps):
    button = maps.page.get_by_role("button", name="Zoom to the selection")
    assert button.is_disabled()
    row = maps.alone(1, 0)
    maps.click(1, 0, row)
    maps.page.keyboard.press("Escape")
    maps.press("Show 3 and 5")
    maps.wait("selected", 2)
    button.click()
    size = maps.page.locator(".lm-stage").first.bounding_box()
    for panel in (0, 1):
        for modality in (0, 1):
            for study in (3, 5):
                x, y = maps.root.evaluate("(root, at) => root.screenOf(...at)", [panel, modality, study])
                assert 0 < x < size["width"]
                assert 0 < y < size["height"]
    assert float(maps.data("view").split(",")[0]) >= 1


@browser_only
def test_density_shades_the_map_when_asked(maps):
    assert maps.data("dense") == "false"  # Too few points to shade by themselves.
    quiet = """c => c.getContext("2d").getImageData(0, 0, c.width, c.height).data
      .filter((v, i) => i % 4 < 3 && v > 250).length"""
    canvas = maps.page.locator(".lm-stage canvas:first-child").first
    before = canvas.evaluate(quiet)
    maps.press("Shade where many points lie")
    maps.wait("dense", "true")
    assert canvas.evaluate(quiet) < 0.9 * before
    button = maps.page.get_by_role("button", name="Shade where")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    maps.wait("dense", "false")
    assert canvas.evaluate(quiet) == pytest.approx(before, rel=0.01)


@browser_only
def test_names_of_regions_are_text_and_can_be_hidden(maps):
    assert maps.root.evaluate("root => root.namesOf(0)") == []
    names = maps.root.evaluate("root => root.namesOf(1)")
    assert names[0] == "<i>No finding</i>"  # The largest is placed first.
    assert len(names) == 6
    assert maps.root.locator("i").count() == 0
    assert "<i>Effusion</i>" in maps.page.locator(".lm-over").nth(1).get_attribute("aria-label")
    assert maps.ink(1) > 500
    maps.press("Write the names")
    maps.page.wait_for_function("root => !root.namesOf(1).length", arg=maps.root.element_handle())
    assert maps.ink(1) == 0


@browser_only
def test_frames_are_walked_by_keys_and_play(maps):
    assert not maps.page.locator(".lm-frames").is_visible()
    maps.choose("layout", "frames")
    slider = maps.page.get_by_role("slider", name="Frame")
    seen = []
    for frame, key in enumerate(["Home", "ArrowRight", "ArrowRight"]):
        slider.press(key)
        maps.wait("frame", frame)
        assert slider.get_attribute("aria-valuetext") == f"epoch {frame}"
        seen.append(maps.place(0, 1, 100))
    assert maps.page.get_by_text("gap 0.33").is_visible()
    assert seen[0] != pytest.approx(seen[2], abs=20)
    assert seen[1] == pytest.approx([(a + b) / 2 for a, b in zip(seen[0], seen[2], strict=True)], abs=0.5)
    maps.press("Play the frames")  # From the end: once more from the start.
    maps.wait("frame", 1)
    maps.wait("frame", 2)
    maps.page.get_by_role("button", name="Play the frames").wait_for()  # It has come to its end.
    assert maps.place(0, 1, 100) == pytest.approx(seen[2], abs=0.5)
    assert maps.page.get_by_text("calls 0").is_visible()  # The app hears nothing of it.


@browser_only
def test_more_frames_keep_the_end_or_the_place(maps):
    def frames(option, last):
        maps.choose("layout", option)
        maps.page.locator(f".lm-frames input[max='{last}']").wait_for()

    frames("frames", 2)
    slider = maps.page.get_by_role("slider", name="Frame")
    slider.press("ArrowRight")
    frames("more frames", 4)
    assert maps.data("frame") == "1"
    frames("frames", 2)
    slider.press("End")
    maps.wait("frame", 2)
    frames("more frames", 4)
    assert maps.data("frame") == "4"


@browser_only
def test_a_dragged_slider_shows_what_lies_between(window, address):
    maps = Maps(window, address, reduced_motion="no-preference")
    maps.choose("layout", "frames")
    slider = maps.page.get_by_role("slider", name="Frame")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    maps.page.mouse.move(box["x"] + 8, y)
    maps.page.mouse.down()
    maps.page.mouse.move(box["x"] + 0.35 * box["width"], y, steps=5)
    maps.page.wait_for_function(
        "root => +root.dataset.frame > 0.5 && +root.dataset.frame < 0.9", arg=maps.root.element_handle()
    )
    maps.page.mouse.up()
    maps.wait("frame", 1)  # It settles on the nearest.
    assert maps.problems == []
    maps.page.context.close()


@browser_only
def test_columns_that_the_server_lost_are_asked_for_again(maps):
    """The old picture stays, the app is told once, and the next look finds them."""
    gone = []

    def answer(route):
        gone.append(route.request.url)
        route.fulfill(status=404) if len(gone) < 2 else route.continue_()

    maps.page.route("**/column/**", answer)
    maps.choose("colour", "distance")
    maps.page.locator(".lm-ramp").wait_for()
    assert maps.data("painted") == str(PAINTED)
    assert len(gone) == 2
    assert maps.lost == 1
    assert all("404" in problem for problem in maps.problems)
    maps.problems.clear()


@browser_only
def test_points_that_cannot_be_loaded_are_told_and_tried_again(maps):
    maps.page.route("**/column/**", lambda route: route.fulfill(status=500))
    maps.choose("colour", "distance")
    maps.says("Points could not be loaded.")
    assert maps.data("painted") == str(PAINTED)  # The old picture stays.
    maps.page.unroute("**/column/**")
    maps.press("Load the points again")
    maps.page.locator(".lm-ramp").wait_for()
    assert not maps.page.get_by_text("Points could not be loaded.").is_visible()
    assert all("500" in problem for problem in maps.problems)
    maps.problems.clear()


SEEN = """(root, [panel, n]) => {
  const stage = root.querySelectorAll(".lm-stage")[panel], rows = [...Array(n).keys()];
  const inside = ([x, y]) => x >= 0 && y >= 0 && x < stage.clientWidth && y < stage.clientHeight;
  return [0, 1].flatMap((m) => rows.map((i) => root.screenOf(panel, m, i))).filter(inside).length;
}"""


@browser_only
def test_a_crowd_is_counted_in_the_shade_and_drawn_once_few_are_in_view(window, address):
    maps = Maps(window, f"{address}?most=300")
    each, note = PAINTED // 2, maps.page.locator(".lm-crowd").first
    then = "Zoom in: 300 or fewer are drawn one by one."

    def told(words):
        script = "([note, words]) => note.textContent.includes(words)"
        maps.page.wait_for_function(script, arg=[note.element_handle(), words])

    told(f"All {each} points in view, all counted in the shade. {then}")
    assert [maps.data(name) for name in ("inside", "drawn", "painted")] == [str(PAINTED), "0", str(PAINTED)]
    for name, count in (("Image", STUDIES - 5), ("Report", STUDIES - 10)):
        chip = maps.page.locator(".lm-shapes .lm-chip", has_text=name)
        chip.click()
        told(f"All {count} points in view, all counted")
        chip.click()
        told(f"All {each} points in view")
    row = maps.alone(0, 0)
    maps.page.mouse.move(*maps.place(0, 0, row))
    for _ in range(30):
        maps.page.mouse.wheel(0, -120)
        told("in view")  # at rest
        if "each drawn" in note.inner_text():
            break
    seen = maps.root.evaluate(SEEN, [0, STUDIES])
    assert note.inner_text() == f"{seen} of {each} points in view, each drawn."
    assert 0 < seen <= 300
    assert int(maps.data("drawn")) >= seen
    maps.click(0, 0, row)
    maps.says(f"Selected: [{row}] of 1; calls 1")
    assert f"study-{row:04d}" in maps.pin().inner_text()
    maps.press("Show the whole map")
    told(then)
    maps.wait("drawn", 4)  # the selected study, in both maps
    assert maps.problems == []
    maps.page.context.close()
