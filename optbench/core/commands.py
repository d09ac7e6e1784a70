"""Commands to paste into a shell: whatever a study, a file or a cell is called, they mean what they say."""

from __future__ import annotations

import shlex


def optbench_command(verb: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
    """`optbench VERB OPTIONS ARGUMENTS`, quoted; `--` before arguments of which one begins like an option.

    Args:
        verb: what is to be done.
        arguments: names and files, in any characters.
        options: with their values.
    """
    words = ["optbench", verb, *options]
    words += ["--"] if any(word.startswith("-") for word in arguments) else []
    return shlex.join([*words, *arguments])
