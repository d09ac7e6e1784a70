"""benchmarks/decisions.py: made-up studies go through the public stages, and their verdicts are counted."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from lab.checkout import ROOT

NAMES = ("results", "cost", "noise", "fabricated", "known_truth", "decisions", "real_noise")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The scripts by name, as they import each other."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    found = {name: importlib.import_module(name) for name in NAMES}
    found["known_truth"].laid_out.cache_clear()  # what it remembers lies in another test's folder
    return found


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_tables_hold_what_was_made_up(bench: dict[str, ModuleType]) -> None:
    """Final losses are ten to the (level + noise), the half-way evaluation too; a diverged run has none."""
    fabricated = bench["fabricated"]
    made = fabricated.Fabricated("made_up", fabricated.Shape(2, 2, 6))
    cells = made.shape.cells
    assert cells == (2, 2, 2, 6)
    noise = np.zeros((4, *cells))
    noise[3] = 0.01 * np.arange(48).reshape(cells)
    diverged = np.zeros(cells, bool)
    diverged[1, 0, 1, 2] = True
    made.fill(fabricated.Runs(noise, diverged))
    tables = made.decide(whole=True)
    assert {"comparisons", "main_effects", "findings"} <= set(tables)
    verdicts = [row["verdict"] for row in tables["comparisons"]]
    assert verdicts == [row["verdict"] for row in made.decide(whole=False)["comparisons"]]

    runs = pd.read_parquet("results/made_up/tables/runs.parquet")
    runs = runs.set_index(["workload", "optimizer", "schedule", "seed"])
    assert len(runs) == 48
    assert runs["final_val_loss"]["digits_mlp", "sgd", "constant", 0] == pytest.approx(0.1)
    assert runs["final_val_loss"]["digits_mlp", "sgd", "constant", 3] == pytest.approx(10**-0.97)
    assert runs["final_val_loss"]["logistic_regression", "heavy_ball", "cosine", 5] == pytest.approx(
        10**-0.53
    )
    broke_off = runs.loc[("logistic_regression", "sgd", "cosine", 2)]
    assert (broke_off["status"], broke_off["steps"]) == ("diverged", 11)
    assert np.isnan(broke_off["final_val_loss"])
    assert runs["status"].value_counts().to_dict() == {"ok": 47, "diverged": 1}


def test_what_is_called_is_counted(bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the combinations end at half the loss of the others, in every seed: called, the right way.

    The others differ from each other by less than a thousandth.
    """
    truth = bench["known_truth"]

    def little(rng: np.random.Generator, draws: int, cells: tuple[int, ...]) -> np.ndarray:
        return 1e-4 * rng.standard_normal((draws, *cells))

    monkeypatch.setattr(truth, "KINDS", {"real": little})
    case = truth.Case("real", 6, 0.5)
    counted = truth.decided(case, 0)
    pairs = counted["pairs"]
    assert (pairs["different"], pairs["equal"]) == (2 * 8 * 8, 2 * 2 * 28)
    assert (pairs["right"], pairs["wrong"], pairs["false"]) == (128, 0, 0)
    assert sum(pairs["said"].values()) == 128
    assert sum(counted["verdicts"]["inside"].get(word, 0) for word in truth.DIFFERENT) >= 128
    assert bench["decisions"].CLAIMS["budget"](counted)


def test_a_study_is_drawn_again_as_it_was(bench: dict[str, ModuleType]) -> None:
    truth = bench["known_truth"]
    case = truth.Case("real", 6, 0.9)
    (runs, better), (again, same) = truth.draw(case, 3), truth.draw(case, 3)
    assert np.array_equal(runs.noise, again.noise)
    assert better == same
    assert len(better) == 8
    other, _ = truth.draw(case, 4)
    assert not np.array_equal(runs.noise, other.noise)


def test_rows_marked_exploratory_are_outside(bench: dict[str, ModuleType]) -> None:
    truth = bench["known_truth"]
    tables = {
        "comparisons": [
            {"verdict": "better", "exploratory": True},
            {"verdict": "worse", "exploratory": False},
            {"verdict": "undecided", "exploratory": False},
        ],
        "main_effects": [{"verdict": "better (exact)"}],
        "interactions": [{"verdict": "better"}],
        "findings": [{"verdict": "better", "exploratory": True}, {"verdict": ""}],
    }
    assert truth.verdicts(tables) == {
        "inside": {"worse": 1, "undecided": 1, "better (exact)": 1, "": 1},
        "outside": {"better": 3},
    }


def test_directions_are_those_of_the_truth(bench: dict[str, ModuleType]) -> None:
    """A pair is right where the one with the lower true loss is called better, whichever stands first."""
    truth = bench["known_truth"]

    def row(a: str, b: str, verdict: str, **other: object) -> dict[str, object]:
        combinations = {"a": a, "schedule_a": "cosine", "b": b, "schedule_b": "cosine"}
        return {"metric": "final_val_loss", "workload": "w", **combinations, "verdict": verdict, **other}

    rows = [
        row("adam", "sgd", "better"),
        row("sgd", "adam", "worse (exact)"),
        row("sgd", "adam", "better"),
        row("sgd", "adam", "undecided"),
        row("sgd", "lion", "worse"),
        row("sgd", "lion", "equal within 1%", margin=0.01),
        row("adam", "sgd", "equal within 30%", margin=0.3),
        row("adam", "sgd", "equal within 9.1%", margin=0.091),
        row("adam", "sgd", "better", workload=""),
        row("adam", "sgd", "better", metric="steps_to_target"),
        row("adam", "sgd", "better", exploratory=True),
    ]
    assert truth.told_apart(rows, frozenset({("adam", "cosine")}), 0.25) == {
        **{"different": 6, "right": 2, "wrong": 1, "equal": 2, "false": 1, "not_equal": 1},
        "said": {"better": 2, "worse (exact)": 1, "undecided": 1, "equal": 2},
    }


