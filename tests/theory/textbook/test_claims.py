"""The textbook's claims: each check can support, refute and hold back, and reproduces the checked numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lab.checkout import ROOT

from optbench.theory.textbook import measure
from optbench.theory.textbook.claims import CLAIMS, check_claims, write_claims
from optbench.theory.textbook.decay import stationary_loss
from optbench.theory.textbook.evidence import Need, Tables, find_cells, read_tables
from optbench.theory.textbook.family import ADAM_RATES, RATES
from optbench.theory.textbook.file import UNMEASURED, read_claims
from optbench.theory.textbook.setups import RAVINE, REGIMES, SGD, heavy_ball, need
from optbench.theory.textbook.verdict import Part, lower, verdict

SEEDS = 8
BY_ID = {claim.id: claim for claim in CLAIMS}
IDS = [*(f"A{i}" for i in range(1, 5)), *(f"B{i}" for i in range(1, 11)), "C1", "C2", "C3", "D1", "D2", "D3"]
IDS += ["E1", "E2", "E3", "E4"]


@dataclass(frozen=True)
class Content:
    """What the cells of one need hold: values the same for every seed, or a tuple of one a seed."""

    columns: dict[str, Any] = field(default_factory=dict)
    curves: dict[tuple[str, str], Any] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)
    status: str = "ok"


def fabricate(needs: dict[str, Need], content: dict[str, Content], seeds: int = SEEDS) -> Tables:
    """Tables of a study with just these cells, under names that say nothing."""
    study: dict[str, Any] = {"workloads": {}, "optimizers": {}, "schedules": {}}
    names: dict[str, str] = {}

    def name(kind: str, spec: Any, extra: str = "") -> str:
        facts = {"factory": spec.factory, "settings": dict(spec.settings)}
        if kind == "workloads":
            facts |= {
                "overrides": dict(spec.overrides),
                "dataset": spec.dataset.name if spec.dataset else None,
                "coordinates": ["x", "y"] if spec == RAVINE else ["x"],
                "target": 0.35,
                "batch_size": spec.overrides.get("batch_size"),
                "n_train": 1079,
            }
            if facts["batch_size"] == "full":
                facts["batch_size"] = None
        key = json.dumps([kind, facts, extra], sort_keys=True)
        given = names.setdefault(key, f"{kind[0]}{len(names)}")
        study[kind][given] = facts
        return given

    runs, curves, timing = [], [], []
    for key, each in needs.items():
        what = content.get(key, Content())
        parts = (
            name("workloads", each.workloads[-1]),
            name("optimizers", each.optimizer, f"{each.lr}"),
            name("schedules", each.schedule),
        )
        for seed in range(seeds):
            cell = "/".join((*parts, str(seed)))
            row = dict(zip(("workload", "optimizer", "schedule"), parts, strict=True))
            chosen = {k: v[seed] if isinstance(v, tuple) else v for k, v in what.columns.items()}
            runs.append({"cell": cell, **row, "lr": each.lr, "seed": seed, "status": what.status, **chosen})
            for (split, metric), values in what.curves.items():
                line = np.asarray(values[seed] if isinstance(values, tuple) else values, dtype=float)
                curves.append(
                    pd.DataFrame(
                        {
                            "cell": cell,
                            "step": np.arange(len(line)),
                            "split": split,
                            "metric": metric,
                            "value": line,
                        }
                    )
                )
        if what.timing:
            plain = needs.get("plain", each)
            reference = name("optimizers", plain.optimizer, f"{plain.lr}")
            timing.append(
                {"workload": parts[0], "optimizer": parts[1], "reference": reference, **what.timing}
            )
    table = (
        pd.concat(curves) if curves else pd.DataFrame(columns=["cell", "step", "split", "metric", "value"])
    )
    return Tables(study, pd.DataFrame(runs), pd.DataFrame(timing), lambda _: table)


def check(claim_id: str, content: dict[str, Content], seeds: int = SEEDS) -> dict[str, Any]:
    claim = BY_ID[claim_id]
    wanted = {name: each for name, each in claim.wants.items() if name in content}
    (found,) = check_claims(fabricate({**claim.needs, **wanted}, content, seeds), [claim])
    return found


def ball(
    b: float, lr: float, steps: int, start: tuple[float, ...] = (-2.4, 0.2), switch: float = 1
) -> np.ndarray:
    """Heavy ball on the ravine, written out; after step 30 the rate is lr x switch. Shape (steps + 1, 2)."""
    place, velocity = np.array(start), np.zeros(2)
    path = [place]
    for t in range(steps):
        velocity = b * velocity + np.array([place[0] / 8, 18 * place[1]])
        place = place - lr * (switch if t >= 30 else 1) * velocity
        path.append(place)
    return np.array(path)


def moving(path: np.ndarray, **curves: Any) -> Content:
    """A run along a path of one or two coordinates."""
    flat = path.reshape(len(path), -1)
    weights = {("weights", axis): flat[:, i] for i, axis in enumerate("xy"[: flat.shape[1]])}
    return Content(curves={**weights, **{tuple(k.split("_")): v for k, v in curves.items()}})


def on_ravine(path: np.ndarray) -> Content:
    return moving(path, validation_loss=path[:, 0] ** 2 / 16 + 9 * path[:, 1] ** 2)


def losses(values: Any, split: str = "validation") -> Content:
    return Content(curves={(split, "loss"): values})


def column(name: str, low: float, spread: float = 0.01) -> Content:
    """A column with other values in every seed, all close to `low`."""
    return Content(columns={name: tuple(low * (1 + spread * seed) for seed in range(SEEDS))})


def with_rises(size: float) -> np.ndarray:
    """A loss from 1 to 0.5 with rises of `size` x its fall in all."""
    return np.array([1.0, 0.6, 0.6 + size / 2, 0.5])


def regimes(**rises: float) -> dict[str, Content]:
    return {
        size: losses(
            tuple(with_rises(rises[f"b{size}"] * (1 + 0.01 * seed)) for seed in range(SEEDS)), "train"
        )
        for size in REGIMES
    }


def timed(**times: float) -> dict[str, Content]:
    return {size: Content(timing={"step_time_us": times[f"b{size}"], "noisy": False}) for size in REGIMES}


def sweep(adam: tuple[float, ...], plain: float) -> dict[str, Content]:
    found = {f"adam_{r:g}": column("final_val_loss", loss) for r, loss in zip(ADAM_RATES, adam, strict=True)}
    return found | {f"sgd_{RATES[0]:g}": column("final_val_loss", plain)}


def rates(effective: list[float]) -> Content:
    """A path along the ravine whose steps are the gradient times these rates."""
    place = np.array([-2.4, 0.2])
    path = [place]
    for rate in effective:
        place = place - rate * np.array([place[0] / 8, 18 * place[1]])
        path.append(place)
    return moving(np.array(path))


PLAIN, B08, B09 = (on_ravine(ball(b, 0.1, 50)) for b in (0.0, 0.8, 0.9))
SLOW = on_ravine(ball(0.0, 0.001, 50))
STRAIGHT = on_ravine(np.linspace([-2.4, 0.2], [0.0, 0.0], 51))
LIMIT, LIMIT_BALL = (on_ravine(ball(b, 0.11, 50)) for b in (0.0, 0.9))
BEYOND = on_ravine(ball(0.0, 0.15, 50))
FLAT, JUMPY = losses([1.0, 0.5, 0.2]), losses([1.0, 0.2, 0.5, 0.1])
NEVER = Content(columns={"steps_to_target": float("nan")})


def speed(steps: list[float]) -> Content:
    return moving(40 - np.cumsum([0.0, *steps]))


def both(one: Content, other: Content) -> Content:
    return Content(
        {**one.columns, **other.columns}, {**one.curves, **other.curves}, {**one.timing, **other.timing}
    )


MOMENTUM_TIMED = {"state_bytes_per_param": 4.0, "ratio_to_sgd": 1.1, "ratio_low": 1.05, "ratio_high": 1.15}
TIMED = {"step_time_us": 100.0, "rounds": 20, "noisy": False, "noise": ""}
PLAIN_TIMED = Content(
    timing={**TIMED, "state_bytes_per_param": 0.0, "ratio_to_sgd": 1.0, "ratio_low": 1.0, "ratio_high": 1.0}
)

NET = {"net_torch": FLAT, "net_step": FLAT}
SUPPORTED: dict[str, dict[str, Content]] = {
    "A1": {**NET, "ravine_torch": B09, "ravine_step": B09},
    "A2": {"plain": speed([0.01] * 100), "ball": speed([0.1 * (1 - 0.9**t) for t in range(1, 101)])},
    "A3": {"plain": NEVER, "ball": column("steps_to_target", 100)},
    "A4": {"plain": moving(np.array([2.0, 1.0])), "ball": moving(np.array([2.0, -2.0]))},
    "B1": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B2": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B3": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B4": timed(bone=100, b32=120, b64=130, b128=150, b256=200, bfull=500),
    "B5": {"one": Content(curves={("train", "batch_loss"): [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]})},
    "B6": {
        "small": column("final_val_loss", 2.0), "middle": column("final_val_loss", 0.1),
        "large": Content(columns={"final_val_loss": float("nan")}, status="diverged"),
        "ravine_small": SLOW, "ravine_middle": PLAIN, "ravine_beyond": BEYOND,
    },
    "B7": {
        "limit_plain": LIMIT, "limit_ball": LIMIT_BALL,
        "saddle_plain": Content(columns={"steps_to_target": 155.0}),
        "saddle_ball": Content(columns={"steps_to_target": 41.0}),
    },
    "B8": {"adagrad": rates([0.1 / (1 + t) for t in range(20)])},
    "B9": {"rmsprop": rates([0.1, 0.05, 0.03, 0.04, 0.05]), "adagrad": rates([0.1, 0.05, 0.03, 0.02, 0.01])},
    "B10": sweep((2.0, 0.2, 0.1, 1.0, 4.0), plain=2.2),
    "C1": {"plain": PLAIN},
    "C2": {"slope": speed([0.1 * (1 - 0.9**t) for t in range(1, 101)]), "ball": B09},
    "C3": {"constant": losses([1.0] * 50), "step": losses([0.1] * 50), "plateau": losses([0.2] * 50)},
    "D1": {"plain": PLAIN, "b08": B08, "b09": B09},
    "D2": {"b08": B08, "b09": B09},
    "D3": {"b08": B08, "b09": B09},
    "E1": {"plain": column("steps_to_target", 206), "ball": column("steps_to_target", 37)},
    "E2": {"plain": JUMPY, "ball": FLAT},
    "E3": {"plain": PLAIN_TIMED, "ball": Content(timing={**TIMED, **MOMENTUM_TIMED})},
    "E4": {"plain": FLAT, "ball": FLAT},
}  # fmt: skip
"""Tables in which a claim holds."""


def exchanged(claim_id: str, one: str, other: str) -> dict[str, Content]:
    """The same tables with two contents in each other's place."""
    content = dict(SUPPORTED[claim_id])
    content[one], content[other] = content[other], content[one]
    return content


