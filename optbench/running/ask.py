"""One question to a process of its own: what it says, and how it ended."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from optbench.running.channel import READY, Answers, SpoiltError
from optbench.running.launcher import START_LIMIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optbench.running.launcher import Launcher


def ask(
    launcher: Launcher,
    module: str,
    request: object,
    limit_s: float,
    *,
    threads: int,
    device: str,
    imports: Sequence[str] = (),
    is_answer: Callable[[Any], bool] = lambda _: True,
) -> tuple[Any, str]:
    """Has a process answer one request, and sees it ended.

    Args:
        launcher: what starts the process.
        module: whose `program` is run: it says `READY`, reads the request and answers.
        request: what it reads, pickled.
        limit_s: seconds that the answer may take, from when it is ready.
        threads: as in `Launcher.start`.
        device: as there.
        imports: as there.
        is_answer: whether what came is an answer to this request.

    Returns:
        The answer, None without one, and how the process ended: a clause without a subject, with the tail of
        its log on lines of their own.
    """
    process = launcher.start(module, [], threads=threads, device=device, imports=imports)
    answers = Answers(process)
    with suppress(BrokenPipeError):  # it has ended, as is seen below
        process.stdin.write(pickle.dumps(request))
        process.stdin.close()
    answer, late, limit = None, "", START_LIMIT_S
    try:
        if answers.next(limit) == READY:
            limit = limit_s
            answer = answers.next(limit)
    except TimeoutError:
        process.kill()
        late = f"did not end within {limit:g} s\n"
    except SpoiltError as problem:
        process.kill()
        late = f"{problem}\n"
    if answer is not None and not is_answer(answer):
        answer, late = None, "gave an answer that cannot be read\n"
    return answer, late + process.end()
