"""The search of a learning rate: its grid, its edges and its choice, on scores made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.study_files import without_place
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.search import (
    Search,
    best_of,
    combinations,
    first_grid,
    is_at_edge,
    next_trials,
    score,
    searches_of,
    select_searches,
    wider,
    with_choice,
)
from optbench.core.errors import UserError
from optbench.core.specs import OptimizerSpec, TuningSpec
from optbench.study.resolve import read_study
from optbench.study.study import Study

TUNING = TuningSpec(seeds=(100, 101), low=1e-3, high=1e-1, per_decade=3, widen=2)
STUDY = """
study: s
seeds: 2
device: cpu
workloads: {ravine: {spread: 0.1}}
optimizers: {sgd: , heavy_ball: {search: {momentum: [0.5, 0.9], dampening: [0, 0.1]}}}
tuning: {seeds: [100, 101], low: 1e-3, high: 1e-1, per_decade: 4, rulesets: [tuned, default]}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return read(STUDY)


def read(text: str) -> Study:
    Path("s.yaml").write_text(text)
    return read_study(Path("s.yaml"))


def edited(*pairs: tuple[str, str]) -> dict[str, Search]:
    text = STUDY
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return {search.name: search for search in searches_of(read(text))}


def rates(tuning: TuningSpec, grid: range) -> list[float]:
    search = Search(None, tuning, "")  # type: ignore[arg-type]
    return [search.lr(place) for place in grid]


def test_the_grid_is_logarithmic_and_holds_both_ends():
    assert rates(TUNING, first_grid(TUNING)) == [0.001, 0.002154, 0.004642, 0.01, 0.02154, 0.04642, 0.1]
    # Ends between two points go to the nearer one: 10^(-8/3) = 0.002154, 10^(-4/3) = 0.04642.
    between = replace(TUNING, low=0.0018, high=0.05)
    assert rates(between, first_grid(between)) == [0.002154, 0.004642, 0.01, 0.02154, 0.04642]
    assert rates(replace(TUNING, low=0.01, high=0.01), first_grid(replace(TUNING, low=0.01, high=0.01))) == [
        0.01
    ]


@pytest.mark.parametrize("other", [replace(TUNING, low=1e-5, high=1.0), replace(TUNING, per_decade=6)])
def test_a_wider_or_denser_grid_holds_the_first_one(other: TuningSpec):
    assert set(rates(TUNING, first_grid(TUNING))) < set(rates(other, first_grid(other)))


def walk(tuning: TuningSpec, losses: dict[int, float], turns: int = 1) -> tuple[range, int, int]:
    """The grid at which a search ends, its best place, and how many grids it took."""
    grid, rounds = first_grid(tuning), 1
    while True:
        best = best_of({place: [losses[place]] for place in grid})
        grown = wider(tuning, grid, best, turns)
        if grown is None:
            return grid, best, rounds
        assert set(grid) < set(grown)
        grid, rounds = grown, rounds + 1


@pytest.mark.parametrize(
    ("bottom", "low", "high", "rounds"),
    [
        (-6, -9, -3, 1),  # inside: -9..-3 is the first grid
        (-8, -9, -3, 1),  # next to the edge
        (-9, -12, -3, 2),  # on the lower edge: a decade below, where it is then inside
        (-3, -9, 0, 2),
        (-12, -15, -3, 3),  # on the edge of the second grid too
        (-40, -15, -3, 3),  # beyond the bound: the search stops on the edge
        (40, -9, 3, 3),
    ],
)
def test_the_grid_widens_until_the_best_is_inside_or_the_bound_is_reached(bottom, low, high, rounds):
    losses = {place: float((place - bottom) ** 2) for place in range(-100, 100)}
    grid, best, took = walk(TUNING, losses)
    assert (grid.start, grid.stop - 1, took) == (low, high, rounds)
    assert best == min(max(bottom, low), high)
    assert is_at_edge(grid, best) == (best != bottom)


def test_a_grid_of_one_point_widens_to_both_sides():
    tuning = replace(TUNING, low=0.01, high=0.01)
    assert wider(tuning, first_grid(tuning), -6) == range(-9, -2)