REFUTED: dict[str, dict[str, Content]] = {
    "A1": {**NET, "net_step": losses([1.0, 0.5, 0.21]), "ravine_torch": B09, "ravine_step": B09},
    "A2": exchanged("A2", "plain", "ball"),
    "A3": exchanged("A3", "plain", "ball"),
    "A4": exchanged("A4", "plain", "ball"),
    "B1": regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.3),
    "B2": regimes(bone=0.05, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B3": regimes(bone=0.5, b32=0.6, b64=0.08, b128=0.06, b256=0.02, bfull=0.001),
    "B4": timed(bone=500, b32=200, b64=150, b128=130, b256=120, bfull=100),
    "B6": exchanged("B6", "small", "middle"),
    "B7": exchanged("B7", "saddle_plain", "saddle_ball"),
    "B8": {"adagrad": rates([0.1, 0.05, 0.06])},
    "B9": exchanged("B9", "rmsprop", "adagrad"),
    "B10": sweep((2.0, 0.2, 0.1, 1.0, 4.0), plain=0.02),
    "C1": {"plain": SLOW},
    "C2": {"slope": speed([0.005] * 100), "ball": B09},
    "C3": exchanged("C3", "constant", "plateau"),
    "D1": exchanged("D1", "plain", "b08"),
    "D2": {"b08": B08, "b09": STRAIGHT},
    "D3": exchanged("D3", "b08", "b09"),
    "E1": exchanged("E1", "plain", "ball"),
    "E2": exchanged("E2", "plain", "ball"),
    "E3": {
        "plain": PLAIN_TIMED,
        "ball": Content(timing={**TIMED, **MOMENTUM_TIMED, "state_bytes_per_param": 8.0}),
    },
}
"""Tables in which a claim fails. B5 is a theorem and E4 a count of settings: see below."""

