"""One question to a process of its own: what it says, and how it ended."""

from __future__ import annotations

import pickle
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from optbench.running.channel import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

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
) -> tuple[Any, str]:
    """Has a process answer one request, and sees it ended.

    Args:
        launcher: what starts the process.
        module: whose `program` is run with the token of its channel.
        request: what it reads, pickled.
        limit_s: seconds that the answer may take.
        threads: as in `Launcher.start`.
        device: as there.
        imports: as there.

    Returns:
        The answer, None without one, and how the process ended: a clause without a subject, with the tail of
        its log on lines of their own.
    """
    token = secrets.token_hex(8)
    process = launcher.start(module, [token], threads=threads, device=device, imports=imports)
    with suppress(BrokenPipeError):  # it has ended, as is seen below
        process.stdin.write(pickle.dumps(request))
        process.stdin.close()
    answer, late = None, ""
    try:
        answer = Answers(process, token).next(limit_s)
    except TimeoutError:
        process.kill()
        late = f"did not end within {limit_s:g} s\n"
    return answer, late + process.end()
