"""Findings: every number again from the CSVs by other means, twins, error rates, the same bytes."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lab.fabricate import HOSTILE, Fake, fabricate
from lab.studies import optbench, run, write_study
from lab.told import FAKE, label, number, runs_csv
from scipy import stats as scipy_stats

from optbench.core.errors import UserError
from optbench.core.words import as_number
from optbench.findings.comparisons import SIGN_FLIP, Rules, compare, verdict_of
from optbench.findings.finding import DESCRIPTION
from optbench.findings.interaction import with_half
from optbench.findings.samples import Combination, common_block, paired_differences, paired_samples
from optbench.findings.stability import kendall_tau
from optbench.findings.write import sentence, write_findings
from optbench.stats import holm, sign_flip_test
from optbench.stats.paired import joint_sign_flip_test
from optbench.study.resolve import read_study

VERDICTS = {"better", "worse", "no detectable difference", "insufficient data"}
FIELDS = {
    "id", "section", "claim", "effect", "low", "high", "n", "test", "p_adjusted", "verdict", "figure", "rows",
}  # fmt: skip


# ------------------------------------------------------------------------------------- the joint test


def by_hand(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and step-down max-T p of a family with the same pairs everywhere, one assignment after another."""
    m, n = differences.shape
    units = []
    for values in differences:
        row = values
        if np.isinf(row).any():
            row = np.sign(row) * np.where(row == 0, 0, scipy_stats.rankdata(np.where(row == 0, 0, abs(row))))
            zeros = (row == 0).sum()
            row = np.sign(row) * (abs(row) - zeros).clip(0)
        units.append(row)

    def statistics(signs: tuple[int, ...]) -> list[float]:
        found = []
        for row in units:
            length = math.sqrt(sum(v * v for v in row))
            found.append(abs(sum(s * v for s, v in zip(signs, row, strict=True))) / length if length else 0.0)
        return found

    observed = statistics((1,) * n)
    everything = [statistics(signs) for signs in itertools.product((1, -1), repeat=n)]
    order = sorted(range(m), key=lambda j: -observed[j])
    p = np.array([np.mean([e[j] >= observed[j] - 1e-9 for e in everything]) for j in range(m)])
    adjusted, floor = np.empty(m), 0.0
    for place, j in enumerate(order):
        rest = order[place:]
        share = np.mean([max(e[k] for k in rest) >= observed[j] - 1e-9 for e in everything])
        floor = max(floor, float(share))
        adjusted[j] = floor
    return p, adjusted


def test_the_joint_test_is_the_one_enumerated_by_hand() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(size=(5, 7)) + np.array([3, 0.8, 0, 0, -0.5])[:, None]
    d[3] = 0
    d[4, 2] = -np.inf
    d[4, 5] = 0
    found = joint_sign_flip_test(d, seed=0)
    p, adjusted = by_hand(d)
    np.testing.assert_allclose(found.p, p)
    np.testing.assert_allclose(found.p_adjusted, adjusted)
    assert found.assignments == 2**6
    assert found.p_adjusted[3] == 1


def test_one_row_is_the_single_test_and_a_family_is_never_surer_than_its_rows() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(0.4, 1, size=(6, 9))
    alone = [joint_sign_flip_test(row[None], seed=0) for row in d]
    family = joint_sign_flip_test(d, seed=0)
    for row, one, p in zip(d, alone, family.p, strict=True):
        assert one.p[0] == one.p_adjusted[0] == p == pytest.approx(sign_flip_test(row, seed=0))
    assert (family.p_adjusted >= family.p).all()
    assert (family.p_adjusted <= holm(family.p) + 1e-12).all()
    # Ranks take the place of differences where one is infinite.
    d[0, 0] = np.inf
    ranked = joint_sign_flip_test(d, seed=0)
    assert ranked.p[0] == pytest.approx(sign_flip_test(d[0], seed=0, statistic="rank"))


