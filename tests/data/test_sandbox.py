"""A child that may compute, read and answer: the system refuses all else, and every end is named."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from suture.data.errors import Refused
from suture.data.sandbox import Budget, ParserDied, processes, protections, run, syscalls, wire

SMALL = Budget(memory=2**28, cpu=1, wall=3)


def answer(what: str, **more: object) -> str:
    (frame,) = run("probe", {"what": what, **more})
    return frame.header[what]


def test_headers_and_arrays_come_back_as_they_were_and_prints_do_not_get_between() -> None:
    (frame,) = run("probe", {"what": "echo", "text": "hé\n"})
    assert frame.header == {"text": "hé\n"}
    assert frame.arrays[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert frame.arrays[1].shape == (0, 4)


def test_answers_of_several_threads_stay_whole() -> None:
    frames = [*run("probe", {"what": "threads"})]
    assert sorted(frame.header["i"] for frame in frames) == [*range(200)]
    assert all((frame.arrays[0] == frame.header["i"]).all() for frame in frames)


@pytest.mark.skipif(not syscalls.is_available(), reason="the kernel offers no filter of system calls")
def test_no_network_no_programs_no_signals() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answer("network", port=server.getsockname()[1]) == "PermissionError"
    assert answer("program") == "PermissionError"
    assert answer("signal") == "PermissionError"
    assert all(protections().values())


@pytest.mark.parametrize("deed", ["write", "append", "remove", "rename"])
def test_files_can_be_read_and_not_changed(deed: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.txt"
    file.write_text("as it was")
    assert answer("read", path=str(file)) == "done"
    assert answer(deed, path=str(file)) == "PermissionError"
    assert [*tmp_path.iterdir()] == [file]
    assert file.read_text() == "as it was"


def test_nothing_can_be_made(tmp_path: Path) -> None:
    assert answer("folder", path=str(tmp_path / "new")) == "PermissionError"
    assert answer("temporary", path=str(tmp_path)) == "PermissionError"
    assert not [*tmp_path.iterdir()]


ENDS = {
    "memory": "parser_out_of_memory",
    "compute": "parser_timeout",
    "sleep": "parser_timeout",
    "crash": "parser_died",
    "recurse": "parser_failed",
}


@pytest.mark.parametrize("deed", ENDS)
def test_every_end_has_a_name(deed: str) -> None:
    with pytest.raises(ParserDied) as caught:
        [*run("probe", {"what": deed}, budget=SMALL)]
    assert caught.value.code == ENDS[deed]


@pytest.mark.seconds
def test_the_first_answer_may_take_longer_and_no_other() -> None:
    slow = Budget(memory=2**28, cpu=1, wall=0.5, start=10)

    def kinds(*sent: str) -> list[str]:
        told = run("probe", {"what": "pause", "seconds": 1, "kinds": sent}, budget=slow)
        return [frame.header["kind"] for frame in told]

    assert kinds("tick", "tick", "study") == ["tick", "tick", "study"]
    with pytest.raises(ParserDied) as caught:
        kinds("study", "tick")
    assert caught.value.code == "parser_timeout"


def test_no_child_is_left_behind() -> None:
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children(recursive=True)}  # ended ones too

    list(run("probe", {"what": "echo", "text": ""}))  # the fork server is there from now on
    before = children()
    answers = run("probe", {"what": "pause", "seconds": 0.5, "kinds": ["first", "second"]})
    next(answers)
    assert children() - before
    answers.close()  # as when a job is stopped
    assert children() <= before


@pytest.mark.parametrize("forks", [True, False])
def test_a_child_is_forked_or_a_new_python(forks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FORKS", forks and processes.FORKS)
    (frame,) = run("probe", {"what": "echo", "text": "a"})
    assert frame.header["text"] == "a"
    with pytest.raises(ParserDied) as caught:
        [*run("probe", {"what": "crash"}, budget=SMALL)]
    assert caught.value.code == "parser_died"


def test_a_lost_fork_server_is_started_again() -> None:
    list(run("probe", {"what": "echo", "text": ""}))
    for process in psutil.Process().children():
        if "suture.data.sandbox.fork_server" in process.cmdline():
            process.kill()
            process.wait()
    (frame,) = run("probe", {"what": "echo", "text": "again"})
    assert frame.header["text"] == "again"


def test_nothing_outlives_a_killed_parent() -> None:
    code = "from suture.data.sandbox import run; list(run('probe', {'what': 'sleep'}))"
    parent = subprocess.Popen([sys.executable, "-c", code])
    mine = psutil.Process(parent.pid)
    deadline = time.monotonic() + 60
    while len(family := mine.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    assert family
    assert not psutil.wait_procs(family, timeout=30)[1]


def test_children_at_the_same_time_do_not_mix() -> None:
    with ThreadPoolExecutor(8) as pool:
        told = pool.map(
            lambda n: next(run("probe", {"what": "echo", "text": str(n)})).header["text"], range(40)
        )
        assert [*told] == [str(n) for n in range(40)]


def test_secrets_of_the_environment_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "planted-7c1")
    environ = Path("/proc/self/environ")
    if not environ.exists():
        pytest.skip("no /proc here")
    (frame,) = run("probe", {"what": "environment"})
    assert "PATH" in frame.header["environment"]
    assert "A_SECRET" not in frame.header["environment"]


def sent(*parts: bytes) -> wire.Read:
    stream = io.BytesIO(b"".join(parts))

    def take(size: int) -> memoryview:
        content = stream.read(size)
        if len(content) < size:
            raise EOFError
        return memoryview(content)

    return take


def framed(content: bytes) -> bytes:
    return wire.LENGTH.pack(len(content)) + content


LIES = {
    "endless header": wire.LENGTH.pack(2**60),
    "no JSON": framed(b"\x80\x04."),
    "no frame": framed(b"[]"),
    "deep": framed(b"[" * 100_000),
    "objects": framed(b'{"header": {}, "arrays": [["object", [1]]]}'),
    "too large": framed(b'{"header": {}, "arrays": [["uint8", [1000000, 1000000, 1000000]]]}'),
    "negative": framed(b'{"header": {}, "arrays": [["uint8", [-1]]]}'),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_child_sends_is_not_believed(lie: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.read(sent(LIES[lie]))


def test_frames_survive_the_pipe_and_objects_do_not_travel() -> None:
    stream = io.BytesIO()
    half = np.arange(3, dtype=np.float16)[::-1]
    wire.write(stream, {"n": 1}, [half])
    assert wire.read(sent(stream.getvalue())).arrays[0].tolist() == [2, 1, 0]
    with pytest.raises(ValueError, match="cannot be sent"):
        wire.write(io.BytesIO(), {}, [np.array([{}])])


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(Refused) as caught:
        [*run("no such task", {})]
    assert caught.value.code == "parser_failed"