WAVERING = (0.9, 1.1, 0.8, 1.2, 0.95, 1.05, 0.85, 1.15)
OPEN: dict[str, dict[str, Content]] = {
    "A3": {
        "plain": Content(columns={"steps_to_target": 1.0}),
        "ball": Content(columns={"steps_to_target": WAVERING}),
    },
    "B4": timed(bone=100, b32=100, b64=100, b128=100, b256=100, bfull=101),
    "B5": {"one": Content(curves={("train", "batch_loss"): [1.0, 1.0, 1.0]})},
    "B6": {**SUPPORTED["B6"], "small": Content(columns={"final_val_loss": tuple(0.1 * w for w in WAVERING)})},
    "B10": {**SUPPORTED["B10"], "adam_0.1": column("final_val_loss", 0.25)},
    "C3": {**SUPPORTED["C3"], "step": losses(tuple([w] * 50 for w in WAVERING))},
    "E1": {
        "plain": Content(columns={"steps_to_target": 1.0}),
        "ball": Content(columns={"steps_to_target": WAVERING}),
    },
    "E3": {"plain": PLAIN_TIMED, "ball": Content(timing={**TIMED, **MOMENTUM_TIMED, "ratio_low": 0.9})},
}
"""Tables that do not tell."""


def test_every_claim_of_the_textbook_is_declared_once() -> None:
    assert [claim.id for claim in CLAIMS] == IDS
    for claim in CLAIMS:
        assert claim.text
        assert claim.predicted
        assert claim.test
        assert claim.source
        assert claim.needs