def test_rows_with_fewer_pairs_keep_their_own_p_and_order_of_size() -> None:
    rng = np.random.default_rng(5)
    d = rng.normal(size=(4, 10)) + np.array([4, 4, 0, 0])[:, None]
    d[1, 6:] = np.nan
    d[3, 8:] = np.nan
    found = joint_sign_flip_test(d, seed=0)
    for row, p in zip(d, found.p, strict=True):
        assert p == pytest.approx(sign_flip_test(row[~np.isnan(row)], seed=0))
    assert found.p[1] == pytest.approx(2 / 64)


def test_above_16_seeds_signs_are_drawn_from_the_seed() -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(size=(3, 20)) + np.array([2, 0, 0.5])[:, None]
    one, same, other = (joint_sign_flip_test(d, seed=s, resamples=4999) for s in (1, 1, 2))
    assert (one.p_adjusted == same.p_adjusted).all()
    assert one.p[0] == 1 / 5000
    np.testing.assert_allclose(one.p, other.p, atol=0.03)
    np.testing.assert_allclose(one.p, [sign_flip_test(row, seed=3) for row in d], atol=0.03)
    for bad in (np.zeros(3), np.empty((0, 4))):
        with pytest.raises(ValueError, match="shape"):
            joint_sign_flip_test(bad, seed=0)


# ------------------------------------------------------------------------------------- error rates


def equal_runs(rng: np.random.Generator, seeds: int, workloads: int = 2) -> pd.DataFrame:
    """Run table of a study in which no optimizer or schedule differs from another."""
    rows = []
    for w in range(workloads):
        shared = rng.normal(size=seeds)  # what a seed does to everyone
        for o, s in itertools.product(range(3), ("constant", "cosine")):
            log_loss = -1 + 0.3 * shared + 0.2 * rng.normal(size=seeds)
            losses = 10**log_loss
            rows += [(f"w{w}", f"o{o}", s, 0.1, seed, "ok", loss) for seed, loss in enumerate(losses)]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    return pd.DataFrame(rows, columns=columns)


def test_studies_without_difference_seldom_say_better() -> None:
    """520 studies, 30 comparisons each and 15 over workloads: any `better` or `worse` in 5% at most."""
    rng = np.random.default_rng(11)
    false = 0
    for study in range(520):
        by_workload = paired_samples(equal_runs(rng, 6 if study % 2 else 8), "final_val_loss")
        table = compare(by_workload, common_block(by_workload), Rules())
        assert len(table) == 45
        false += table["verdict"].isin(["better", "worse"]).any()
    assert false / 520 <= 0.05
    assert false > 0, "a test that never errs was not made"


def test_a_real_difference_is_found_and_the_twins_beside_it_are_not() -> None:
    rng = np.random.default_rng(12)
    runs = equal_runs(rng, 10)
    better = runs["optimizer"] == "o2"
    runs.loc[better, "final_val_loss"] *= 0.2
    by_workload = paired_samples(runs, "final_val_loss")
    table = compare(by_workload, common_block(by_workload), Rules())
    against = (table["b"] == "o2") & (table["a"] != "o2")
    assert (table.loc[against, "verdict"] == "worse").all()
    assert np.log10(table.loc[against, "effect"]).mean() == pytest.approx(math.log10(5), abs=0.1)
    assert (table.loc[~against, "verdict"] == "no detectable difference").all()


# ------------------------------------------------------------------------------- what counts, and for what


def table_of(values: dict[str, list[float]], status: dict[str, list[str]] | None = None) -> pd.DataFrame:
    rows = [
        ("w", o, "constant", 0.1, seed, (status or {}).get(o, ["ok"] * len(v))[seed], loss)
        for o, v in values.items()
        for seed, loss in enumerate(v)
    ]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    return pd.DataFrame(rows, columns=columns)


def compared(values: dict[str, list[float]], status: dict[str, list[str]] | None = None) -> dict[str, Any]:
    table = compare(paired_samples(table_of(values, status), "final_val_loss"), None, Rules())
    return table.iloc[0].to_dict()


