"""The findings that open the page's sections: every number again from the tables, by other means."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lab.fabricate import Fake, fabricate
from lab.findings import FAKE, label, number, runs_csv
from optbench.core.words import as_number

RATIO = ["ratio_to_sgd", "ratio_low", "ratio_high"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    tables = fabricate(tmp_path_factory.mktemp("openings") / "results" / "fake", FAKE) / "tables"
    return tables, json.loads((tables / "findings.json").read_text(encoding="utf-8"))


def order_statistics(values: list[float]) -> tuple[float, float, float]:
    """Median and 95% interval of 6 to 13 values after Hettmansperger and Sheather, term by term."""
    x, n = sorted(values), len(values)
    covers = [1 - 2 * sum(math.comb(n, k) for k in range(d)) / 2**n for d in range(1, n // 2 + 1)]
    d = max(i + 1 for i, covered in enumerate(covers) if covered >= 0.95)
    share = (covers[d - 1] - 0.95) / (covers[d - 1] - covers[d])
    inward = (n - d) * share / (d + (n - 2 * d) * share)
    low = (1 - inward) * x[d - 1] + inward * x[d]
    return float(np.median(x)), low, (1 - inward) * x[n - d] + inward * x[n - d - 1]


def numbers(finding: dict[str, Any]) -> list[float]:
    return [number(finding[name]) for name in ("effect", "low", "high")]


def test_openings_count_and_measure_what_the_tables_hold(study: Any) -> None:
    tables, findings = study
    found = {f["id"]: f for f in findings}
    runs = pd.read_csv(runs_csv(tables))
    n = len(runs)
    # Wilson 1927: (k + z^2/2 +- z sqrt(k (n - k) / n + z^2/4)) / (n + z^2)
    ok, z = int((runs.status == "ok").sum()), scipy_stats.norm.ppf(0.975)
    half = z * math.sqrt(ok * (n - ok) / n + z**2 / 4)
    share = [ok / n, (ok + z**2 / 2 - half) / (n + z**2), (ok + z**2 / 2 + half) / (n + z**2)]
    assert numbers(found["completeness"]) == pytest.approx(share)
    assert found["completeness"]["claim"] == (
        f"{ok} of {n} planned cells ended ok, {100 * share[0]:.3g}% [{100 * share[1]:.3g}%, "
        f"{100 * share[2]:.3g}%]; 1 diverged (digits/adam/constant); 1 missing (letters/sgd/cosine)."
    )
    kinds = [runs[name].nunique() for name in ("workload", "optimizer", "schedule", "seed")]
    # From the least to the greatest of m values the median lies with probability 1 - 2^(1 - m); the next pair
    # of order statistics covers less than 95% of it up to m = 8.
    sizes = runs[runs.final_val_loss.notna()].groupby(["workload", "optimizer", "schedule"]).size()
    covers = [1 - 2.0 ** (1 - m) for m in (sizes.median(), sizes.min(), sizes.max())]
    assert sizes.max() <= 8
    assert numbers(found["methods"]) == covers
    assert found["methods"]["n"] == kinds[3]
    assert found["methods"]["claim"].startswith(
        "{}: {} workloads, {} optimizers, {} schedules, {} seeds, with which the interval of a median covers "
        "{:.3g}% ({:.3g}% to {:.3g}%);".format(f"{n} cells", *kinds, *(100 * share for share in covers))
    )

    finals = runs[runs.final_val_loss.notna()].groupby(["workload", "optimizer", "schedule"]).final_val_loss
    factors = (finals.max() / finals.min()).sort_values()
    spread = found["cells"]
    assert (factors == 1).sum() == spread["words"]["alike"] == 6, "the ravine draws nothing"
    factors = factors[factors > 1]
    assert spread["n"] == len(factors) == 12
    assert spread["effect"] == pytest.approx(factors.median())
    assert spread["words"]["most"] == pytest.approx(factors.iloc[-1])
    worst = [spread["rows"][1][name] for name in ("workload", "optimizer", "schedule")]
    assert worst == list(factors.index[-1])

    rates = pd.read_csv(tables / "rates.csv").dropna(subset=["predicted", "measured"])
    off = (rates.measured / rates.predicted - 1).abs()
    assert numbers(found["learn"]) == pytest.approx([off.median(), *off.quantile([0.25, 0.75])])
    assert found["learn"]["n"] == len(rates)
    said = f"to within {100 * off.median():.3g}% in the median over {len(rates)} cells"
    assert said in found["learn"]["claim"]


def test_the_opening_over_workloads_divides_the_ratios_of_each_seed(study: Any) -> None:
    tables, findings = study
    runs = (
        pd.read_csv(runs_csv(tables)).set_index(["workload", "optimizer", "schedule", "seed"]).final_val_loss
    )
    ratios = pd.read_csv(tables / "ratios.csv")
    ratios = ratios[(ratios.kind == "reference") & (ratios.estimate > 0) & np.isfinite(ratios.estimate)]
    spreads = ratios.groupby(["optimizer", "schedule"]).estimate.agg(lambda r: r.max() / r.min())
    optimizer, schedule = spreads.idxmax()
    across = next(f for f in findings if f["id"] == "across")
    low, high = (key["workload"] for key in across["rows"])
    quotients = []
    for seed in range(7):
        of = [
            runs.get((w, optimizer, schedule, seed), math.nan)
            / runs.get((w, "sgd", "constant", seed), math.nan)
            for w in (high, low)
        ]
        if not math.isnan(of[0] / of[1]):
            quotients.append(of[0] / of[1])
    assert across["n"] == len(quotients) >= 6
    assert numbers(across) == pytest.approx(order_statistics(quotients))
    assert across["words"]["a"] == f"{label(optimizer)} · {schedule.capitalize()}"
    assert f"a factor of {as_number(across['effect'])} [" in across["claim"]


def test_what_could_be_told_is_counted_and_its_largest_shown(study: Any) -> None:
    tables, findings = study
    table = pd.read_csv(tables / "comparisons.csv", keep_default_na=False)
    table = table[(table.metric == "final_val_loss") & (table.workload != "")]
    resolved = table[table.verdict.str.match("better|worse")]
    told = next(f for f in findings if f["id"] == "told")
    counts = resolved.workload.nunique(), len(resolved), len(table)
    assert tuple(told["words"][name] for name in ("told", "resolved", "pairs")) == counts
    size = np.log10(resolved.effect.astype(float)).abs()
    largest = resolved.loc[size[np.isfinite(size)].idxmax()]
    effect = float(largest.effect)
    assert told["effect"] == pytest.approx(min(effect, 1 / effect))
    assert told["verdict"] == largest.verdict.replace("worse", "better")
    assert told["n"] == largest.pairs
    for key in ("a", "b", "workload"):
        assert told["rows"][0][key] == largest[key]


def test_openings_on_rates_steps_and_times_follow_from_their_tables(study: Any) -> None:
    tables, findings = study
    found = {f["id"]: f for f in findings}
    searches = pd.read_csv(tables / "sensitivity.csv")
    widths = searches.width_decades.dropna()
    assert set(widths) == {0, 2}
    assert found["sensitivity"]["effect"] == widths.median()
    assert found["sensitivity"]["n"] == len(searches) == 18
    said = found["sensitivity"]["claim"]
    assert "span 0 decades [0, 2.00] in the median over 18 tuned combinations: from " in said
    assert "to at least 2.00 (Adam · " in said
    assert f"{searches.at_edge.sum()} of 18 choices lie on the edge" in said
    change = searches.evaluation_loss / searches.tuning_loss
    fresh = found["fresh"]
    assert fresh["effect"] == pytest.approx(change[np.isfinite(change)].median())
    assert fresh["words"]["lost"] == np.isposinf(searches.shrinkage).sum() == 1
    assert "for 1 of 18 choices a fresh run diverged or failed." in fresh["claim"]

    summary = pd.read_parquet(tables / "summary.parquet")
    cosines = summary[summary.metric == "update_cosine"].sort_values("estimate")
    turning = found["oscillation"]
    assert numbers(turning) == pytest.approx(list(cosines[["estimate", "low", "high"]].iloc[0]))
    assert turning["n"] == cosines.n_ok.iloc[0]
    for place, end in ((0, "Steps turn back most under "), (-1, "agree most under ")):
        row = cosines.iloc[place]
        workload = {"ravine": "Ravine", "digits": "Digits, MLP"}.get(row.workload, row.workload)
        who = f"{label(row.optimizer)} · {row.schedule.capitalize()} on {workload}"
        assert f"{end}{who} (update cosine {as_number(row.estimate)} [" in turning["claim"]

    timing = pd.read_parquet(tables / "timing.parquet")
    others = timing[(timing.optimizer != timing.reference) & ~timing.noisy]
    cheapest, dearest = (
        others.loc[place] for place in (others.ratio_to_sgd.idxmin(), others.ratio_to_sgd.idxmax())
    )
    ends = [as_number(row[name]) for row in (cheapest, dearest) for name in RATIO]
    said = re.findall(r"([0-9.]+) \[([0-9.]+), ([0-9.]+)\] \(", found["cost"]["claim"])
    assert [part for one in said for part in one] == ends
    assert numbers(found["cost"]) == list(dearest[RATIO])
    assert found["cost"]["n"] == dearest.rounds


def test_one_schedule_noise_and_missing_times_are_said_and_counted(tmp_path: Path) -> None:
    fake = Fake(
        schedules=("constant",),
        seeds=2,
        evaluations=6,
        timed=True,
        noise={"digits": "another process had the cores"},
        untimed={"ravine/momentum": "it raised", "digits/adam": "it raised"},
    )
    tables = fabricate(tmp_path / "results" / "fake", fake) / "tables"
    found = {f["id"]: f for f in json.loads((tables / "findings.json").read_text(encoding="utf-8"))}
    timing = pd.read_parquet(tables / "timing.parquet")
    measured = timing[timing.step_time_us > 0]
    noisy = {row.workload for row in measured.itertuples() if row.noise}
    assert noisy == {"digits"}
    assert len(timing) - len(measured) == 2
    workloads, pairs = measured.workload.nunique(), len(timing)
    assert found["cost"]["claim"].endswith(
        f"; of 1 of {workloads} workloads the ratios are withheld, for the machine was too noisy "
        "(Digits, MLP: another process had the cores); "
        f"there is no time for 2 of {pairs} pairs of workload and optimizer."
    )
    assert set(pd.read_csv(runs_csv(tables)).schedule) == {"constant"}
    assert found["schedules"]["claim"] == "One schedule was run: there is nothing to compare."
    assert found["schedules"]["n"] == 0


def test_noisy_timings_alone_tell_no_ratio(tmp_path: Path) -> None:
    fake = Fake(seeds=2, evaluations=6, timed=True, noise={"digits": "busy", "ravine": "busier"})
    tables = fabricate(tmp_path / "results" / "fake", fake) / "tables"
    (cost,) = (
        f for f in json.loads((tables / "findings.json").read_text(encoding="utf-8")) if f["id"] == "cost"
    )
    assert cost["claim"] == (
        "Of 2 of 2 workloads the ratios are withheld, for the machine was too noisy "
        "(Digits, MLP: busy, and 1 more)."
    )
    assert [cost[name] for name in ("effect", "low", "high", "n")] == [None, None, None, 0]
    assert not re.search(r"[0-9]\.[0-9]", cost["claim"])


def test_schedules_that_share_no_optimizer_are_not_compared(tmp_path: Path) -> None:
    fake = Fake(workloads=("digits",), optimizers=("sgd", "adam"), seeds=1, evaluations=6, status="error")
    tables = fabricate(tmp_path / "results" / "fake", fake) / "tables"
    found = {f["id"]: f for f in json.loads((tables / "findings.json").read_text(encoding="utf-8"))}
    assert found["schedules"]["claim"] == (
        "No optimizer has final losses under two schedules of one workload: there is nothing to compare."
    )