def test_counts_go_on_where_they_stopped(
    bench: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that a kill cut short is counted again, and no other."""
    decisions = bench["decisions"]
    file = tmp_path / "gaussian-6.jsonl"
    whole = [{"study": 2, "verdicts": {}}, {"study": 0, "verdicts": {}}]
    file.write_text("".join(json.dumps(one) + "\n" for one in whole) + '{"study": 1, "verd', encoding="utf-8")
    found = decisions.known(file)
    assert [one["study"] for one in found] == [0, 2]
    assert file.read_text(encoding="utf-8").endswith("}\n")
    counts = {name: [] for name in decisions.CASES} | {"gaussian/6": found}
    assert list(decisions.tasks_left(4, ["gaussian/6"], counts)) == [("gaussian/6", 1), ("gaussian/6", 3)]

    begun: list[tuple[str, int]] = []
    kept: dict[str, list[list[str]]] = {}

    def count(tasks: list[tuple[str, int]], files: dict[str, Path], jobs: int) -> None:
        begun.extend(tasks)
        for name, study in tasks:
            verdicts = {"inside": {"better": 1} if study else {"undecided": 9}, "outside": {}}
            with files[name].open("a", encoding="utf-8") as out:
                out.write(json.dumps({"study": study, "verdicts": verdicts}) + "\n")

    def keep(name: str, heads: list[str], lines: list[list[str]], *rest: object) -> None:
        kept[name] = lines

    monkeypatch.setattr(decisions, "count_all", count)
    monkeypatch.setattr(decisions, "record_table", keep)
    for studies in (2, 4, 4):
        words = ["decisions.py", "--only", "real/8", "--studies", str(studies), "--counts", "kept"]
        monkeypatch.setattr("sys.argv", words)
        decisions.main()
    assert begun == [("real/8", study) for study in range(4)]
    row = kept["decisions-null"][[line[0] for line in kept["decisions-null"]].index("real")]
    # Wilson's interval of 3 of 4 by hand, z = 1.96:
    # (0.75 + z^2 / 8 -+ z sqrt(0.75 0.25 / 4 + z^2 / 64)) / (1 + z^2 / 4).
    assert row == ["real", "budget", "", "75.0 (30.1 to 95.4)", "", ""]
    assert all(cell == "" for line in kept["decisions-power"] for cell in line[1:])


@pytest.mark.parametrize("kind", ["gaussian", "lognormal", "real", "unequal", "skew"])
def test_noise_has_no_mean(bench: dict[str, ModuleType], kind: str) -> None:
    """Over many seeds every combination's mean is 0, so a null study has nothing to find."""
    noise = bench["noise"]
    drawn = noise.KINDS[kind](np.random.default_rng(5), 3, (3, 4, 2, 20_000))
    assert drawn.shape == (3, 3, 4, 2, 20_000)
    error = drawn.std(axis=-1) / np.sqrt(20_000)
    assert np.all(np.abs(drawn.mean(axis=-1)) < 5 * error)
    assert np.all(drawn.std(axis=-1) > 0.005)


def test_spreads_differ_by_five(bench: dict[str, ModuleType]) -> None:
    """Own variance of the widest over the narrowest is 25, beside a shared part of 1."""
    noise = bench["noise"]
    drawn = noise.unequal(np.random.default_rng(6), 1, (1, 4, 2, 50_000)) / noise.SCALE
    own = np.sort(drawn.var(axis=-1).ravel()) - 1
    assert own[-1] / own[0] == pytest.approx(25, rel=0.1)


def test_the_real_noise_that_is_kept(bench: dict[str, ModuleType]) -> None:
    """40 seeds of two workloads, nine optimizers and two schedules, at the default study's rates."""
    real = bench["real_noise"]
    table = pd.read_csv(real.TABLE)
    assert len(table) == 36
    seeds = table.filter(like="seed").to_numpy()
    assert seeds.shape == (36, 40)
    assert np.abs(seeds.mean(axis=1)).max() < 1e-6
    assert np.isfinite(seeds).all()
    assert list(dict.fromkeys(table["workload"])) == ["digits_mlp", "logistic_regression"]
    assert bench["noise"].real_residuals().shape == (2, 9, 2, 40)


def test_residuals_by_hand(bench: dict[str, ModuleType]) -> None:
    """Losses of 0.1 and 0.001 have the mean -2 in log10; one lies 1 above it and one 1 below."""
    real = bench["real_noise"]
    rows = [
        dict(zip(real.NAMES, ["w", optimizer, "constant", 0.1], strict=True))
        | {"seed": seed, "cell": f"w/{optimizer}/{seed}", "status": "ok", "final_val_loss": loss}
        for optimizer, losses in {"sgd": (0.1, 0.001), "adam": (1.0, 1.0)}.items()
        for seed, loss in enumerate(losses)
    ]
    found = real.residuals(pd.DataFrame(rows))
    assert found["optimizer"].tolist() == ["sgd", "adam"]
    assert found["mean"].tolist() == [-2, 0]
    assert found[["seed0", "seed1"]].to_numpy().tolist() == [[1, -1], [0, 0]]
    with pytest.raises(ValueError, match="w/adam/1"):
        real.residuals(pd.DataFrame([*rows[:3], rows[3] | {"status": "diverged"}]))