def test_fewer_than_six_pairs_are_never_tested() -> None:
    row = compared({"a": [0.1, 0.11, 0.12, 0.1, 0.13], "b": [9.0, 8, 7, 9, 8]})
    assert row["verdict"] == "insufficient data"
    assert row["test"] == "none"
    assert math.isnan(row["p"])
    assert math.isnan(row["p_adjusted"])
    assert row["coverage"] == 1 - 2**-4


def test_a_missing_run_takes_its_pair_away_and_stays_in_the_count() -> None:
    status = {"b": ["ok"] * 6 + ["missing"]}
    row = compared({"a": [0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.1], "b": [1.0, 2, 1, 2, 1, 2, math.nan]}, status)
    assert (row["n"], row["pairs"], row["n_ok"]) == (7, 6, 6)
    assert row["p"] == 2 / 64
    assert row["verdict"] == "better"


def test_a_diverged_run_ranks_worst_and_is_not_left_out() -> None:
    status = {"b": ["diverged"] * 2 + ["ok"] * 6}
    a = [0.1, 0.12, 0.11, 0.13, 0.1, 0.12, 0.11, 0.1]
    b = [math.nan, math.nan, 0.31, 0.35, 0.33, 0.3, 0.32, 0.36]
    row = compared({"a": a, "b": b}, status)
    assert (row["n"], row["pairs"], row["n_ok"], row["wins"]) == (8, 8, 6, 8)
    assert row["low"] == 0
    assert row["verdict"] == "better"
    both = compared(
        {"a": [math.nan] * 6, "b": [math.nan] * 5 + [1.0]},
        {"a": ["diverged"] * 6, "b": ["diverged"] * 5 + ["ok"]},
    )
    assert both["verdict"] == "no detectable difference", "five ties and one win"


def test_what_is_the_same_in_every_seed_is_not_tested() -> None:
    row = compared({"a": [0.1] * 8, "b": [0.2] * 8})
    assert row["test"].startswith("none")
    assert row["verdict"] == "insufficient data"
    assert row["effect"] == row["low"] == row["high"] == pytest.approx(0.5)
    assert compared({"a": [0.1] * 8, "b": [0.1] * 8})["verdict"] == "no detectable difference"


def test_a_difference_below_the_threshold_is_none() -> None:
    rng = np.random.default_rng(0)
    a = list(0.5 + 0.1 * rng.random(8))
    assert compared({"a": a, "b": [1.009 * v for v in a[:-1]] + [1.0092 * a[-1]]})["verdict"] == (
        "no detectable difference"
    )
    row = compared({"a": a, "b": [1.03 * v for v in a[:-1]] + [1.031 * a[-1]]})
    assert row["verdict"] == "better"
    assert row["effect"] == pytest.approx(1 / 1.03, abs=1e-3)


def test_negative_losses_are_compared_by_differences() -> None:
    a = [-1.0, -1.2, -1.1, -0.9, -1.3, -1.05]
    row = compared({"a": a, "b": [v + 0.5 + 0.01 * i for i, v in enumerate(a)]})
    assert row["scale"] == "difference"
    assert row["effect"] == pytest.approx(-0.525)
    assert row["verdict"] == "better"


def test_verdicts_need_all_of_their_conditions() -> None:
    shift = (-0.2, -0.3, -0.1)
    assert verdict_of(6, 0.03, shift, 0.004, fixed=False) == "better"
    assert verdict_of(6, 0.03, (0.2, 0.1, 0.3), 0.004, fixed=False) == "worse"
    assert verdict_of(5, 0.03, shift, 0.004, fixed=False) == "insufficient data"
    for p, estimate, threshold in (
        (0.06, shift, 0.004),
        (0.03, shift, 0.25),
        (0.03, (-0.2, -0.4, 0.01), 0.004),
    ):
        assert verdict_of(6, p, estimate, threshold, fixed=False) == "no detectable difference"


def test_ties_and_pairs_without_a_run() -> None:
    a = np.array([np.inf, 1, np.inf, np.nan, -np.inf])
    b = np.array([np.inf, 3, 1, 2, -np.inf])
    np.testing.assert_array_equal(paired_differences(a, b), [0, -2, np.inf, np.nan, 0])


