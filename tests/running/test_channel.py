"""What a parent believes of what comes through a channel, and how long it listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from optbench.running.ask import ask
from optbench.running.channel import Answers, SpoiltError
from optbench.running.launcher import Launcher

PROGRAM = """
    import gc, os, pickle, sys, time
    from optbench.running.channel import READY, Channel, open_channel
    def program(arguments):
        channel = open_channel()
        channel.say(READY)
        what = pickle.load(channel.requests)
        raw = channel.answers.buffer.raw
        if what == "floods":
            while True:
                raw.write(b"x" * 5000 + b"\\n")
        if what == "endless line":
            while True:
                raw.write(b"x" * 65536)
        if what == "spoils":
            raw.write(f"\\n{channel.token} nonsense\\n".encode())
            time.sleep(60)
        if what == "closes":
            os.closerange(3, 1024)
        if what == "tells":
            channel.say([one for one in sys.argv + list(os.environ.values()) if channel.token in one])
            return
        channel.say({"what": what})
    """


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    (tmp_path / "asked_program.py").write_text(dedent(PROGRAM))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{__import__('os').environ.get('PYTHONPATH', '')}")
    with Launcher() as found:
        yield found


@pytest.mark.parametrize(
    ("what", "answer", "how"),
    [
        ("answers", {"what": "answers"}, "ended with exit status 0"),
        ("closes", {"what": "closes"}, "ended with exit status 0"),
        ("tells", [], "ended with exit status 0"),
        ("spoils", None, "gave an answer that cannot be read"),
        ("floods", None, "did not end within 2 s"),
        ("endless line", None, "wrote without end where its answer was due"),
    ],
)
def test_an_answer_is_one_or_costs_its_process(what, answer, how, launcher: Launcher) -> None:
    limit = 2 if what == "floods" else 20
    begun = time.monotonic()
    found, ended = ask(launcher, "asked_program", what, limit, threads=1, device="cpu")
    assert found == answer
    assert ended.startswith(how)
    assert time.monotonic() - begun < 30


def test_what_is_no_answer_to_this_question_is_none(launcher: Launcher) -> None:
    found, ended = ask(
        launcher, "asked_program", "answers", 20, threads=1, device="cpu", is_answer=lambda said: said == {}
    )
    assert found is None
    assert ended.startswith("gave an answer that cannot be read")


class Written:
    """Stands for a process that has written something."""

    def __init__(self, folder: Path, text: str) -> None:
        (folder / "out").write_text(text)
        self.stdout = (folder / "out").open("rb")
        self.stdin = (folder / "in").open("wb")

    def readable(self, limit_s: float) -> bool:
        return True

    def wait(self, limit_s: float) -> int:
        return 0


@pytest.mark.parametrize("text", ["nonsense", "[1", "{'a': 1}", "[" * 100_000])
def test_lines_that_are_no_json_are_spoilt(text: str, tmp_path: Path) -> None:
    process = Written(tmp_path, f"noise\nab {text}\n")
    answers = Answers(process, "ab")  # type: ignore[arg-type]
    with pytest.raises(SpoiltError, match="gave an answer that cannot be read"):
        answers.next(5)
    assert answers.next(5) is None
    process.stdin.close()
    process.stdout.close()
