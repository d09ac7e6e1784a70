"""Ctrl-C, told from a KeyboardInterrupt that code of others raises."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from optbench.core.interrupts import ctrl_c


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Ctrl-C as in the foreground: a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_code_raises_is_not_the_users():
    with ctrl_c() as is_ctrl_c:
        assert not is_ctrl_c(KeyboardInterrupt())
        assert not is_ctrl_c(SystemExit(1))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_users_ctrl_c_is():
    with ctrl_c() as is_ctrl_c:
        with pytest.raises(KeyboardInterrupt) as found:
            signal.raise_signal(signal.SIGINT)
        assert is_ctrl_c(found.value)
        assert not is_ctrl_c(ValueError())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_ctrl_c_is_ignored_nothing_is_the_users():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ctrl_c() as is_ctrl_c:
        signal.raise_signal(signal.SIGINT)
        assert not is_ctrl_c(KeyboardInterrupt())
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_handler_that_code_inside_has_set_stays():
    def own(number, frame):
        pass

    with ctrl_c():
        signal.signal(signal.SIGINT, own)
    assert signal.getsignal(signal.SIGINT) is own


def test_another_thread_does_without():
    seen = []

    def work():
        with ctrl_c() as is_ctrl_c:
            seen.append(is_ctrl_c(KeyboardInterrupt()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_one_inside_another_leaves_the_outer_its_own():
    with ctrl_c() as outer:
        with ctrl_c() as inner:
            pass
        with pytest.raises(KeyboardInterrupt) as found:
            signal.raise_signal(signal.SIGINT)
        assert outer(found.value)
        assert not inner(found.value)