def test_the_common_block_is_the_largest_complete_one() -> None:
    rows = []
    met = {"w1": "abc", "w2": "abcd", "w3": "ab"}
    for workload, who in met.items():
        rows += [(workload, o, "constant", 0.1, s, "ok", 1.0 + s) for o in who for s in range(2)]
    columns = ["workload", "optimizer", "schedule", "lr", "seed", "status", "final_val_loss"]
    block = common_block(paired_samples(pd.DataFrame(rows, columns=columns), "final_val_loss"))
    assert block is not None
    assert [f.workload for f in block.by_workload] == [
        "w1",
        "w2",
        "w3",
    ]  # 3 x 2 = 6 pairs and more workloads than 2 x 3
    assert block.combinations == (Combination("a", "constant"), Combination("b", "constant"))
    assert {c.optimizer for c in block.left_out} == {"c", "d"}


def test_kendall_tau_is_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 5, 9).astype(float), rng.integers(0, 5, 9).astype(float)
        assert kendall_tau(x, y) == pytest.approx(scipy_stats.kendalltau(x, y).statistic)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    results = fabricate(tmp_path_factory.mktemp("findings") / "results" / "fake", FAKE)
    write_findings(results)
    tables = results / "tables"
    return tables, json.loads((tables / "findings.json").read_text(encoding="utf-8"))


def log_losses(runs: pd.DataFrame, workload: str, optimizer: str, schedule: str, metric: str) -> pd.Series:
    here = runs[
        (runs.workload == workload)
        & (runs.optimizer == optimizer)
        & (runs.schedule == schedule)
        & (runs.status != "missing")
    ]
    return np.log10(here.set_index("seed")[metric].fillna(math.inf))


def differences(runs: pd.DataFrame, row: dict[str, str], workload: str) -> pd.Series:
    a, b = (
        log_losses(runs, workload, row[side], row[f"schedule_{side}"], row["metric"]) for side in ("a", "b")
    )
    with np.errstate(invalid="ignore"):
        d = (a - b).dropna() if not (np.isinf(a) & np.isinf(b)).any() else (a - b).fillna(0.0)
    return d.loc[sorted(set(a.index) & set(b.index))]


def middle(values: np.ndarray) -> float:
    """The interquartile mean with shares of a value: each one four times, a quarter of them left out."""
    return float(scipy_stats.trim_mean(np.repeat(values, 4), 0.25))


