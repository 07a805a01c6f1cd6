"""Does the app stay responsive for twenty concurrent users while a job runs? Rerun times, and memory.

    python -m benchmarks.soak [--minutes 10] [--sessions 20] [--browsers 3]

Sessions without a browser speak Streamlit's protocol: each has its own cookie and connection, opens one page
after the other in a seeded order, and waits until the script has finished. Real browsers visit the same pages
at the same time, on the same cores, while the worker embeds a collection again and again. All sessions
connect at once to a server that has just started, and that initial load counts. Printed: rerun times (median,
95th percentile, worst) by page, the server's memory and its slope per minute after the first third, and the
number of embeddings made. The demo's workspace is made first, or is the one in `SUTURE_HOME`.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from suture import jobs
from suture.data.workspace import Workspace
from suture.workflows.demo import prepare
from suture.workflows.job_kinds import EmbedJob
from tests.e2e.serving import browser, serving, settled

PAGES = (
    "overview",
    "map",
    "gap",
    "compare",
    "retrieval",
    "captions",
    "my_studies",
    "train",
    "report",
    "library",
)
PAUSE = (0.5, 3.0)  # seconds that a user stays on a page
PATIENCE = 120  # seconds for one rerun
Times = dict[str, list[float]]


def main() -> None:
    """Print the table."""
    asked = _asked()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(os.environ.get("SUTURE_HOME") or folder)
        prepare(Workspace(home), lambda what, share: None, studies=400)
        with serving(home) as url:
            _soak(url, Workspace(home), asked)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=3)
    return parser.parse_args()


def _soak(url: str, workspace: Workspace, asked: argparse.Namespace) -> None:
    end = time.monotonic() + 60 * asked.minutes
    times: Times = defaultdict(list)
    errors: list[str] = []
    server = _server(url)
    people = [
        threading.Thread(target=_session, args=(url, seed, end, times, errors))
        for seed in range(asked.sessions)
    ]
    people += [
        threading.Thread(target=_browser, args=(url, seed, end, times, errors))
        for seed in range(asked.browsers)
    ]
    made: list[str] = []
    people.append(threading.Thread(target=_keep_embedding, args=(workspace, end, made)))
    for person in people:
        person.start()
    memory = []
    while time.monotonic() < end:
        memory.append((time.monotonic(), server.memory_info().rss / 2**20))
        time.sleep(5)
    for person in people:
        person.join()
    _tell(times, memory, len(made), errors)


def _server(url: str) -> psutil.Process:
    port = int(url.rsplit(":", 1)[1])
    owners = (c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    return psutil.Process(next(pid for pid in owners if pid))


def _session(url: str, seed: int, end: float, times: Times, errors: list[str]) -> None:
    chance = random.Random(seed)
    try:
        with _connected(url) as stream:
            while time.monotonic() < end:
                page = chance.choice(PAGES)
                times[page].append(_rerun(stream, page))
                time.sleep(chance.uniform(*PAUSE))
    except Exception as error:  # a failed session is a result
        errors.append(f"session {seed}: {type(error).__name__}: {error}")


def _connected(url: str) -> ClientConnection:
    """A websocket connection with the cookies of a first visit."""
    with urllib.request.urlopen(url) as answer:
        cookies = "; ".join(c.split(";")[0] for c in answer.headers.get_all("Set-Cookie") or [])
    stream = url.replace("http", "ws") + "/_stcore/stream"
    headers = {"Cookie": cookies} if cookies else {}
    return connect(stream, origin=url, subprotocols=["streamlit"], additional_headers=headers, max_size=None)


def _rerun(stream: ClientConnection, page: str) -> float:
    """Seconds from requesting a page to the end of its script."""
    ask = BackMsg()
    ask.rerun_script.page_name = page
    began = time.perf_counter()
    stream.send(ask.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(stream.recv(timeout=PATIENCE))
        kind = answer.WhichOneof("type")
        if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
            raise RuntimeError(f"{page} shows an exception")
        if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return time.perf_counter() - began


def _browser(url: str, seed: int, end: float, times: Times, errors: list[str]) -> None:
    chance = random.Random(1000 + seed)
    try:
        with browser() as window:
            page = window.new_page()
            page.on("pageerror", lambda error: errors.append(f"browser {seed}: {error}"))
            while time.monotonic() < end:
                began = time.perf_counter()
                page.goto(f"{url}/{chance.choice(PAGES)}")
                settled(page, timeout=1000 * PATIENCE)
                times["in a browser, whole page"].append(time.perf_counter() - began)
                time.sleep(chance.uniform(*PAUSE))
    except Exception as error:
        errors.append(f"browser {seed}: {type(error).__name__}: {error}")


def _keep_embedding(workspace: Workspace, end: float, made: list[str]) -> None:
    """Start one heavy job after the other, each with its own name."""
    while time.monotonic() < end:
        name = f"soak {len(made)}"
        job = jobs.start(workspace, EmbedJob("demo", "demo-clip", name))
        while time.monotonic() < end + PATIENCE:
            known = jobs.job(workspace, job)
            if known is None or known.state not in jobs.ACTIVE:
                break
            time.sleep(0.5)
        made.append(name)
        workspace.remove("set", name) if workspace.has("set", name) else None


def _tell(times: Times, memory: list[tuple[float, float]], made: int, errors: list[str]) -> None:
    print(f"{'page':26} {'n':>5} {'median':>8} {'p95':>8} {'worst':>8}")
    scripts = [t for page, found in times.items() if page in PAGES for t in found]
    for page, found in [*sorted(times.items()), ("all reruns", scripts)]:
        if found:
            cuts = statistics.median(found), float(np.quantile(found, 0.95)), max(found)
            print(f"{page:26} {len(found):5} " + " ".join(f"{cut:7.2f}s" for cut in cuts))
    settled_in = memory[len(memory) // 3 :]
    minutes, rss = (np.array(column) for column in zip(*settled_in, strict=True))
    slope = np.polyfit((minutes - minutes[0]) / 60, rss, 1)[0] if len(rss) > 2 else float("nan")
    print(f"memory of the server: {rss[0]:.0f} MB after a third, {rss[-1]:.0f} MB at the end, ", end="")
    print(f"most {max(m for _, m in memory):.0f} MB; slope {slope:+.1f} MB a minute")
    print(f"{made} embeddings made meanwhile; {len(errors)} errors {errors[:5]}; {os.cpu_count()} cores")
    print(subprocess.run(["uptime"], capture_output=True, text=True, check=False).stdout.strip())


if __name__ == "__main__":
    main()