@pytest.mark.parametrize("claim_id", IDS)
def test_supported(claim_id: str) -> None:
    found = check(claim_id, SUPPORTED[claim_id])
    assert found["verdict"] == "supported", found["measured"]
    assert found["measured"]
    assert found["rows"]


@pytest.mark.parametrize("claim_id", sorted(REFUTED))
def test_refuted(claim_id: str) -> None:
    found = check(claim_id, REFUTED[claim_id])
    assert found["verdict"] == "refuted", found["measured"]


def test_e4_counts_settings() -> None:
    """Two optimizers with the same settings are no choice more."""
    tables = fabricate(dict(BY_ID["E4"].needs), SUPPORTED["E4"])
    plain = find_cells(tables, BY_ID["E4"].needs["plain"])
    assert plain is not None
    assert verdict(BY_ID["E4"].check({"plain": plain, "ball": plain}).parts) == "refuted"


def test_e3_says_nothing_of_a_time_that_was_not_compared_with_plain_sgd() -> None:
    tables = fabricate(dict(BY_ID["E3"].needs), SUPPORTED["E3"])
    ball = find_cells(tables, BY_ID["E3"].needs["ball"])
    assert ball is not None
    of_ball = replace(tables, timing=tables.timing.assign(reference=ball.optimizer))
    cells = {name: find_cells(of_ball, need) for name, need in BY_ID["E3"].needs.items()}
    outcome = BY_ID["E3"].check({name: each for name, each in cells.items() if each is not None})
    assert verdict(outcome.parts) == "inconclusive"
    assert outcome.parts[1].said.endswith("not against plain SGD")
    assert math.isnan(outcome.values["ratio"])  # noqa: PD011 - a mapping


def test_b5_would_see_an_average_that_forgets_the_wrong_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optbench.theory.textbook.regimes.average", lambda b, y: measure.average(1 - b, y))
    assert check("B5", SUPPORTED["B5"])["verdict"] == "refuted"


@pytest.mark.parametrize("claim_id", sorted(OPEN))
def test_inconclusive(claim_id: str) -> None:
    found = check(claim_id, OPEN[claim_id])
    assert found["verdict"] == "inconclusive", found["measured"]


@pytest.mark.parametrize("claim_id", [name for name in IDS if name != "E4"])
def test_without_a_run_it_is_inconclusive_and_says_why(claim_id: str) -> None:
    claim = BY_ID[claim_id]
    gone = {name: Content(status="missing") for name in claim.needs}
    found = check(claim_id, gone)
    assert found["verdict"] == "inconclusive"
    assert found["measured"].startswith("not measured: ")