def walsh(d: np.ndarray) -> tuple[float, float, float]:
    """Hodges and Lehmann's estimate and its exact 95% interval, averages listed one by one."""
    averages = sorted((d[i] + d[j]) / 2 for i in range(len(d)) for j in range(i, len(d)))
    counts = np.zeros(len(d) * (len(d) + 1) // 2 + 1)
    for chosen in itertools.product((0, 1), repeat=len(d)):
        counts[sum(rank for rank, taken in enumerate(chosen, start=1) if taken)] += 1
    cumulative = np.cumsum(counts) / 2 ** len(d)
    k = max((t for t, c in enumerate(cumulative) if c <= 0.025 + 1e-12), default=0)
    return float(np.median(averages)), averages[k], averages[-1 - k]


def test_every_finding_has_its_fields_and_its_sentence_follows_from_them(study: Any) -> None:
    _, findings = study
    assert len({f["id"] for f in findings}) == len(findings)
    kinds = {f["id"].partition(":")[0] for f in findings}
    assert {"overall", "leader", "schedule", "interaction", "target", "stability", "ranks"} <= kinds
    assert [f["headline"] for f in findings[:3]] == [1, 2, 3]
    for f in findings:
        assert set(f) >= FIELDS
        assert f["verdict"] in VERDICTS
        assert f["test"] != DESCRIPTION or f["verdict"] not in ("better", "worse")
        assert f["rows"]
        assert sentence(f) == f["claim"]


def test_effects_and_intervals_of_findings_follow_from_the_runs(study: Any) -> None:
    tables, findings = study
    runs = pd.read_csv(tables / "runs.csv" if (tables / "runs.csv").exists() else runs_csv(tables))
    seen = 0
    for f in findings:
        keys = [key for key in f["rows"] if key["table"] == "comparisons" and "a" in key]
        if f["id"].partition(":")[0] not in ("overall", "leader", "target", "seeds") or not keys:
            continue
        key = keys[-1]
        if key["workload"]:
            d = differences(runs, key, key["workload"])
        else:
            of_workload = [differences(runs, key, w) for w in ("ravine", "digits", "letters")]
            shared = sorted(set.intersection(*(set(part.index) for part in of_workload)))
            table = np.array([part.loc[shared].to_numpy() for part in of_workload])
            d = pd.Series([middle(column) for column in table.T], index=shared)
        first = f["words"]["a"].split(" · ")
        turned = first != [label(key["a"]), key["schedule_a"].capitalize()]
        values = -d.to_numpy() if turned else d.to_numpy()
        expected = [10**v for v in walsh(values)]
        assert [number(f[n]) for n in ("effect", "low", "high")] == pytest.approx(expected), f["id"]
        assert f["n"] == len(d)
        if f["test"] == SIGN_FLIP:
            assert f["p_adjusted"] >= 2 ** (1 - len(d))
        assert as_number(f["effect"]) in f["claim"] or f["verdict"] == "insufficient data"
        seen += 1
    assert seen >= 6


def test_adjusted_p_values_follow_from_the_runs(study: Any) -> None:
    """The whole family again: every pair in every workload and over them, flipped one by one."""
    tables, _ = study
    runs = pd.read_csv(runs_csv(tables))
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False, na_values=[""])
    table["workload"] = table["workload"].fillna("")
    family = table[(table.metric == "final_val_loss") & (table.test == SIGN_FLIP)].reset_index(drop=True)
    full = family[family.pairs == 7]
    assert len(full) > 20
    d = []
    for _, row in family.iterrows():
        if row.workload:
            d.append(differences(runs, dict(row), row.workload).reindex(range(7)).to_numpy())
        else:
            parts = [
                differences(runs, dict(row), w).reindex(range(7)) for w in ("ravine", "digits", "letters")
            ]
            d.append(np.array([middle(c) for c in np.array(parts).T]))
    for row, values in zip(family.itertuples(), d, strict=True):
        there = values[~np.isnan(values)]
        statistic = "rank" if np.isinf(there).any() else "mean"
        assert row.p == pytest.approx(sign_flip_test(there, seed=0, statistic=statistic))
    # The largest statistics of the family: nothing that follows them can exceed them in fewer assignments.
    assert (family.p_adjusted >= family.p - 1e-12).all()
    order = family.sort_values("p_adjusted").p_adjusted
    assert order.is_monotonic_increasing
    if len(full) == len(family):
        np.testing.assert_allclose(family.p_adjusted, by_hand(np.array(d))[1])


def test_counts_in_findings_follow_from_the_comparisons(study: Any) -> None:
    tables, findings = study
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False)
    schedule = next(f for f in findings if f["id"] == "schedule:cosine")
    same = table[(table.metric == "final_val_loss") & (table.workload != "") & (table.a == table.b)]
    verdicts = list(
        same.verdict
    )  # a is under the base, so that the other schedule is better where a is worse
    assert schedule["words"]["better"] == verdicts.count("worse")
    assert schedule["words"]["worse"] == verdicts.count("better")
    assert schedule["words"]["pairs"] == len(same) == 9
    assert len(schedule["rows"]) == 9
    assert schedule["words"]["own_rate"] == 3, "the ravine alone has a rate for each schedule"
    ranking = pd.read_csv(tables / "ranking.csv", keep_default_na=False)
    for f in findings:
        if f["template"] != "leader":
            continue
        workload = f["rows"][0]["workload"]
        here = ranking[(ranking.workload == workload) & (ranking.metric == "final_val_loss")]
        assert f["words"]["others"] == len(here) - 1
        assert f["words"]["tied"] == (here.tied == "True").sum() + (here.tied == True).sum()  # noqa: E712


