"""Commands that the program proposes reach a shell as they are meant."""

from __future__ import annotations

import shlex

import pytest

from optbench.core.commands import optbench_command


@pytest.mark.parametrize(
    ("words", "options", "command"),
    [
        (("rerun", "s.yaml", "ravine/sgd/constant/0"), (), "optbench rerun s.yaml ravine/sgd/constant/0"),
        (("rerun", "s.yaml", "-x/sgd/constant/0"), (), "optbench rerun -- s.yaml -x/sgd/constant/0"),
        (("show", "--"), ("--study", "s"), "optbench show --study s -- --"),
        (
            ("rerun", "my study.yaml", "it's/*/$(x)/0"),
            (),
            "optbench rerun 'my study.yaml' 'it'\"'\"'s/*/$(x)/0'",
        ),
        (("tune", "-s.yaml", "a/b/c"), ("--again",), "optbench tune --again -- -s.yaml a/b/c"),
    ],
)
def test_a_command(words: tuple[str, ...], options: tuple[str, ...], command: str) -> None:
    assert optbench_command(words[0], *words[1:], options=options) == command
    assert shlex.split(command)[-len(words) + 1 :] == list(words[1:])
