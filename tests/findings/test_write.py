"""Findings: every number again from the CSVs by other means, and the same bytes."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special
from scipy import stats as scipy_stats

from lab.fabricate import HOSTILE, Fake, fabricate
from lab.findings import FAKE, label, number, runs_csv
from lab.studies import optbench, run, write_study
from optbench.core.words import as_number
from optbench.findings.finding import DESCRIPTION
from optbench.findings.interaction import with_half
from optbench.findings.verdicts import kind_of
from optbench.findings.write import sentence, write_findings

VERDICTS = {
    "better", "worse", "better (exact)", "worse (exact)", "detected, below the threshold", "equal",
    "undecided", "insufficient data",
}  # fmt: skip
RESOLVED = ("better", "worse", "better (exact)", "worse (exact)")
FIELDS = {
    "id", "section", "claim", "effect", "low", "high", "n", "test", "p_adjusted", "verdict", "exploratory",
    "figure", "rows",
}  # fmt: skip


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


def over_workloads(runs: pd.DataFrame, row: dict[str, str]) -> pd.Series:
    """The difference of both sides' middle ratios to the reference, SGD constant, by seed."""
    sides = []
    for side in ("a", "b"):
        of = {"a": row[side], "schedule_a": row[f"schedule_{side}"], "b": "sgd", "schedule_b": "constant"}
        parts = [
            differences(runs, of | {"metric": row["metric"]}, w) for w in ("ravine", "digits", "letters")
        ]
        shared = sorted(set.intersection(*(set(part.index) for part in parts)))
        sides.append(pd.Series([middle(c) for c in np.array([p.loc[shared] for p in parts]).T], index=shared))
    return (sides[0] - sides[1]).dropna()


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
    wanted = {
        "recommendation",
        "overall",
        "leader",
        "effect",
        "schedule",
        "interaction",
        "target",
        "stability",
    }
    assert wanted | {"ranks"} <= kinds
    assert [f["headline"] for f in findings[:3]] == [1, 2, 3]
    for f in findings:
        assert set(f) >= FIELDS
        assert kind_of(f["verdict"]) in VERDICTS
        assert f["test"] != DESCRIPTION or f["verdict"] not in RESOLVED
        inside = f["id"].partition(":")[0] in (
            "recommendation",
            "overall",
            "leader",
            "effect",
            "schedule",
            "seeds",
        )
        assert not (f["exploratory"] and inside)
        if not inside and f["verdict"] in RESOLVED and f["id"] != "told":
            assert f["exploratory"]
            assert "exploratory" in f["claim"] or f["test"].startswith("none: exact")
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
        d = differences(runs, key, key["workload"]) if key["workload"] else over_workloads(runs, key)
        turned = f["words"]["a"].split(" · ") != [label(key["a"]), key["schedule_a"].capitalize()]
        values = -d.to_numpy() if turned else d.to_numpy()
        if np.isinf(values).any():
            expected = [10**v for v in walsh(values)]
            assert [number(f[n]) for n in ("effect", "low", "high")] == pytest.approx(expected), f["id"]
        else:
            assert number(f["effect"]) == pytest.approx(10 ** values.mean()), f["id"]
            assert number(f["low"]) <= number(f["effect"]) <= number(f["high"])
        assert f["n"] == len(d)
        known = number(f["effect"]) > 0 and f["verdict"] != "insufficient data"
        assert as_number(f["effect"]) in f["claim"] or not known
        seen += 1
    assert seen >= 6


def holm(p: np.ndarray) -> np.ndarray:
    """Step by step: the smallest times all, the next times one less, never falling."""
    out, highest = np.empty(len(p)), 0.0
    for rank, place in enumerate(np.argsort(p, kind="stable")):
        highest = max(highest, (len(p) - rank) * p[place])
        out[place] = min(highest, 1.0)
    return out