@pytest.mark.parametrize("claim_id", ["A3", "B1", "B2", "B3", "B10", "C3", "E1", "E2"])
def test_five_seeds_are_insufficient(claim_id: str) -> None:
    found = check(claim_id, SUPPORTED[claim_id], seeds=5)
    assert found["verdict"] == "inconclusive"
    assert "insufficient data, 5 paired seeds of at least 6" in found["measured"]


def test_a_claim_whose_cells_a_study_does_not_plan_is_left_out() -> None:
    tables = fabricate({"only": need(RAVINE, SGD, 0.1)}, {"only": PLAIN})
    found = {claim["id"]: claim for claim in check_claims(tables)}
    assert sorted(found) == ["B6", "C1", "D1"]
    assert found["C1"]["verdict"] == "supported"
    assert found["D1"]["measured"] == "not measured: the study has no cells for b08, b09"


def test_cells_are_found_by_what_they_are() -> None:
    tables = fabricate({"a": need(RAVINE, SGD, 0.1), "b": need(RAVINE, heavy_ball(0.8), 0.1)}, {})
    assert find_cells(tables, need(RAVINE, heavy_ball(0.8), 0.1)) is not None
    assert find_cells(tables, need(RAVINE, heavy_ball(0.9), 0.1)) is None
    assert find_cells(tables, need(RAVINE, SGD, 0.2)) is None


def test_a_diverged_run_is_worst_and_a_broken_one_is_no_evidence() -> None:
    content = {**SUPPORTED["A3"]}
    content["ball"] = Content(columns={"steps_to_target": float("nan")}, status="diverged")
    assert check("A3", content)["verdict"] == "inconclusive"  # two that never arrive tie
    content["ball"] = Content(columns={"steps_to_target": 10.0}, status="killed")
    assert "nothing to look at (8 killed)" in check("A3", content)["measured"]


def test_the_paired_part_needs_its_direction_and_enough_seeds() -> None:
    low, high = pd.Series(range(8), dtype=float), pd.Series(range(10, 18), dtype=float)
    assert lower(low, high, "x").holds is True
    assert lower(low, high, "x").p == pytest.approx(2 / 2**8)  # all eight signs alike, two-sided
    assert lower(high, low, "x").holds is False
    assert lower(high, low, "x", among=7).holds is None  # 7 x 0.0078 exceeds 5%
    assert lower(low, low, "x").holds is None
    assert lower(low[:5], high, "x").holds is None
    endless = pd.Series(np.inf, range(8))
    assert lower(low, endless, "x").holds is True


def test_parts_add_up() -> None:
    yes, no, open_ = Part(True, ""), Part(False, ""), Part(None, "")
    assert verdict((yes, yes)) == "supported"
    assert verdict((yes, open_)) == "inconclusive"
    assert verdict((open_, no)) == "refuted"


def test_measures_against_numbers_worked_by_hand() -> None:
    assert measure.rise([4.0, 2.0, 3.0, 0.0]) == 0.25
    assert measure.rise([1.0, float("nan")]) == np.inf
    assert measure.rise([1.0, 2.0]) == np.inf
    assert measure.largest_gap([1.0, 2.0], [1.0, 1.5]) == 0.25
    assert measure.largest_rise(np.array([4.0, 2.0, 3.0, 1.0])) == 0.5
    assert measure.largest_rise(np.array([4.0, np.nan, 2.0])) == 0
    path = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [3.0, 1.0]])
    assert measure.reversals(path).tolist() == [0.0, 1.0]
    assert measure.gain(path, np.full((4, 2), 2.0), 0.5).tolist() == [1.0, 1.0]
    assert measure.effective_lr(path, np.full((4, 2), 2.0)).tolist() == [[0.5, 0.5]] * 3
    assert measure.roughness(np.array([0.0, 2.0, 1.0])) == 1.5
    assert measure.last_fifth(np.arange(10.0)).tolist() == [8.0, 9.0]


def test_gain_of_a_heavy_ball_is_its_transfer_function() -> None:
    """Constant gradients give 1/(1-b), alternating ones 1/(1+b), once the start is forgotten."""
    for sign, expected in ((1, 1 / (1 - 0.9)), (-1, 1 / (1 + 0.9))):
        gradient = np.array([float(sign) ** t for t in range(4000)])
        velocity, place = 0.0, [0.0]
        for g in gradient[:-1]:
            velocity = 0.9 * velocity + g
            place.append(place[-1] - 0.1 * velocity)
        found = measure.gain(np.array(place)[1000:, None], gradient[1000:, None], 0.1)
        assert found[0] == pytest.approx(expected, rel=1e-6)


