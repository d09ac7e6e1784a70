"""Processes by fork and by Python anew: what they are given, how they end, what ends with them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from optbench.core.errors import UserError
from optbench.running import launcher as launcher_module
from optbench.running.launcher import Launcher, Process

PROGRAMS = {
    "tells": """
        import json, os, sys
        def program(arguments):
            line = sys.stdin.readline()
            folder, threads = os.getcwd(), os.environ["OMP_NUM_THREADS"]
            told = [arguments, line, folder, threads, os.environ.get("MINE"), os.getpgid(0) == os.getpid()]
            print("\\n" + json.dumps(told), flush=True)
            print("to the log", file=sys.stderr)
        """,
    "falls": """
        import os, signal
        def program(arguments):
            os.kill(os.getpid(), int(arguments[0]))
        """,
    "exits": """
        import os
        def program(arguments):
            os._exit(int(arguments[0]))
        """,
    "raises": """
        def program(arguments):
            raise ValueError("told")
        """,
    "leaves": """
        import os, sys, time, threading, atexit
        def sleep():
            time.sleep(60)
        def tell():
            os.write(1, b"%d\\n" % os.getpid())  # at once, so that two do not mix
        def program(arguments):
            for way in arguments:
                if way == "thread":
                    threading.Thread(target=sleep).start()
                elif way == "exit":
                    atexit.register(sleep)
                elif way == "sleeps":
                    tell()
                    sleep()
                elif os.fork() == 0:
                    if way == "session":
                        os.setsid()
                    tell()
                    sleep()
                    os._exit(0)
                else:
                    time.sleep(0.5)  # time to tell
        """,
}
END = """
if __name__ == "__main__":
    import sys
    from optbench.core.processes import die_with_parent, leave
    die_with_parent()
    program(sys.argv[1:])
    leave()
