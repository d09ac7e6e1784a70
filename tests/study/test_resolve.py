"""From a study file to specs: good inputs in all their forms, and one line for each mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.study_files import PLUGIN, mistake, study, with_
from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.matrix import cells_of
from optbench.study.resolve import read_study


def allowed(names: object) -> str:
    return f"(allowed: {', '.join(sorted(names))})"  # type: ignore[call-overload]


ENTRY = {"factory", "label", "like"}
SGD = {"dampening", "differentiable", "foreach", "fused", "maximize", "momentum", "nesterov", "weight_decay"}
PAIR = "must be a list of two numbers in [0, 1)"
NOT_HANDED = (
    "is a key of optbench's own and is not handed to the factory, whose argument of that name cannot be set; "
    "give the argument another name"
)
OPTIMIZER_KEYS = ("lr", "search", "closure", "create_graph")
WORKLOAD_ENTRY = {*ENTRY, "batch_size", "dataset", "epochs", "eval_every", "steps", "target"} | {
    "device",
    "timeout_s",
    "memory_mb",
    "drop_last",
}


@pytest.mark.parametrize(
    ("part", "written", "message"),
    [
        # names
        (
            "workloads",
            "[ravin]",
            f"workloads: unknown name 'ravin'; did you mean 'ravine'? {allowed(WORKLOADS)}",
        ),
        (
            "optimizers",
            "[sdg]",
            f"optimizers: unknown name 'sdg'; did you mean 'sgd'? {allowed(OPTIMIZERS)}",
        ),
        ("optimizers", "{zzz: {lr: 1}}", f"optimizers: unknown name 'zzz' {allowed(OPTIMIZERS)}"),
        (
            "schedules",
            "[cosin]",
            f"schedules: unknown name 'cosin'; did you mean 'cosine'? {allowed(SCHEDULES)}",
        ),
        (
            "datasets",
            "{mnst: {}}",
            f"datasets: unknown name 'mnst'; did you mean 'mnist'? {allowed(DATASETS)}",
        ),
        (
            "workloads",
            "{digits_mlp: {dataset: digit}}",
            f"workloads.digits_mlp.dataset: unknown name 'digit'; did you mean 'digits'? {allowed(DATASETS)}",
        ),
        (
            "optimizers",
            "{x: {like: adaw}}",
            f"optimizers.x.like: unknown name 'adaw'; did you mean 'adamw'? {allowed(OPTIMIZERS)}",
        ),
        (
            "workloads",
            "{ravine: {dataset: digits}}",
            "workloads.ravine.dataset: optbench.catalogue.workloads.analytic:ravine takes no data set; "
            "got 'digits'",
        ),
        (
            "workloads",
            "{quadratic: {dataset: digits}}",
            "workloads.quadratic.dataset: optbench.catalogue.workloads.analytic:quadratic takes no data set; "
            "got 'digits'",
        ),
        (
            "workloads",
            "{x: {factory: 'my_lab:without', dataset: digits}}",
            "workloads.x.dataset: my_lab:without takes no data set; got 'digits'",
        ),
        ("optimizers", "{adam: {betas: [0.9]}}", f"optimizers.adam.betas {PAIR}; got [0.9]"),
        ("optimizers", "{adam: {betas: null}}", f"optimizers.adam.betas {PAIR}; got None"),
        ("optimizers", "{adam: {betas: 0.9}}", f"optimizers.adam.betas {PAIR}; got 0.9"),
        (
            "optimizers",
            "{adam: {betas: [0.9, null]}}",
            "optimizers.adam.betas[1] must be in [0, 1); got None",
        ),
        ("optimizers", "{adam: {eps: null}}", "optimizers.adam.eps must be >= 0; got None"),
        (
            "optimizers",
            "{heavy_ball: {momentum: null}}",
            "optimizers.heavy_ball.momentum must be in [0, 1); got None",
        ),
        ("datasets", "{mnist: {}}", "datasets.mnist: no workload of the study uses it"),
        # factories
        (
            "optimizers",
            "{x: {factory: torch.optim.SGD, lr: 1}}",
            "optimizers.x.factory: 'torch.optim.SGD' is not of the form 'module:name', "
            "like 'torch.optim:SGD'",
        ),
        (
            "optimizers",
            "{x: {factory: 'my lab:f', lr: 1}}",
            "optimizers.x.factory: 'my lab:f' is not of the form 'module:name', like 'torch.optim:SGD'",
        ),
        (
            "optimizers",
            "{x: {factory: '../evil:f', lr: 1}}",
            "optimizers.x.factory: '../evil:f' is not of the form 'module:name', like 'torch.optim:SGD'",
        ),
        (
            "optimizers",
            "{x: {factory: 'torch.optim:SGDD', lr: 1}}",
            "optimizers.x.factory: module 'torch.optim' has no 'SGDD'; did you mean 'SGD'?",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:Signun', lr: 1}}",
            "optimizers.x.factory: module 'my_lab' has no 'Signun'; did you mean 'Signum'?",
        ),
        (
            "schedules",
            "{x: {factory: 'broken:f'}}",
            "schedules.x.factory: broken.py line 3: invalid syntax",
        ),
        (
            "workloads",
            "{x: {factory: 'beside_broken:f'}}",
            "workloads.x.factory: broken.py line 3: invalid syntax",
        ),
        (
            "optimizers",
            "{x: {factory: 'needy:f', lr: 1}}",
            "optimizers.x.factory: needy.py line 2 imports 'no_such_lab.core', which is not installed",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:Signum', like: sgd, lr: 1}}",
            "optimizers.x: give either 'factory' or 'like', not both",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:Signum'}}",
            "optimizers.x.lr is missing: a factory of your own needs its learning rate",
        ),
        # settings
        (
            "optimizers",
            "{sgd: {momentun: 0.9}}",
            "optimizers.sgd.momentun: unknown name 'momentun'; did you mean 'momentum'? "
            f"{allowed(SGD | ENTRY | {*OPTIMIZER_KEYS})}",
        ),
        (
            "optimizers",
            "{x: {factory: 'torch.optim:SGD', lr: 1, params: 3}}",
            f"optimizers.x.params: unknown name 'params' {allowed(SGD | ENTRY | {*OPTIMIZER_KEYS})}",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:Signum', lr: 1, momentun: 0.9}}",
            "optimizers.x.momentun: unknown name 'momentun'; did you mean 'momentum'? "
            f"{allowed(ENTRY | {*OPTIMIZER_KEYS, 'momentum', 'weight_decay'})}",
        ),
        (
            "schedules",
            "{x: {factory: 'torch.optim.lr_scheduler:StepLR', stepsize: 3}}",
            "schedules.x.stepsize: unknown name 'stepsize'; did you mean 'step_size'? "
            f"{allowed(ENTRY | {'step_size', 'gamma', 'last_epoch'})}",
        ),
        (
            "schedules",
            "{constant: {gamma: 0.5}}",
            f"schedules.constant.gamma: unknown name 'gamma' {allowed(ENTRY)}",
        ),
        (
            "workloads",
            "{ravine: {epoch: 3}}",
            "workloads.ravine.epoch: unknown name 'epoch'; did you mean 'epochs'? "
            f"{allowed({*WORKLOAD_ENTRY, 'spread'})}",
        ),
        (
            "workloads",
            "{x: {factory: 'my_lab:digits', dataset: digits, data: 3}}",
            "workloads.x.data: unknown name 'data'; did you mean 'dataset'? "
            f"{allowed(WORKLOAD_ENTRY | {'width'})}",
        ),
        # keys that a factory has arguments of the same name for, and does not get
        ("workloads", "{x: {factory: 'my_lab:named', label: Mine}}", f"workloads.x.label {NOT_HANDED}"),
        (
            "workloads",
            "{x: {factory: 'my_lab:named', steps: 4, device: cpu}}",
            f"workloads.x.device {NOT_HANDED}",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:searching', lr: 1, closure: true}}",
            f"optimizers.x.closure {NOT_HANDED}",
        ),
        # what a step needs
        (
            "optimizers",
            "{sgd: {closure: maybe}}",
            "optimizers.sgd.closure: must be true or false; got 'maybe'",
        ),
        (
            "optimizers",
            "{sgd: {create_graph: 1}}",
            "optimizers.sgd.create_graph: must be true or false; got 1",
        ),
        ("workloads", "{ravine: {drop_last: 0}}", "workloads.ravine.drop_last: must be true or false; got 0"),
        (
            "workloads",
            "{ravine: {steps: 3, epochs: 4}}",
            "workloads.ravine: give the budget as either 'steps' or 'epochs', not both",
        ),
        (
            "optimizers",
            "{adamw: {betas: [0.9, 1.0]}}",
            "optimizers.adamw.betas[1] must be in [0, 1); got 1.0",
        ),
        ("optimizers", "{adamw: {betas: [-1, 0]}}", "optimizers.adamw.betas[0] must be in [0, 1); got -1"),
        (
            "optimizers",
            "{heavy_ball: {momentum: '0.9'}}",
            "optimizers.heavy_ball.momentum must be in [0, 1); got '0.9'",
        ),
        (
            "optimizers",
            "{heavy_ball: {momentum: true}}",
            "optimizers.heavy_ball.momentum must be in [0, 1); got True",
        ),
        (
            "optimizers",
            "{adam: {weight_decay: -1}}",
            "optimizers.adam.weight_decay must be >= 0; got -1",
        ),
        ("optimizers", "{adam: {eps: .nan}}", "optimizers.adam.eps must be >= 0; got nan"),
        (
            "schedules",
            "{x: {factory: 'torch.optim.lr_scheduler:StepLR', step_size: 3, gamma: 0}}",
            "schedules.x.gamma must be > 0; got 0",
        ),
        ("schedules", "{plateau: {factor: 2}}", "schedules.plateau.factor must be in (0, 1]; got 2"),
        (
            "optimizers",
            "{x: {factory: 'my_lab:open_ended', lr: 1, start: 2020-01-01}}",
            "optimizers.x.start: 2020-01-01 is a date to some readers of YAML and text to others: "
            "put it into quotes",
        ),
        (
            "optimizers",
            "{x: {factory: 'my_lab:open_ended', lr: 1, groups: [{1: a}]}}",
            "optimizers.x.groups[0]: a key must be text; 1 is a number to YAML: put it into quotes",
        ),
        # the matrix
        (
            "matrix",
            "[{}, {optimizers: [sdg]}]",
            "matrix[1].optimizers: unknown name 'sdg'; did you mean 'sgd'? (allowed: sgd)",
        ),
        (
            "matrix",
            "[{workloads: [rosenbrock]}]",
            "matrix[0].workloads: unknown name 'rosenbrock' (allowed: ravine)",
        ),
        (
            "matrix",
            "[{lr: {sdg: 0.1}}]",
            "matrix[0].lr: unknown name 'sdg'; did you mean 'sgd'? (allowed: sgd)",
        ),
        # names that cannot be part of a path
        (
            "optimizers",
            '{"a\\xa0b": {like: sgd}}',
            "optimizers.'a\\xa0b': a name becomes a path: its characters must be printable",
        ),
        (
            "optimizers",
            f"{{{'学' * 23}: {{like: sgd}}}}",
            f"optimizers.{'学' * 23}: a name becomes a path: it must have at most 200 bytes there; "
            "it has 207",
        ),
    ],
)
def test_a_mistake_is_one_line(folder: Path, part: str, written: str, message: str) -> None:
    assert mistake(folder, with_(**{part: written})) == message


def test_data_that_comes_with_a_package_has_no_folder(folder: Path) -> None:
    text = with_(workloads="[digits_mlp]", datasets="{digits: {root: .}}")
    assert mistake(folder, text) == (
        "datasets.digits.root: digits comes with an installed package; got '.' "
        "(read from a folder: cifar10, cifar100, fashion_mnist, kmnist, mnist)"
    )


def test_a_value_is_repeated_as_far_as_a_line_goes(folder: Path) -> None:
    long = "x" * 10_000
    cut = f"'{long[:79]}..."
    assert mistake(folder, with_(optimizers=f"{{adam: {{eps: {long}}}}}")) == (
        f"optimizers.adam.eps must be >= 0; got {cut}"
    )
    for text in (
        with_(optimizers=f"{{x: {{like: {long}}}}}"),
        with_(optimizers=f"{{x: {{factory: {long}, lr: 1}}}}"),
        with_(optimizers=f"{{x: {{factory: 'torch.optim:{long}', lr: 1}}}}"),
        with_(optimizers=f"{{x: {{factory: '{long}:f', lr: 1}}}}"),
        with_(workloads=f"{{ravine: {{dataset: {long}}}}}"),
        with_(report=f"{{reference: {long}}}"),
    ):
        assert len(mistake(folder, text)) < 700, text[:80]


def test_a_study_has_a_million_cells_at_most(folder: Path) -> None:
    optimizers = ", ".join(f"o{n}: {{like: sgd}}" for n in range(101))
    text = with_(seeds="10000", optimizers=f"{{{optimizers}}}")
    assert mistake(folder, text) == "matrix: 1010000 cells are more than 1000000, the most of a study"


def test_an_entry_that_no_block_uses(folder: Path) -> None:
    text = with_(optimizers="[sgd, adam]", matrix="[{optimizers: [sgd]}]")
    assert mistake(folder, text) == "optimizers.adam: no block of the matrix uses it"


def test_a_data_folder_that_is_missing(folder: Path) -> None:
    text = with_(workloads="[mnist_mlp]", datasets="{mnist: {root: raw/mnist}}")
    assert mistake(folder, text) == (
        f"datasets.mnist.root: there is no folder 'raw/mnist' (looked in {folder})"
    )


def test_two_blocks_that_disagree_about_a_rate(folder: Path) -> None:
    assert mistake(folder, with_(matrix="[{lr: 0.1}, {lr: 0.2, seeds: [5]}]")) == (
        "matrix: two blocks give ravine/sgd/constant/5 the learning rates 0.1 and 0.2; "
        "name the optimizer twice under 'optimizers' to run both"
    )


def test_two_cells_that_would_share_a_name(folder: Path) -> None:
    text = with_(
        workloads="{a: {like: ravine}, a/b: {like: saddle}}",
        optimizers="{b/c: {like: sgd}, c: {like: adam}}",
        matrix="[{workloads: [a], optimizers: [b/c]}, {workloads: [a/b], optimizers: [c]}]",
    )
    assert mistake(folder, text) == (
        "two cells are called 'a/b/c/constant/0', because '/' stands in a name; rename one of its parts"
    )


def test_a_list_and_a_mapping_mean_the_same(folder: Path) -> None:
    listed = study(folder, with_(optimizers="[sgd, adam]"))
    mapped = study(folder, with_(optimizers="{sgd: , adam: {}}"))
    assert listed.optimizers == mapped.optimizers == {n: OPTIMIZERS[n] for n in ("sgd", "adam")}
    assert cells_of(listed) == cells_of(mapped)


def test_a_mapping_overrides_a_built_in(folder: Path) -> None:
    found = study(
        folder,
        with_(
            optimizers="{heavy_ball: {lr: 0.5, momentum: 0.8, label: HB}}",
            workloads="{digits_mlp: {steps: 7, hidden: [5], batch_size: full}}",
            schedules="{cosine: {eta_min: 0.01}}",
        ),
    )
    heavy_ball = found.optimizers["heavy_ball"]
    assert (heavy_ball.lr, heavy_ball.settings, heavy_ball.label) == (0.5, {"momentum": 0.8}, "HB")
    assert heavy_ball.factory == OPTIMIZERS["heavy_ball"].factory
    digits = found.workloads["digits_mlp"]
    assert digits.settings == {**WORKLOADS["digits_mlp"].settings, "hidden": [5]}
    assert "epochs" in WORKLOADS["digits_mlp"].overrides
    assert "epochs" not in digits.overrides  # the budget in steps replaces the built-in's in epochs
    assert (digits.overrides["steps"], digits.overrides["batch_size"]) == (7, "full")
    assert digits.label == WORKLOADS["digits_mlp"].label
    cosine = found.schedules["cosine"]
    assert cosine.settings == {**SCHEDULES["cosine"].settings, "eta_min": 0.01}


def test_like_starts_from_a_built_in(folder: Path) -> None:
    found = study(folder, with_(optimizers="{slow: {like: heavy_ball, lr: 0.001}, same: {like: sgd}}"))
    slow, same = found.optimizers["slow"], found.optimizers["same"]
    assert (slow.name, slow.lr, slow.settings, slow.label) == ("slow", 0.001, {"momentum": 0.9}, "slow")
    assert slow.factory == OPTIMIZERS["heavy_ball"].factory
    assert same.lr == OPTIMIZERS["sgd"].lr


def test_what_a_step_needs_and_what_an_epoch_leaves_out_is_part_of_who_a_cell_is(folder: Path) -> None:
    text = with_(workloads="{{ravine: {{{}}}}}", optimizers="{{sgd: {{{}}}}}", seeds="1")
    cells = {
        said: cells_of(study(folder, text.format(*said)))[0]
        for said in (
            ("", ""),
            ("", "closure: true"),
            ("", "create_graph: true"),
            ("drop_last: true", ""),
            ("drop_last: false", ""),
        )
    }
    assert len({cell.digest for cell in cells.values()}) == len(cells)
    assert cells["", "closure: true"].optimizer.closure
    assert cells["", "create_graph: true"].optimizer.create_graph
    assert cells["drop_last: true", ""].workload.overrides["drop_last"] is True
    assert cells["drop_last: false", ""].workload.overrides["drop_last"] is False
    # Left as it is by saying so.
    (cell,) = cells_of(study(folder, text.format("", "closure: false")))
    assert cell.digest == cells["", ""].digest


def test_like_keeps_what_a_step_needs(folder: Path) -> None:
    text = with_(
        optimizers="{a: {like: sgd, closure: true}}", tuning="{seeds: 1, rulesets: [tuned, default]}"
    )
    assert {o.name: o.closure for o in study(folder, text).optimizers.values()} == {
        "a": True,
        "a.default": True,
    }


def test_a_factory_with_an_argument_called_steps_may_be_given_it(folder: Path) -> None:
    found = study(folder, with_(workloads="{x: {factory: 'my_lab:named', steps: 4}}")).workloads["x"]
    assert (found.overrides, found.settings) == ({"steps": 4}, {})


def test_blocks_name_what_meets(folder: Path) -> None:
    found = study(
        folder,
        with_(
            workloads="{ravine: {spread: 0.1}, saddle: }",
            optimizers="[sgd, adam]",
            schedules="[constant, cosine]",
            seeds="2",
            matrix="[{workloads: [ravine], schedules: [constant], lr: {sgd: 0.5}},"
            " {workloads: [saddle], optimizers: [adam], seeds: [7], lr: 0.25}]",
        ),
    )
    adam = OPTIMIZERS["adam"].lr
    assert {(cell.name, cell.lr) for cell in cells_of(found)} == {
        ("ravine/sgd/constant/0", 0.5),
        ("ravine/sgd/constant/1", 0.5),
        ("ravine/adam/constant/0", adam),
        ("ravine/adam/constant/1", adam),
        ("saddle/adam/constant/7", 0.25),
        ("saddle/adam/cosine/7", 0.25),
    }


def test_blocks_that_overlap_and_agree_make_one_cell(folder: Path) -> None:
    found = study(folder, with_(seeds="2", matrix="[{lr: 0.1}, {lr: 0.1, seeds: 3}]"))
    assert [cell.seed for cell in cells_of(found)] == [0, 1, 2]


def test_a_data_folder_of_the_users_own(folder: Path) -> None:
    text = with_(workloads="[mnist_mlp]", datasets="{mnist: {root: raw}}")
    first = study(folder, text).datasets["mnist"]
    assert (first.root, first.download) == (str(folder.resolve() / "raw"), False)
    assert first == study(folder, text).datasets["mnist"]
    (folder / "raw" / "train.gz").write_bytes(b"two")
    assert study(folder, text).datasets["mnist"].fingerprint != first.fingerprint


def test_the_device_is_settled_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for gpu, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr("optbench.study.resolve.has_gpu", lambda gpu=gpu: gpu)
        assert study(folder, with_()).device == device
        assert study(folder, with_(device="cpu")).device == "cpu"
        assert read_study(folder / "study.yaml", "cuda").device == "cuda"


def test_defaults(folder: Path) -> None:
    found = study(folder, with_())
    assert (found.title, found.question, found.seeds) == ("s", "", (0, 1, 2, 3, 4, 5))
    assert (found.threads, found.timeout_s, found.cells_per_job) == (1, 3600.0, None)
    assert (found.data_folder, found.results) == (Path("data"), Path("results/s"))
    assert list(found.schedules) == ["constant"]


def test_the_shipped_studies_are_sound(project: Path) -> None:
    files = sorted((project / "config").glob("*.yaml"))
    assert files
    for file in files:
        assert cells_of(read_study(file))


def documented(project: Path, language: str) -> list[str]:
    text = (project / "docs" / "reference" / "study-file.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_documented_studies_are_sound(project: Path, tmp_path: Path) -> None:
    found = {}
    for text in documented(project, "yaml"):
        if not text.startswith("study:"):
            continue  # a part of a study: tests/whole/test_docs.py reads it within one
        one = study(tmp_path, text)
        found[one.name] = len(cells_of(one))
    assert found == {
        "small": 24,
        "entries": 24,
        "regimes": 36,
        "scheduled": 24,
        "blocks": 26,
        "tuned_small": 84,
    }


def test_reading_a_study_imports_nothing_heavy(folder: Path) -> None:
    (folder / "loud.py").write_text("raise SystemExit('a plug-in ran while the study was read')\n" + PLUGIN)
    study(
        folder,
        with_(
            workloads="[ravine, digits_mlp]",
            optimizers="{sgd: , mine: {factory: 'loud:Signum', lr: 0.1}}",
            schedules="[constant, cosine, warmup_cosine]",
        ),
    )
    script = (
        "import sys; from pathlib import Path; from optbench.study.resolve import read_study; "
        "from optbench.cells.matrix import cells_of; from optbench.running.plan import make_plan; "
        "make_plan(read_study(Path('study.yaml')), 2, None); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "{'torch', 'torchvision', 'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'matplotlib', 'loud'}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
