"""Study files made wrong in every way that a hand, an editor or a disk makes them wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml

from lab.checkout import ROOT
from optbench.cells.matrix import cells_of
from optbench.cells.search import first_grid, searches_of
from optbench.cells.timings import timings_of
from optbench.core.errors import UserError
from optbench.core.text import unshowable
from optbench.running.plan import needs_of
from optbench.study.resolve import read_study

LONGEST_MESSAGE = 1500
"""Characters of a mistake's line: the names that are allowed may be many."""

MOST_CELLS = 300
"""Cells that a mutated study is resolved into; of one with more, the study alone."""

EVERY_KEY = """\
study: every-key
title: "A title: with 'quotes' and Wörter"
question: >
  A question
  on two lines
seeds: 2
device: cpu
threads: 1
timeout_s: 60
cells_per_job: 5
data_folder: data
datasets:
  mnist: {root: raw}
workloads:
  ravine: {label: "Ravine", steps: 20, eval_every: 5, target: 1.0e-3}
  mine: {factory: "my_lab:line", points: 3, alpha: 1.5, batch_size: full, epochs: 2, timeout_s: 9,
    device: cpu, memory_mb: 500}
  mnist_mlp:
optimizers:
  sgd:
  adam: &adam {lr: 1e-3, betas: [0.9, 0.999], label: Adam}
  slow: {<<: *adam, like: adam, lr: 0.5, label: Slow}
  signum: {factory: "my_lab:Signum", lr: 0.1, momentum: 0.5}
  heavy_ball: {search: {momentum: [0.5, 0.9]}}
schedules:
  constant:
  cosine: {label: C}
  third: {like: step, step_size: 30%, gamma: 0.1}
probes: {every: 3}
timing: {seconds: 1}
execution: {seeds: batched, at_most: 4, step: eager}
metrics:
  rises: {factory: "my_lab:line", direction: lower, label: Rises}
  falls: my_lab:line
oracle: false
tuning: {seeds: 2, low: 1.0e-3, high: 1.0, per_decade: 3, widen: 1, rulesets: [tuned, default]}
report: {threshold: 0.02, reference: adam, error: 0.1, equal_within: 0.2, seed: 3, pdf: false}
matrix:
  - workloads: [ravine, mine]
    optimizers: [sgd, adam, slow, signum]
    seeds: [5, 6]
    lr: {"*": 0.1, adam: 0.2}
  - {workloads: [mnist_mlp], optimizers: [heavy_ball], schedules: [constant]}
"""

_SCALARS = r"""
~   null   yes   No   on   off   true   y   =   <<   -   ?   :   !   *   &   |   >   %   0   -1   1
010   0o7   0x1F   0b1   1_000   1:30   1:30.5   1e3   1.0e-3   1e400   1e-400   .inf   -.inf   .nan
-0.0   9223372036854775807   9223372036854775808   1e308   5e-324   2001-01-01   2001-99-99
2001-01-01 01:02:03   12:00   []   {}   [[]]   [1, 2]   {a: 1}   {1: a}   !!int abc   !!float x
!!bool foo   !!str 3   !!binary aGk=   !!set {a}   !!omap []   !x y   !<a> b   !!timestamp 1
!!null ''   !!python/name:os.getcwd   *a   &a x   &a [*a]   *adam   {<<: *adam}   "\0"   "\x1b[1m"
"\ud800"   "\u202e"   "\U00110000"   "\n"   "\u200b"   "\t"   "\xe9"   'no'   ' '   ""   a/b   ../x
/   ~   ~nobody-is-called-so/x   '{x}'   '*'   'a b'   -x   --   '-'   sgd   adam   ravine
constant   cosine   full   cuda   tuned   default   batched   graph   lr   my_lab:Signum
my_lab:nothing   nothing:f   os:getcwd   torch.optim:SGD   my_lab   :   a:b:c   broken:f   30%
30 epochs   -1%   1e9%   '*'   xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
sys:exit   __main__:x   os.path:join   importlib:import_module   my_lab.x:y   math:sin   this:s   a.b.c.d:e
学学学学学学学学学学学学学学学学学学学学学学学学学学学学学学   é   🙂   á
"""

