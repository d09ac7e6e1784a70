"""What is seen of a process's state: equal while built-ins train, each change of a plug-in by its name."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

CHANGES = {
    "torch.set_default_dtype(torch.float64)": "default dtype",
    "torch.set_default_device('meta')": "default device",
    "torch.set_grad_enabled(False)": "gradients are recorded",
    "torch.autograd.set_detect_anomaly(True)": "anomaly detection",
    "torch.autocast('cpu', dtype=torch.bfloat16).__enter__()": "autocast",
    "torch.set_float32_matmul_precision('medium')": "precision of matrix products|TF32",
    "torch._C._set_deterministic_algorithms(True, warn_only=False)": "deterministic mode",
    "torch.set_flush_denormal(True)": "denormal numbers",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "threads of torch",
    "optimizer.register_optimizer_step_pre_hook(print)": "hooks of every optimizer",
    "torch.nn.modules.module.register_module_forward_hook(print)": "hooks of every module",
    "torch.Tensor.backward = print": "functions of torch",
    "torch.optim.SGD.step = print": "functions of torch",
    "torch.nn.functional.relu = print": "functions of torch",
    "np.seterr(all='raise')": "numpy's errors",
    "os.environ.update(MINE='yes')": "the environment",
    "os.chdir('/')": "the working folder",
    "os.umask(0o077)": "umask",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)": "signal handlers",
    "warnings.simplefilter('error')": "warnings filters",
    "multiprocessing.set_start_method('spawn', force=True)": "the start method of processes",
    "sys.setrecursionlimit(999)": "the recursion limit",
    "threading.settrace(print)": "tracing",
    "gc.disable()": "garbage collection",
    "setattr(decimal.getcontext(), 'prec', 2)": "decimal's context",
    "sys.path.append('/nowhere')": "the module search path",
    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()": "threads",
    "setattr(sys, 'stdout', sys.stderr)": "standard streams",
    "os.dup(2)": "open files",
    "os.close(0)": "open files",
}


def told(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    """What is seen of each change; each is made in a fork of one process, so that it is the only one."""
    program = f"""
    import decimal, gc, multiprocessing, os, signal, sys, threading, time, warnings
    import numpy as np
    import torch
    from torch.optim import optimizer
    torch.set_num_threads(1)
    from optbench.training.process_state import changes, process_state
    from optbench.training.torch_private import defer_compiler
    defer_compiler()
    for change in {list(CHANGES)!r}:
        if os.fork() == 0:
            out = os.fdopen(os.dup(1), "w")
            before = process_state()
            assert changes(before, process_state()) == []
            exec(change)
            out.write("|".join([change, *changes(before, process_state())]) + "\\n")
            out.flush()
            os._exit(0)
        os.wait()
    """
    return dict(line.partition("|")[::2] for line in told(program))


@pytest.mark.parametrize(("change", "name"), CHANGES.items(), ids=[*CHANGES])
def test_each_change_is_seen_by_its_name_alone(seen, change, name):
    assert seen[change] == name


def test_training_of_built_ins_changes_nothing(tmp_path: Path) -> None:
    """Cells of every optimizer, with probes and with a schedule, in one process."""
    seed = random.randrange(2**16)
    program = f"""
    import os, sys
    sys.path.insert(0, {str(Path(__file__).parents[1])!r})
    os.chdir({str(tmp_path)!r})
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    Path("s.yaml").write_text(
        "study: s\\nseeds: [{seed}]\\ndevice: cpu\\ntiming: off\\n"
        "workloads: {{ravine: {{steps: 3}}, tiny_sigmoid: {{steps: 3}}}}\\n"
        "optimizers: [sgd, heavy_ball, adam, lbfgs, muon, lion]\\nschedules: [constant, cosine, plateau]\\n"
    )
    from optbench.cells.matrix import cells_of
    from optbench.study.resolve import read_study
    from optbench.training.loop import train_cell
    from optbench.training.process_state import changes, process_state
    cells = cells_of(read_study(Path("s.yaml")))
    train_cell(cells[0], Path("data"))
    before = process_state()
    for cell in cells:
        train_cell(cell, Path("data"))
        for change in changes(before, process_state()):
            print(cell.name, change)
    print(len(cells))
    """
    assert told(program) == ["36"]