def test_medians_to_the_target_are_kaplan_and_meiers(study: Any) -> None:
    tables, findings = study
    runs = pd.read_csv(runs_csv(tables))
    for f in (f for f in findings if f["template"] == "target"):
        key = f["rows"][0]
        here = runs[
            (runs.workload == key["workload"])
            & (runs.optimizer == key["optimizer"])
            & (runs.schedule == key["schedule"])
            & (runs.status != "missing")
        ]
        times = sorted(here.steps_to_target.dropna())
        alive, median = 1.0, math.inf
        for i, time in enumerate(times):  # without censoring before the budget all others are at risk
            alive = 1 - (i + 1) / len(here)
            if alive <= 0.5 + 1e-12:
                median = time
                break
        assert f["words"]["median"] == median
        assert f["words"]["reached"] == len(times)


def test_half_way_is_the_last_evaluation_of_the_first_half(study: Any) -> None:
    tables, _ = study
    runs = pd.read_parquet(tables / "runs.parquet")
    found, steps = with_half(runs, tables / "curves.parquet", {"digits": 20.0, "letters": 9.0})
    assert steps == {"ravine": 10, "digits": 10, "letters": 4}
    curves = pd.read_parquet(tables / "curves.parquet")
    at = curves[(curves.split == "validation") & (curves.metric == "loss") & (curves.step == 10)]
    one = "digits/adam/cosine/0"
    value = found.set_index("cell").loc[one, "half_val_loss"]
    assert value == at.set_index("cell").loc[one, "value"]
    assert math.isnan(found.set_index("cell").loc["digits/adam/constant/2", "half_val_loss"]), "it broke off"


@pytest.mark.parametrize(
    "fake",
    [
        Fake(seeds=1),
        Fake(seeds=6, workloads=("digits",), optimizers=("sgd",), schedules=("constant",)),
        Fake(seeds=6, status="diverged"),
        Fake(seeds=6, status="missing"),
        Fake(workloads=HOSTILE[:2], optimizers=HOSTILE, schedules=HOSTILE[2:], seeds=6, evaluations=5),
    ],
    ids=["one seed", "one cell type", "all diverged", "all missing", "hostile names"],
)
def test_whatever_the_tables_hold_there_are_findings_and_no_false_ones(tmp_path: Path, fake: Fake) -> None:
    findings = write_findings(fabricate(tmp_path / "results" / "odd", fake))
    assert {f["verdict"] for f in findings} <= VERDICTS
    if fake.seeds < 6 or fake.status == "missing":
        assert {f["verdict"] for f in findings} == {"insufficient data"}
    if fake.status == "diverged":
        assert not any(f["verdict"] in ("better", "worse") for f in findings)
    assert sum(f["id"].startswith("leader:") for f in findings) == len(fake.workloads)


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "results" / "fake", FAKE)
    seen = set()
    for hash_seed, threads in (("0", "1"), ("77", "2")):
        code = (
            "from pathlib import Path; from optbench.findings.write import write_findings; "
            f"write_findings(Path({str(results)!r}))"
        )
        threaded = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        done = run("python", "-c", code, cwd=tmp_path, PYTHONHASHSEED=hash_seed, **threaded)
        assert done.returncode == 0, done.stderr
        tables = sorted((results / "tables").glob("*.csv"))
        seen.add(tuple(f.read_bytes() for f in [*tables, results / "tables" / "findings.json"]))
    assert len(seen) == 1


TWINS = """
    study: twins
    seeds: 6
    timing: false
    workloads:
      ravine: {steps: 20}
      digits_mlp: {epochs: 1}
    optimizers:
      adam: {lr: 0.01}
      copy: {like: adam, lr: 0.01}
      sgd: {lr: 0.01}
    """