def test_no_widening_where_none_is_allowed():
    tuning = replace(TUNING, widen=0)
    assert wider(tuning, first_grid(tuning), -9) is None
    assert is_at_edge(first_grid(tuning), -9)


def test_with_turns_a_place_is_on_the_edge_if_its_combination_has_none_beyond_it():
    # Two combinations take turns on -9..-3: -8 has no lower neighbour of its own, -7 has -9.
    grid = first_grid(TUNING)
    assert [place for place in grid if is_at_edge(grid, place, 2)] == [-9, -8, -4, -3]
    assert wider(TUNING, grid, -8, 2) == range(-12, -2)
    assert wider(TUNING, grid, -7, 2) is None


def test_everything_failing_widens_downwards_to_the_bound():
    grid, best, _ = walk(TUNING, dict.fromkeys(range(-100, 100), inf))
    assert (grid.start, best) == (-15, -15)


@pytest.mark.parametrize(
    ("losses", "expected"), [([1.0, 3.0], 2.0), ([1.0, inf], inf), ([1.0, nan], inf), ([], inf)]
)
def test_one_failure_rules_a_rate_out(losses, expected):
    assert score(losses) == expected


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ({1: [2.0, 2.0], 2: [1.0, 3.0], 3: [9.0, 9.0]}, 1),  # equal scores: the smaller rate
        ({1: [5.0, 5.0], 2: [0.1, inf]}, 1),  # a diverged trial is penalised, not dropped
        ({1: [inf, inf], 2: [1.0, nan], 3: [inf, 1.0]}, 2),  # all fail: fewest failures, then the rate
    ],
)
def test_the_choice(losses, best):
    assert best_of(losses) == best


def test_combinations_are_the_product_in_the_order_of_names():
    spec = OptimizerSpec("o", "m:o", 0.1, search={"b": (1, 2), "a": ("x",)})
    assert combinations(spec) == [{"a": "x", "b": 1}, {"a": "x", "b": 2}]
    assert combinations(OptimizerSpec("o", "m:o", 0.1)) == [{}]


def test_every_optimizer_has_the_same_number_of_trials(study: Study):
    searches = searches_of(study)
    assert [search.name for search in searches] == ["ravine/sgd/constant", "ravine/heavy_ball/constant"]
    trials = [search.trials(first_grid(search.tuning)) for search in searches]
    assert [len(every) for every in trials] == [18, 18]  # 2 decades x 4 + 1, two seeds
    # The four combinations take turns: -12, -8 and -4 have the first one, and so on.
    tried = [(t.lr, t.optimizer.settings["momentum"], t.optimizer.settings["dampening"]) for t in trials[1]]
    assert tried[:10:2] == [
        (0.001, 0.5, 0),
        (0.001778, 0.9, 0),
        (0.003162, 0.5, 0.1),
        (0.005623, 0.9, 0.1),
        (0.01, 0.5, 0),
    ]
    assert {t.seed for t in trials[1]} == {100, 101}
    assert all(t.trial and t.tuning is None for every in trials for t in every)
    assert len({trace_path(t) for every in trials for t in every}) == 36
    path = trace_path(trials[0][0])
    assert path.as_posix().startswith("results/s/tuning/ravine/sgd/constant/lr0.001-seed100-")
    assert trials[0][0].name == "ravine/sgd/constant/lr0.001/100"


def test_a_trial_is_known_by_its_values_not_by_its_grid(study: Study):
    def paths(search: Search) -> set[Path]:
        return {trace_path(trial) for trial in search.trials(first_grid(search.tuning))}

    before = edited()
    for change in (
        ("low: 1e-3", "low: 1e-5"),
        ("per_decade: 4", "per_decade: 8"),
        ("[100, 101]", "[100, 101, 7]"),
    ):
        after = edited(change)
        assert paths(before["ravine/sgd/constant"]) < paths(after["ravine/sgd/constant"])
        assert before["ravine/sgd/constant"].path != after["ravine/sgd/constant"].path