SCALARS = (
    *_SCALARS.replace("\n", "   ").strip().split("   "),
    *("", "9" * 5000, "x" * 300, "x" * 20000),
)
"""What a scalar is replaced with; some are no scalars."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 10, 1000000, 1000000000000000000000000000000),
    *(-1000000000000000000000000000000, 2147483648, 9223372036854775808, 0.5, -0.5, 1e308),
    *(-1e308, 5e-324, float("inf"), float("nan"), "", "x", "no", "1", "010", "x" * 20000, []),
    *([[]], {}, {"": None}, {"a": {}}, [None], [1, "1"], [0, 1, 2], ["sgd", "sgd"]),
    *({"lr": 0.1}, {"like": "sgd"}, {"factory": "my_lab:Signum", "lr": 1}, "sgd", "ravine"),
    *("constant", "a\nb", "a\tb", "\x07", "\ud800", "\u202e", "a/b", [1e300, 1]),
    *([True, None, "x"],),
)
"""What a part of the tree is replaced with."""

_KEYS = """
study title question seeds device threads timeout_s cells_per_job data_folder datasets workloads
optimizers schedules probes timing execution metrics oracle tuning report matrix factory like label
dataset batch_size steps epochs eval_every target memory_mb lr search root download seconds every
at_most step direction low high per_decade widen rulesets threshold reference error equal_within seed pdf
betas momentum eps gamma step_size T_max name settings params
"""

KEYS = _KEYS.split()
"""What a mapping gets: keys of other places, and settings of factories."""

TOKENS = (
    *(b": ", b"- ", b"\n", b"\r", b"\r\n", b"\t", b"  ", b"#", b"'", b'"', b"{", b"}", b"["),
    *(b"]", b",", b"&a ", b"*a ", b"!!", b"!", b"%", b"@", b"`", b"|", b">", b"? ", b"---\n"),
    *(b"...\n", b"<<: ", b"\x00", b"\x1b", b"\x7f", b"\xff", b"\xc3", b"\xef\xbb\xbf"),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xc2\x85", b"\\"),
)


def originals() -> list[bytes]:
    """The study files that are mutated: those that ship, and six times one with every key."""
    files = sorted((ROOT / "config").glob("*.yaml"), key=lambda file: file.stat().st_size)
    shipped = [file.read_bytes() for file in files if file.stat().st_size < 3000]
    starter = (ROOT / "optbench" / "study" / "starter" / "study.yaml").read_bytes()
    return [*shipped, starter, *[EVERY_KEY.encode()] * 6]


def mutate(original: bytes, random: Random) -> bytes:
    """The file with one to three things wrong, all at one level."""
    level = random.choice((_bytes, _lines, _scalars, _scalars, _tree, _tree))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        original = level(original, random)
    return original


def _bytes(text: bytes, random: Random) -> bytes:
    here, there = sorted(random.randrange(len(text) + 1) for _ in range(2))
    near = min(here + random.randrange(1, 30), len(text))
    makes: tuple[Callable[[], bytes], ...] = (
        lambda: text[:here] + text[near:],
        lambda: text[:here],
        lambda: text[here:],
        lambda: text[:near] + text[here:],
        lambda: text[:here] + bytes([random.randrange(256)]) + text[here + 1 :],
        lambda: text[:here] + random.choice(TOKENS) + text[here:],
        lambda: text[:here] + random.choice(TOKENS) + text[near:],
        lambda: text[:here] + random.choice(TOKENS) * random.choice((2, 60, 3000)) + text[here:],
        lambda: text[there:] + text[:there],
        lambda: text[:here] + random.randbytes(random.randrange(1, 40)) + text[here:],
        lambda: text.decode("utf-8", "replace").encode(
            random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig"))
        ),
    )
    return random.choice(makes)()


def _lines(text: bytes, random: Random) -> bytes:
    lines = text.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = b" " * random.randrange(1, 5) + lines[at]
        case 4:
            lines[at] = lines[at].lstrip()
        case 5:
            lines[at] = b"\t" + lines[at]
        case _:
            lines[at] = lines[at][: random.randrange(len(lines[at]) + 1)]
    return b"\n".join(lines)


_WORD = re.compile(r"""[\w.*%'"/-]+(?=\s*[:,\]}\n])|(?<=[:,\[{-] )[\w.'"/-]+""")


def _scalars(text: bytes, random: Random) -> bytes:
    """The file with one of its words replaced."""
    written = text.decode("utf-8", "replace")
    words = list(_WORD.finditer(written))
    if not words:
        return text + random.choice(SCALARS).encode()
    word = random.choice(words)
    new = random.choice(SCALARS)
    return (written[: word.start()] + new + written[word.end() :]).encode("utf-8", "surrogatepass")


def _tree(text: bytes, random: Random) -> bytes:
    """The file with a part of its tree deleted, doubled, moved, renamed or made something else."""
    try:
        top = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return _scalars(text, random)
    spots = list(_spots(top))
    if not spots:
        return _scalars(text, random)
    holder, key = random.choice(spots)
    other_holder, other_key = random.choice(spots)
    match random.randrange(9):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case 2:
            holder[key] = copy.deepcopy(other_holder[other_key])
        case 3 if isinstance(holder, dict):
            new = random.choice([*SCALARS, *VALUES])
            holder[new if isinstance(new, str | int | float | None) else str(new)] = holder.pop(key)
        case 4 if isinstance(holder, dict):
            holder[random.choice(SCALARS)] = random.choice(VALUES)
        case 5 if isinstance(holder, dict):
            holder[random.choice(KEYS)] = copy.deepcopy(random.choice(VALUES))
        case 6:
            letters = list(str(holder[key]))
            random.shuffle(letters)
            holder[key] = "".join(letters)
        case _:
            holder[key] = copy.deepcopy(random.choice(VALUES))
    return yaml.safe_dump(top, allow_unicode=random.random() < 0.5, sort_keys=False).encode(
        "utf-8", "surrogatepass"
    )


def _spots(tree: object) -> Iterator[tuple[Any, Any]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield tree, key
        yield from _spots(value)


def outcome(file: Path) -> str:
    """Reads a study file as far as training: "" where it is sound, else the one line about it.

    Raises:
        AssertionError: what it says is no line to show.
        Exception: anything that is no mistake of the user's, told as one.
    """
    try:
        study = read_study(file)
        if sum(block.size for block in study.blocks) <= MOST_CELLS:
            cells = cells_of(study)
            for cell in cells[:2]:
                needs_of(study, [f"results/{study.name}/cells/{cell.workload.name}/x"])
            timings_of(study)
            for search in searches_of(study, cells)[:2] if study.tuning else ():
                grid = first_grid(search.tuning)
                wide = search.tuning.widen * search.tuning.per_decade
                for place in (grid.start - wide, grid.stop - 1 + wide):
                    assert 0 < search.lr(place) < float("inf")
                search.trial(grid.start, search.tuning.seeds[0])
    except UserError as error:
        message = str(error)
        assert not unshowable(message), ascii(message)
        assert 0 < len(message) <= LONGEST_MESSAGE, message
        assert message.startswith(f"{file}: ")
        return message
    return ""