def test_the_signal_is_the_textbooks() -> None:
    signal = measure.textbook_signal()
    assert len(signal) == 30
    assert (signal == np.random.RandomState(666).randint(5, 40, 30)).all()
    smooth = measure.average(0.9, signal)
    expected = signal[0]
    for t in range(1, 30):
        expected = 0.9 * expected + 0.1 * signal[t]
    assert smooth[-1] == pytest.approx(expected)


def test_stationary_loss_is_a_simulations() -> None:
    """One curvature of 1 and one of 1/4: the variance's own recursion run to its fixed point."""
    total = 0.0
    for h in (0.25, 1.0):
        variance = 0.0
        for _ in range(2000):
            variance = (1 - 1.5 * h) ** 2 * variance + (1.5 * 0.1) ** 2
        total += h * variance / 2
    assert stationary_loss(1.5, 4.0, 2, 0.1) == pytest.approx(total)


@pytest.fixture(scope="module")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The textbook study's tables with the deterministic cells and seed 0 of the regression trained."""
    from optbench.cells.matrix import cells_of
    from optbench.cells.paths import trace_path
    from optbench.cells.trace import write_trace
    from optbench.study.resolve import read_study
    from optbench.tables.collect import collect
    from optbench.training.loop import train_cell

    folder = tmp_path_factory.mktemp("textbook")
    file = ROOT / "config" / "textbook.yaml"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = read_study(file, "cpu")
        lines = [f"linear_regression/{name}/constant/0" for name in ("sgd", "sgd_tenth", "heavy_ball")]
        for cell in cells_of(study):
            if cell.workload.name in {"ravine", "saddle", "double_well", "slope"} or cell.name in lines:
                write_trace(trace_path(cell), train_cell(cell, study.data_folder))
        collect(study)
        write_claims(study.results)
    return folder / "results" / "textbook" / "tables"


def test_the_textbook_study_plans_every_claim(textbook: Path) -> None:
    found = read_claims(textbook)
    assert [claim["id"] for claim in found] == IDS
    assert not [claim["id"] for claim in found if "has no cells" in claim["measured"]]
    wanted = read_tables(textbook)
    for claim in CLAIMS:
        for name, each in claim.wants.items():
            assert find_cells(wanted, each) is not None, (claim.id, name)


def test_the_checked_numbers_come_out(textbook: Path) -> None:
    found = {claim["id"]: claim for claim in read_claims(textbook)}
    ends = found["D3"]["values"]
    assert ends["final_loss_plain"] == pytest.approx(0.102332, rel=1e-5)
    assert ends["final_loss_b08"] == pytest.approx(2.86818e-05, rel=1e-5)
    assert ends["final_loss_b09"] == pytest.approx(3.63627e-04, rel=1e-5)
    line = found["E1"]["values"]
    assert (line["plain_epoch"], line["momentum_epoch"]) == (207, 38)
    assert line["plain_tenth_loss"] == pytest.approx(0.465729, abs=1e-6)
    optimum = json.loads((textbook / "study.json").read_text())["workloads"]["linear_regression"]["optimum"]
    assert optimum == pytest.approx(0.265645, abs=1e-6)


def test_deterministic_claims_come_out(textbook: Path) -> None:
    found = {claim["id"]: claim for claim in read_claims(textbook)}
    for claim_id in ("A2", "A4", "B7", "B8", "B9", "C1", "C2", "D1", "D2", "D3", "E4"):
        assert found[claim_id]["verdict"] == "supported", found[claim_id]["measured"]
    assert found["E1"]["verdict"] == "inconclusive"  # one seed
    assert found["B7"]["values"]["swing_ball_01"] > found["B7"]["values"]["swing_plain_01"]


def test_the_same_tables_give_the_same_bytes(textbook: Path) -> None:
    before = (textbook / "claims.json").read_bytes()
    write_claims(textbook.parent)
    assert (textbook / "claims.json").read_bytes() == before
    assert all(
        {"id", "text", "predicted", "measured", "verdict", "figure"} <= set(c) for c in json.loads(before)
    )