def test_a_cell_is_known_by_the_tuning_that_will_choose_its_rate(study: Study):
    def digests(*pairs: tuple[str, str]) -> dict[str, str]:
        text = STUDY
        for before, after in pairs:
            text = text.replace(before, after)
        return {cell.name: cell.digest for cell in cells_of(read(text))}

    before = digests()
    tuned = {name for name in before if "default" not in name}
    for change in (("low: 1e-3", "low: 1e-4"), ("[100, 101]", "[100]"), ("per_decade: 4", "per_decade: 5")):
        after = digests(change)
        assert {name for name in after if after[name] != before[name]} == tuned
    other = digests(("dampening: [0, 0.1]", "dampening: [0, 0.2]"))
    assert {n for n in other if other[n] != before[n]} == {n for n in tuned if "/heavy_ball/" in n}
    # The twin at its own rate is the very cell that a study without tuning has.
    plain = STUDY.replace("heavy_ball: {search: {momentum: [0.5, 0.9], dampening: [0, 0.1]}}", "heavy_ball: ")
    plain = "".join(line for line in plain.splitlines(keepends=True) if not line.startswith("tuning"))
    without = {cell.name: cell.digest for cell in cells_of(read(plain))}
    assert before["ravine/sgd.default/constant/1"] == without["ravine/sgd/constant/1"]


def test_a_cell_waits_for_its_choice(study: Study):
    cell = cells_of(study)[0]
    with pytest.raises(UserError, match=r"ravine/sgd/constant/0: its learning rate has not been chosen yet"):
        with_choice(cell)
    default = next(one for one in cells_of(study) if one.optimizer.default_of)
    assert with_choice(default) is default
    assert (default.optimizer.name, default.lr) == ("sgd.default", study.optimizers["sgd"].lr)


def test_searches_are_selected_by_name(study: Study):
    searches = searches_of(study)
    assert select_searches(searches, ["ravine/*/constant"]) == searches
    assert select_searches(searches, [searches[1].path.as_posix()]) == searches[1:]
    with pytest.raises(UserError, match="did you mean 'ravine/sgd/constant'"):
        select_searches(searches, ["ravine/sdg/constant"])


def test_a_block_with_a_rate_is_not_tuned(study: Study):
    blocks = "[{schedules: [constant]}, {schedules: [cosine], optimizers: [sgd], lr: 0.3}]"
    fixed = read(f"{STUDY}schedules: [constant, cosine]\nmatrix: {blocks}\n")
    rates = {cell.name: (cell.lr, cell.tuning is not None) for cell in cells_of(fixed) if cell.seed == 0}
    assert rates["ravine/sgd/cosine/0"] == (0.3, False)
    assert "ravine/sgd.default/cosine/0" not in rates
    assert rates["ravine/sgd/constant/0"][1]
    assert [search.name for search in searches_of(fixed)] == [
        "ravine/sgd/constant",
        "ravine/heavy_ball/constant",
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "[100, 101]",
            "[100, 1]",
            "tuning.seeds: 1 is an evaluation seed; the seeds that choose a learning rate must not be those "
            "that judge it (give a list of others)",
        ),
        ("[100, 101], low: 1e-3", "3, low: 1", "tuning.low must be at most tuning.high, 0.1; got 1"),
        (
            "per_decade: 4",
            "per_decade: 3",
            "optimizers.heavy_ball.search: 4 combinations share the candidates of a decade, so "
            "tuning.per_decade must be >= 4; got 3",
        ),
        (
            "tuning: {",
            "matrix: [{lr: 1}]\ntuning: {",
            "tuning: every block of the matrix gives its learning rates; none is left to tune",
        ),
        (
            "tuning: {",
            "matrix: [{lr: {heavy_ball: 1}}]\ntuning: {",
            "optimizers.heavy_ball.search: every block of the matrix gives heavy_ball its learning rate",
        ),
        (
            "heavy_ball:",
            "sgd.default: {like: sgd}, heavy_ball:",
            "optimizers.sgd.default: the ruleset 'default' needs this name for sgd's twin",
        ),
        (
            "momentum: [0.5, 0.9]",
            "momentum: [0.5, 1.5]",
            "optimizers.heavy_ball.search.momentum must be in [0, 1); got 1.5",
        ),
        (
            "momentum: [0.5, 0.9]",
            "lr: [0.5, 0.9]",
            "optimizers.heavy_ball.search.lr: must be a setting of the factory; the learning rate is "
            "searched by 'tuning' itself",
        ),
    ],
)
def test_a_mistake_is_one_line(study: Study, before: str, after: str, message: str):
    assert before in STUDY
    with pytest.raises(UserError) as raised:
        cells_of(read(STUDY.replace(before, after)))
    assert without_place(str(raised.value)) == f"s.yaml: {message}"