def moderated(d: np.ndarray, combinations: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smyth's moderated t of rows without missing pairs, fitted by scipy's root finder: p, error, df."""
    n = d.shape[1]
    s2 = d.var(axis=1, ddof=1)
    e = np.log(s2) - special.digamma((n - 1) / 2) + math.log((n - 1) / 2)
    excess = e.var(ddof=1) - special.polygamma(1, (n - 1) / 2)
    d0 = 200.0
    if excess > special.polygamma(1, 100.0):
        d0 = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-4, 100.0, xtol=1e-14)
    d0 = min(d0, (combinations - 1) / 3)
    s02 = math.exp(e.mean() + special.digamma(d0 / 2) - math.log(d0 / 2))
    error = np.sqrt((d0 * s02 + (n - 1) * s2) / (d0 + n - 1) / n)
    df = min(d0 + n - 1, (combinations - 1) * (n - 1))
    return 2 * scipy_stats.t.sf(np.abs(d.mean(axis=1)) / error, df), error, np.full(len(d), df)


def test_p_values_intervals_and_margins_follow_from_the_runs(tmp_path: Path) -> None:
    """The whole family again by other means: every pair in every workload, and over them."""
    fake = replace(FAKE, statuses={}, workloads=("digits", "letters", "ravine"))
    tables = fabricate(tmp_path / "results" / "whole", fake) / "tables"
    runs = pd.read_csv(runs_csv(tables))
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False, na_values=[""])
    table["workload"] = table["workload"].fillna("")
    family = table[(table.metric == "final_val_loss") & ~table.test.str.startswith("none")]
    assert set(family.workload) == {"", "digits", "letters"}, "the ravine draws nothing"
    rows = [dict(row) for _, row in family.iterrows()]
    d = [differences(runs, r, r["workload"]) if r["workload"] else over_workloads(runs, r) for r in rows]
    d = np.array([one.to_numpy() for one in d])
    groups = [np.flatnonzero(family.workload == name) for name in ("", "digits", "letters")]
    p, error, df = np.empty(len(d)), np.empty(len(d)), np.empty(len(d))
    for members in groups:
        p[members], error[members], df[members] = moderated(d[members], 6)
    np.testing.assert_allclose(family.p, p, rtol=1e-5)
    # 65% of the budget are the comparisons'.
    np.testing.assert_allclose(family.p_adjusted, np.minimum(holm(p) / 0.65, 1), rtol=1e-5)
    half = scipy_stats.t.ppf(0.975, df) * error
    np.testing.assert_allclose(np.log10(family.low), d.mean(axis=1) - half, rtol=1e-5)
    np.testing.assert_allclose(np.log10(family.high), d.mean(axis=1) + half, rtol=1e-5)
    # A tenth of it is for equality: one-sided tests at 5% / 10 over the number of rows.
    reach = np.abs(d.mean(axis=1)) + scipy_stats.t.isf(0.05 / 10 / len(d), df) * error
    np.testing.assert_allclose(family.margin, 10**reach - 1, rtol=1e-5)
    for row, q in zip(rows, family.p_adjusted, strict=True):
        told = (
            q <= 0.05
            and not row["low"] <= 1 <= row["high"]
            and abs(math.log10(row["effect"])) > math.log10(1.01)
        )
        if told:
            assert row["verdict"] == ("better" if row["effect"] < 1 else "worse")
        elif row["margin"] <= 0.1:
            share = float(row["verdict"].removeprefix("equal within ").rstrip("%")) / 100
            assert row["margin"] <= share <= 1.1 * row["margin"]
        else:
            assert row["verdict"] in ("undecided", "detected, below the threshold")


def test_main_effects_follow_from_the_runs(study: Any) -> None:
    tables, _ = study
    runs = pd.read_csv(runs_csv(tables))
    table = pd.read_csv(tables / "main_effects.csv", keep_default_na=False, na_values=[""])
    table["kind"] = table["kind"].astype(object).fillna("")
    for row in table[table.kind == ""].to_dict("records"):
        parts = []
        for workload in ("digits", "letters"):  # the ravine draws nothing
            names = (
                [("sgd", "momentum", "adam"), ("constant",)]
                if row["what"] == "schedule"
                else [("",), ("constant", "cosine")]
            )
            for o, s in itertools.product(*names):
                a, b = (
                    ((o, row["name"]), (o, row["against"]))
                    if row["what"] == "schedule"
                    else ((row["name"], s), (row["against"], s))
                )
                of = {
                    "a": a[0],
                    "schedule_a": a[1],
                    "b": b[0],
                    "schedule_b": b[1],
                    "metric": "final_val_loss",
                }
                parts.append(differences(runs, of, workload).reindex(range(7)).to_numpy())
        by_seed = np.array(parts)
        whole = by_seed[:, ~np.isnan(by_seed).any(axis=0)]
        assert row["parts"] == len(parts)
        assert (row["n"], row["pairs"]) == (7, whole.shape[1])
        pooled = whole.mean(axis=0) if np.isfinite(whole).all() else np.array([middle(c) for c in whole.T])
        assert row["effect"] == pytest.approx(10 ** pooled.mean()), row["name"]
        assert row["wins"] == (pooled < 0).sum()


def test_counts_in_findings_follow_from_the_comparisons(study: Any) -> None:
    tables, findings = study
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False)
    schedule = next(f for f in findings if f["id"] == "schedule:cosine")
    same = table[(table.metric == "final_val_loss") & (table.workload != "") & (table.a == table.b)]
    # a is under the base, so that the other schedule is better where a is worse
    verdicts = [verdict.partition(" ")[0] for verdict in same.verdict]
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
    assert {kind_of(f["verdict"]) for f in findings} <= VERDICTS
    if fake.seeds < 6 or fake.status == "missing":
        assert {f["verdict"] for f in findings} == {"insufficient data"}
    if fake.status == "diverged":
        assert not any(f["verdict"] in RESOLVED and not f["exploratory"] for f in findings)
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
    assert table.exploratory.dtype == bool
    twins = table[(table.a == "adam") & (table.b == "copy")]
    assert set(twins.workload) == {"", "ravine", "digits_mlp"}
    assert (twins.verdict[~twins.exploratory.astype(bool)] == "equal within 0%").all()
    assert set(twins.verdict) <= {"equal within 0%", "undecided"}
    assert (twins.effect.astype(float) == 1).all()
    others = table[(table.b == "sgd") & (table.workload == "digits_mlp") & (table.metric == "final_val_loss")]
    assert set(others.verdict) == {"better"}, "a test that finds nothing anywhere would pass too"
    findings = json.loads((tables / "findings.json").read_text())
    told_apart = [f for f in findings if f["verdict"] in RESOLVED]
    pairs = [{key["a"], key["b"]} for f in told_apart for key in f["rows"] if "a" in key]
    assert pairs
    assert {"adam", "copy"} not in pairs
    for what in ("twins", "study.yaml", "results/twins"):
        told = optbench("show", what)
        assert told.exit_code == 0, told.stderr
        words = " ".join(told.stdout.split())
        assert all(f["claim"] in words for f in findings if f["headline"])
        assert "equal within 0%" in words
    cell = optbench("show", "digits_mlp/adam/constant/0", "--study", "twins")
    assert "final_val_loss" in cell.stdout