@pytest.mark.usefixtures("trained_here")
def test_two_names_of_one_optimizer_are_not_told_apart_in_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_study(tmp_path, TWINS)
    done = optbench("run", "study.yaml", "--cores", "1")
    assert done.exit_code == 0, done.stderr
    tables = tmp_path / "results" / "twins" / "tables"
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False)
    twins = table[(table.a == "adam") & (table.b == "copy")]
    assert set(twins.workload) == {"", "ravine", "digits_mlp"}
    assert (twins.verdict == "no detectable difference").all()
    assert (twins.effect.astype(float) == 1).all()
    others = table[(table.b == "sgd") & (table.workload == "digits_mlp") & (table.metric == "final_val_loss")]
    assert set(others.verdict) == {"better"}, "a test that finds nothing anywhere would pass too"
    findings = json.loads((tables / "findings.json").read_text())
    told_apart = [f for f in findings if f["verdict"] in ("better", "worse")]
    pairs = [{key["a"], key["b"]} for f in told_apart for key in f["rows"] if "a" in key]
    assert pairs
    assert {"adam", "copy"} not in pairs
    for what in ("twins", "study.yaml", "results/twins"):
        told = optbench("show", what)
        assert told.exit_code == 0, told.stderr
        words = " ".join(told.stdout.split())
        assert all(f["claim"] in words for f in findings if f["headline"])
        assert "no detectable difference" in words
    cell = optbench("show", "digits_mlp/adam/constant/0", "--study", "twins")
    assert "final_val_loss" in cell.stdout


def test_a_study_declares_its_rules(tmp_path: Path) -> None:
    text = "study: s\nworkloads: [ravine]\noptimizers: [sgd, adam]\nreport: "
    file = write_study(tmp_path, text + "{threshold: 0.05, reference: adam, family: workload, seed: 3}\n")
    assert dict(read_study(file).report) == {
        "threshold": 0.05, "reference": "adam", "family": "workload", "seed": 3, "pdf": False,
    }  # fmt: skip
    mistakes = {
        "{reference: adm}": "report.reference: unknown name 'adm'; did you mean 'adam'?",
        "{threshold: 1}": "report.threshold",
        "{family: page}": "report.family",
        "{treshold: 0.1}": "did you mean 'threshold'?",
    }
    for given, said in mistakes.items():
        with pytest.raises(UserError) as raised:
            read_study(write_study(tmp_path, text + given + "\n"))
        assert said in str(raised.value)


def test_a_family_for_each_workload_is_corrected_apart() -> None:
    by_workload = paired_samples(equal_runs(np.random.default_rng(2), 8), "final_val_loss")
    together = compare(by_workload, None, Rules(family="study"))
    apart = compare(by_workload, None, Rules(family="workload"))
    assert (apart["p"] == together["p"]).all()
    assert (apart["p_adjusted"] <= together["p_adjusted"]).all()
    alone = compare(by_workload[:1], None, Rules())
    np.testing.assert_array_equal(alone["p_adjusted"], apart["p_adjusted"][:15])


def test_steps_against_a_run_that_never_arrives_are_no_ratio() -> None:
    words = {"workload": "W", "a": "A", "b": "B", "median": 100.0, "reached": 6, "runs": 6, "better_than": 1}
    words |= {"others": 1, "tied": 0, "tied_names": [], "scale": "ratio"}
    finding = {"template": "target", "verdict": "better", "n": 6, "p_adjusted": 0.03125, "words": words}
    arrives = sentence({**finding, "effect": 0.5, "low": 0.4, "high": 0.6})
    never = sentence({**finding, "effect": 0.0, "low": 0.0, "high": 0.0})
    start = (
        "On W, A reaches the target soonest: median 100 steps, 6 of 6 runs. It is better than 1 of 1 other, "
    )
    start += "the nearest of them B: "
    assert arrives == start + "its steps are 0.500 times that [0.400, 0.600], 6 seeds, adjusted p = 0.031."
    assert never == start + "in the typical pair that one never gets there, 6 seeds, adjusted p = 0.031."