def test_a_search_needs_a_tuning(study: Study):
    with pytest.raises(UserError, match=r"heavy_ball\.search: nothing is searched while 'tuning' is off"):
        read(STUDY.replace("tuning: {", "tuning: off #"))


def test_a_misspelt_setting_to_search(study: Study):
    with pytest.raises(
        UserError, match=r"search\.momentun: unknown name 'momentun'; did you mean 'momentum'"
    ):
        read(STUDY.replace("momentum:", "momentun:"))


def search_by(truth: Mapping[int, Sequence[float]], *, race: bool) -> tuple[int, int]:
    """The place that is chosen from these losses, and how many trials it took."""
    seeds = len(next(iter(truth.values())))
    known: dict[int, list[float]] = {place: [] for place in truth}
    while wanted := next_trials(known, seeds, race=race):
        for place, seed in wanted:
            assert seed == len(known[place])  # each trial once, and in the order of the seeds
            known[place].append(truth[place][seed])
    padded = {place: [*tried, *[inf] * (seeds - len(tried))] for place, tried in known.items()}
    return best_of(padded), sum(map(len, known.values()))


losses = st.one_of(st.just(inf), st.sampled_from([0.0, 0.1, 0.2, 0.3]), st.floats(0, 1e308))


@given(st.lists(st.tuples(losses, losses, losses), min_size=1, max_size=8))
def test_a_race_chooses_what_all_trials_would(rows: list[tuple[float, ...]]):
    """Ties, failures everywhere, sums that overflow: whatever is left out could not have been chosen."""
    truth = dict(enumerate(rows, start=-3))
    (whole, all_trials), (raced, trials) = (search_by(truth, race=race) for race in (False, True))
    assert (raced, all_trials) == (whole, 3 * len(rows))
    assert trials <= all_trials


def test_a_race_leaves_out_what_can_no_longer_be_chosen():
    """Three seeds, the best rate sums to 3: 4 leaves after one seed, 2 + 2 after two, a failure at once."""
    truth = {0: (4, 0, 0), 1: (1, 1, 1), 2: (2, 2, 0), 3: (inf, 0, 0), 4: (1.5, 0.5, 1.5), 5: (0.5, inf, 0)}
    # 1 + 3 + 2 + 1 + 3, and 5, which led and failed, all three: it was to be the first whole one.
    assert search_by(truth, race=True) == (1, 1 + 3 + 2 + 1 + 3 + 3)


def test_where_a_loss_may_be_below_0_only_failures_leave_a_race():
    truth = {0: (9.0, -20.0), 1: (-1.0, 1.0), 2: (inf, 0.0)}
    assert search_by(truth, race=True) == (0, 5)


def test_where_every_rate_fails_the_race_tries_all():
    """The one with the fewest failures is chosen then, which takes every trial."""
    assert search_by({0: (inf, 1.0, inf), 1: (inf, 1.0, 1.0)}, race=True) == (1, 6)


def test_a_race_decides_no_number(study: Study):
    """Its cells are those of the search that tries all."""
    raced = edited(("per_decade: 4", "per_decade: 4, race: true"))
    plain = {search.name: search for search in searches_of(study)}
    assert {name: one.path for name, one in raced.items()} == {name: one.path for name, one in plain.items()}


def test_a_race_wants_seeds_that_are_trained_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    text = STUDY.replace("per_decade: 4", "per_decade: 4, race: true") + "execution: {seeds: batched}\n"
    with pytest.raises(UserError, match=r"tuning\.race: .*execution\.seeds: batched"):
        read(text)