"""
PATIENCE_S = 20.0


@pytest.fixture(params=["forked", "anew"])
def launcher(request, tmp_path, monkeypatch) -> Iterator[Launcher]:
    for name, text in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(dedent(text) + END)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with Launcher(forks=request.param == "forked") as started:
        yield started


def start(launcher: Launcher, module: str, *arguments: str, **more) -> Process:
    return launcher.start(module, arguments, threads=1, device="cpu", **more)


def lines(process: Process, count: int) -> list[bytes]:
    """As many lines as it is known to write, empty ones left out."""
    found: list[bytes] = []
    rest = b""
    while len(found) < count and process.readable(PATIENCE_S):
        if not (chunk := os.read(process.stdout.fileno(), 4096)):
            break
        *whole, rest = (rest + chunk).split(b"\n")
        found += [line for line in whole if line]
    return found


def test_a_process_gets_what_it_is_given(launcher, tmp_path):
    process = start(launcher, "tells", "one", "--two", variables={"MINE": "yes"})
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    (told,) = lines(process, 1)
    assert json.loads(told) == [["one", "--two"], "hello\n", str(tmp_path), "1", "yes", True]
    assert process.wait(PATIENCE_S) == 0
    assert process.end() == "ended with exit status 0\nto the log"


@pytest.mark.parametrize(
    ("module", "argument", "how"),
    [
        ("falls", str(int(signal.SIGSEGV)), "ended with signal 11 (SIGSEGV)"),
        ("falls", str(int(signal.SIGKILL)), "ended with signal 9 (SIGKILL)"),
        ("exits", "7", "ended with exit status 7"),
        ("raises", "", "ended with exit status 1\n"),
        ("no_such_module", "", "ended with exit status 1\n"),
    ],
)
def test_it_tells_how_a_process_ended(launcher, module, argument, how):
    process = start(launcher, module, argument)
    assert process.wait(PATIENCE_S) is not None
    told = process.end()
    assert told.startswith(how), told
    assert ("ValueError: told" in told) == (module == "raises")
    assert ("no_such_module" in told) == (module == "no_such_module")


@pytest.mark.parametrize("way", ["thread", "exit"])
def test_what_never_ends_is_ended(launcher, monkeypatch, way):
    monkeypatch.setattr(launcher_module, "END_LIMIT_S", 0.5)
    begun = time.monotonic()
    process = start(launcher, "leaves", way)
    process.end(0.5)
    assert time.monotonic() - begun < 30  # of 60 that it would sleep
    assert not psutil.pid_exists(process.pid)


@pytest.mark.parametrize("way", ["fork", "session"])
def test_what_it_has_started_ends_with_it(launcher, way, request):
    if way == "session" and "anew" in request.node.name:
        pytest.skip("who has left the group is found by the fork server alone")
    process = start(launcher, "leaves", way)
    (told,) = lines(process, 1)
    sleeper = psutil.Process(int(told))
    assert lines(process, 1) == []  # the sleeper holds the output open, and still the end is seen
    assert process.wait(PATIENCE_S) == 0
    sleeper.wait(PATIENCE_S)
    process.end()


def test_a_process_is_killed_with_its_group(launcher):
    process = start(launcher, "leaves", "fork", "sleeps")
    both = [psutil.Process(int(pid)) for pid in lines(process, 2)]
    process.kill()
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    for one in both:
        one.wait(PATIENCE_S)
    process.kill()  # twice does no harm
    assert process.end() == "ended with signal 9 (SIGKILL)"


def test_no_answer_in_time_is_an_error(launcher):
    process = start(launcher, "leaves", "sleeps")
    lines(process, 1)
    with pytest.raises(TimeoutError):
        process.readable(0.2)
    assert process.wait(0.1) is None
    process.kill()
    process.end()


def forks(launcher: Launcher) -> psutil.Process:
    """The fork server that the launcher has started."""
    (server,) = [
        one
        for one in psutil.Process().children()
        if one.status() != psutil.STATUS_ZOMBIE and "optbench.running.forkserver" in one.cmdline()
    ]
    return server


@pytest.mark.parametrize("launcher", ["forked"], indirect=True)
def test_processes_end_with_the_launcher(launcher):
    process = start(launcher, "leaves", "session", "sleeps")
    both = [psutil.Process(int(pid)) for pid in lines(process, 2)]
    server = forks(launcher)
    launcher.close()
    for one in (*both, server):
        if one.is_running():
            one.wait(PATIENCE_S)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    process.end()
    with pytest.raises(UserError, match="stopped"):  # whoever lost it does not begin anew
        start(launcher, "exits", "0")


@pytest.mark.parametrize("launcher", ["forked"], indirect=True)
def test_a_fork_server_that_is_killed_takes_its_processes_along_and_is_replaced(launcher):
    process = start(launcher, "leaves", "sleeps")
    lines(process, 1)
    forks(launcher).kill()
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert process.end() == "ended with signal 9 (SIGKILL)"
    again = start(launcher, "exits", "0")
    assert again.wait(PATIENCE_S) == 0
    again.end()


@pytest.mark.parametrize("launcher", ["forked"], indirect=True)
def test_a_fork_server_that_does_not_start_is_one_line(launcher, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    with pytest.raises(UserError, match="did not start") as caught:
        start(launcher, "exits", "0")
    assert "no torch here" in str(caught.value)


@pytest.mark.parametrize("launcher", ["forked"], indirect=True)
def test_the_fork_server_only_imports(launcher, tmp_path, monkeypatch):
    """One thread of Python's, and what was imported has computed nothing: no gradient, no random number."""
    (tmp_path / "looks.py").write_text(
        dedent(
            """
            import json, sys, threading
            import torch
            from optbench.core.processes import has_threads
            def program(arguments):
                fresh = torch.Generator().manual_seed(torch.default_generator.initial_seed())
                drawn = not torch.equal(fresh.get_state(), torch.get_rng_state())
                compiler = any("torch._inductor" in name for name in sys.modules)
                print(json.dumps([has_threads(), threading.active_count(), drawn, compiler]), flush=True)
            """
        )
    )
    process = start(
        launcher,
        "looks",
        imports=["optbench.training.timing.measure", "optbench.training.batched.train"],
    )
    (told,) = lines(process, 1)
    process.end()
    assert json.loads(told) == [False, 1, False, False]
    server = forks(launcher)
    names = [Path(f"/proc/{server.pid}/task/{one.id}/comm").read_text().strip() for one in server.threads()]
    assert len([name for name in names if name != "jemalloc_bg_thd"]) == 1


@pytest.mark.parametrize("launcher", ["forked"], indirect=True)
def test_nothing_is_forked_from_a_process_that_has_computed_on_threads(launcher, tmp_path, monkeypatch):
    """A module that starts a thread when it is imported: the process comes, but starts anew."""
    (tmp_path / "starts_a_thread.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    process = start(launcher, "tells", imports=["starts_a_thread"])
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    assert len(lines(process, 1)) == 1
    assert process.end().startswith("ended with exit status 0")


def test_elsewhere_than_on_linux_processes_start_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    with Launcher() as launcher:
        process = start(launcher, "optbench.no_such_module")
        assert process.wait(PATIENCE_S) == 1
        assert "no_such_module" in process.end()