def test_figures_of_the_textbook_are_drawn_from_what_ran(textbook: Path, tmp_path: Path) -> None:
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.backend.style import drawing
    from optbench.report.figures.sections.textbook import draw_textbook

    with drawing():
        records = draw_textbook(FigureWriter(tmp_path), read_tables(textbook))
    (record,) = records  # of the cells that these figures need, only the ravine's have run
    assert record.id == "effective-lr"
    assert [panel.id for panel in record.panels] == ["effective-lr-x", "effective-lr-y"]
    assert all((tmp_path / panel.svg).exists() and panel.alt for panel in record.panels)
    rows = {(row[0], row[1]): row for row in record.rows}
    # Adagrad's first step is lr g / |g|: lr over the first gradient, 0.3 along and 3.6 across.
    assert rows["Adagrad", "x"][2] == pytest.approx(0.1 / 0.3)
    assert rows["Adagrad", "y"][2] == pytest.approx(0.1 / 3.6)
    assert rows["Adagrad", "x"][3] == rows["Adagrad", "x"][4]  # it ends at its least


def test_every_figure_is_drawn_where_its_cells_ran(tmp_path: Path) -> None:
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.backend.style import drawing
    from optbench.report.figures.sections.textbook import draw_textbook

    content = {**regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001)}
    needs = {**BY_ID["B1"].needs, **BY_ID["C3"].needs, **BY_ID["B10"].needs, **BY_ID["B8"].needs}
    content |= {**SUPPORTED["C3"], **SUPPORTED["B10"], **SUPPORTED["B8"]}
    with drawing():
        records = draw_textbook(FigureWriter(tmp_path), fabricate(needs, content))
    assert [record.id for record in records] == ["regimes", "lr-sweep", "effective-lr", "settling"]
    figures = {check(claim.id, SUPPORTED[claim.id])["figure"] for claim in CLAIMS}
    assert {record.id for record in records} <= figures
    by_id = {record.id: record for record in records}
    assert len(by_id["regimes"].panels) == 6
    assert [row[0] for row in by_id["settling"].rows] == ["Noisy bowl, SGD at lr 1.5"] * 3
    adam = {row[1]: row[2] for row in by_id["lr-sweep"].rows if row[0] == "Adam"}
    assert adam[0.01] == pytest.approx(0.1 * 1.035)  # the median of eight, 1% apart


def test_lines_leave_out_what_an_axis_cannot_show() -> None:
    from matplotlib.figure import Figure

    from optbench.report.figures.marks.lines import draw_lines

    table = pd.DataFrame(
        {"line": ["a", "a", "a", "b"], "x": [1.0, 2.0, 3.0, 1.0], "y": [1.0, np.inf, 0.5, 0.0]}
    )
    ax = Figure().add_subplot()
    draw_lines(table, ax, x_label="x", y_label="y")
    (line,) = [each for each in ax.lines if each.get_label() == "a"]
    assert line.get_xydata().tolist() == [[1.0, 1.0], [3.0, 0.5]]
    assert not [each for each in ax.lines if each.get_label() == "b"]
    assert ax.get_yscale() == "log"


def test_the_page_has_a_sign_for_each_verdict_and_links_what_was_drawn() -> None:
    from optbench.report.page.sections.claims import claims, prose

    found = [check(name, SUPPORTED[name]) for name in ("B1", "D3")] + [check("E2", REFUTED["E2"])]
    table = claims(found, {"regimes": "Batch regimes"})
    assert table is not None
    assert table.lead == "Of 3 claims: 2 supported, 1 refuted (E2)."
    assert [row.glyph for row in table.rows] == ["✓", "✓", "✕"]
    assert [row.figure for row in table.rows] == ["regimes", "", ""]
    assert "2.86818×10⁻⁵ at 0.8" in table.rows[1].measured
    lacking = check("B1", SUPPORTED["B1"]) | {"id": "B7", "measured": f"{UNMEASURED}: no cell"}
    rest = claims([*found, lacking], {})
    assert rest is not None
    assert rest.lead == table.lead
    assert rest.rest.startswith("B7 is not judged here: this study lacks some of the cells")
    assert claims([], {}) is None
    assert prose("3.6e-04 and 1e+06, but e-mail 2e") == "3.6×10⁻⁴ and 1×10⁶, but e-mail 2e"
