"""Plug-ins that change the process they run in, each in its own way and all of them harmless outside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from string import Template
from textwrap import dedent, indent

SLEEP_S = 240
"""How long what a plug-in leaves behind would sleep, were it not ended."""

MODULE = '''
"""A plug-in that meddles with the process it runs in."""

import atexit, builtins, decimal, gc, json, locale, logging, multiprocessing, os, pickle, random, resource
import select, signal, subprocess, sys, threading, time, warnings

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from optbench.workload import Workload

PLACE = "$place"
SLEEP_S = $sleep_s
done = []


def meddle():
    done.append(1)
$code


def meddle_in(place, once=True):
    if place == PLACE and not (once and done):
        meddle()


class Optimizer(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.count = 0
        meddle_in("constructor", once=False)

    def step(self, closure=None):
        self.count += 1
        if self.count == 2:
            meddle_in("step", once=False)
        return super().step(closure)


def schedule(optimizer):
    meddle_in("schedule", once=False)
    return torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)


def workload():
    x = torch.linspace(-1, 1, 12).unsqueeze(1)

    def model():
        meddle_in("model", once=False)
        return nn.Linear(1, 1)

    def loss(model, batch):
        meddle_in("loss")
        return ((model(batch[0]) - batch[1]) ** 2).mean()

    return Workload(model=model, loss=loss, train=(x, 3 * x + 2), batch_size=4, steps=8, eval_every=4)


def shrink_gradients(optimizer, args, kwargs):
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad.mul_(0.01)


def shrink_weights(optimizer, args, kwargs):
    with torch.no_grad():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.mul_(0.9)


def halved(module, args, output):
    return output * 0.5 if isinstance(output, torch.Tensor) else output


def count_on():
    end = time.monotonic() + SLEEP_S
    while time.monotonic() < end:
        torch.manual_seed(1)
        torch.set_grad_enabled(False)
        time.sleep(0.001)


def sleep_in_a_fork():
    if os.fork() == 0:
        time.sleep(SLEEP_S)
        os._exit(0)


meddle_in("import")
'''


@dataclass(frozen=True)
class Meddler:
    """One plug-in.

    Attributes:
        name: of its module, `m_` before it.
        place: where it meddles: import, constructor, step (of an optimizer), model, loss (of a workload),
            schedule.
        code: what it does.
    """

    name: str
    place: str
    code: str

    @property
    def module(self) -> str:
        """The module's name."""
        return f"m_{self.name}"

    def write(self, folder: Path) -> None:
        """Writes the module into `folder`."""
        code = indent(dedent(self.code).strip(), "    ")
        (folder / f"{self.module}.py").write_text(
            Template(MODULE).substitute(place=self.place, code=code, sleep_s=SLEEP_S)
        )


MEDDLERS = (
    # torch: hooks, modes, defaults
    Meddler("pre_hook", "constructor", "register_optimizer_step_pre_hook(shrink_gradients)"),
    Meddler("post_hook", "step", "register_optimizer_step_post_hook(shrink_weights)"),
    Meddler("forward_hook", "import", "nn.modules.module.register_module_forward_hook(halved)"),
    Meddler("forward_hook_later", "loss", "nn.modules.module.register_module_forward_hook(halved)"),
    Meddler(
        "forward_pre_hook",
        "constructor",
        "nn.modules.module.register_module_forward_pre_hook(lambda module, args: (args[0] * 2, *args[1:]))",
    ),
    Meddler(
        "backward_hook",
        "step",
        "nn.modules.module.register_module_full_backward_hook(lambda *_: (torch.zeros(()),))",
    ),
    Meddler("default_dtype", "import", "torch.set_default_dtype(torch.float64)"),
    Meddler("default_dtype_later", "step", "torch.set_default_dtype(torch.float64)"),
    Meddler("default_device", "constructor", 'torch.set_default_device("meta")'),
    Meddler("grad_off", "step", "torch.set_grad_enabled(False)"),
    Meddler("grad_off_in_model", "model", "torch.set_grad_enabled(False)"),
    Meddler("inference", "step", "torch.inference_mode().__enter__()"),
    Meddler("autocast", "import", 'torch.autocast("cpu", dtype=torch.bfloat16).__enter__()'),
    Meddler("autocast_later", "loss", 'torch.autocast("cpu", dtype=torch.bfloat16).__enter__()'),
    Meddler("matmul_precision", "import", 'torch.set_float32_matmul_precision("medium")'),
    Meddler(
        "nondeterministic",
        "step",
        """
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.backends.mkldnn.enabled = False
        """,
    ),
    Meddler("anomaly", "constructor", "torch.autograd.set_detect_anomaly(True)"),
    Meddler("threads_of_torch", "step", "torch.set_num_threads(2)"),
    Meddler("flushed_denormals", "import", "torch.set_flush_denormal(True)"),
    Meddler(
        "function_mode",
        "constructor",
        """
        class Doubled(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                result = function(*args, **(kwargs or {}))
                return result * 2 if function is torch.mean else result

        Doubled().__enter__()
        """,
    ),
    Meddler(
        "saved_tensors",
        "loss",
        "torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 0).__enter__()",
    ),
    Meddler("printing", "import", "torch.set_printoptions(precision=1)"),
    # generators
    Meddler("torch_seed", "step", "torch.manual_seed(0)"),
    Meddler("numpy_seed", "import", "np.random.seed(0)"),
    Meddler("python_seed", "constructor", "random.seed(0)"),
    Meddler("numpy_errors", "import", 'np.seterr(all="raise")'),
    # what is patched
    Meddler("patched_backward", "step", "torch.Tensor.backward = lambda *_, **__: None"),
    Meddler("patched_step", "import", "torch.optim.SGD.step = lambda self, closure=None: None"),
    Meddler(
        "patched_functional",
        "model",
        "nn.functional.mse_loss = nn.functional.linear = lambda *_, **__: torch.ones(())",
    ),
    Meddler("patched_randn", "constructor", "torch.randn = torch.rand = torch.randperm = torch.zeros"),
    Meddler("patched_numpy", "import", "np.random.default_rng = np.asarray = lambda *_, **__: np.zeros(3)"),
    Meddler(
        "patched_builtins", "step", "builtins.sum = builtins.sorted = builtins.zip = lambda *_, **__: []"
    ),
    Meddler(
        "patched_time",
        "import",
        "time.time = time.perf_counter = time.monotonic = time.process_time = lambda: 0.0",
    ),
    Meddler("patched_pickle", "import", "pickle.load = pickle.loads = pickle.dumps = lambda *_, **__: None"),
    Meddler("patched_waiting", "import", "os.kill = select.select = lambda *_, **__: ([], [], [])"),
    Meddler("forked_on", "step", "time.sleep(0.5 if os.fork() else 0)"),
    Meddler("threaded", "import", "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()"),
    Meddler("patched_json", "step", 'json.dumps = lambda *_, **__: "{}"'),
    Meddler("patched_replace", "step", "os.replace = os.rename = lambda *_, **__: None"),
    Meddler(
        "patched_open",
        "step",
        """
        def full(*_, **__):
            raise OSError(28, "No space left on device", "elsewhere")

        builtins.open = os.open = os.replace = full
        """,
    ),
    # the process
    Meddler("environment", "import", "os.environ.clear()"),
    Meddler("elsewhere", "constructor", 'os.chdir("/")'),
    Meddler("closed_stdin", "step", "os.close(0)"),
    Meddler("closed_stdout", "step", "os.close(1); os.close(2); sys.stdout = sys.stderr = None"),
    Meddler("closed_files", "step", "os.closerange(0, 20)"),
    Meddler(
        "written_files",
        "step",
        """
        for number in range(20):
            try:
                os.set_blocking(number, False)
                os.write(number, b"ok ready meddled\\n")
            except OSError:
                continue
        """,
    ),
    Meddler(
        "printed", "loss", 'print("ready\\nok\\nok", flush=True); print("ok", file=sys.stderr, flush=True)'
    ),
    Meddler("daemon", "step", "threading.Thread(target=count_on, daemon=True).start()"),
    Meddler("leaked", "step", "done.extend(bytearray(b'x' * 30_000_000) for _ in range(2))"),
    Meddler(
        "signals",
        "import",
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        """,
    ),
    Meddler("warnings", "import", 'warnings.simplefilter("error")'),
    Meddler("start_method", "constructor", 'multiprocessing.set_start_method("spawn", force=True)'),
    Meddler("recursion", "step", "sys.setrecursionlimit(150)"),
    Meddler("trace", "import", "sys.settrace(lambda *_: None); threading.settrace(lambda *_: None)"),
    Meddler("collector", "schedule", "gc.disable(); gc.unfreeze(); gc.set_threshold(1)"),
    Meddler("locale", "import", 'locale.setlocale(locale.LC_ALL, "C"); decimal.getcontext().prec = 2'),
    Meddler("logging", "import", "logging.disable(); logging.raiseExceptions = False"),
    Meddler("path", "step", "sys.path.clear(); sys.meta_path.clear(); sys.path_hooks.clear()"),
    Meddler(
        "modules",
        "constructor",
        """
        for name in [name for name in sys.modules if name.startswith("optbench.cells")]:
            sys.modules[name] = None
        """,
    ),
    Meddler(
        "limits",
        "import",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (30, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    ),
    Meddler(
        "file_size",
        "step",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))",
    ),
    Meddler("umask", "constructor", "os.umask(0o777)"),
    Meddler("niceness", "import", "os.nice(5)"),
    Meddler("affinity", "step", "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"),
    Meddler("exit_handler", "step", 'atexit.register(lambda: print("ok", flush=True))'),
    Meddler("forked", "step", "sleep_in_a_fork()"),
    Meddler("spawned", "constructor", 'subprocess.Popen(["sleep", str(SLEEP_S)])'),
    Meddler("exits", "step", "raise SystemExit(0)"),
    Meddler("ends_at_once", "step", "os._exit(0)"),
    Meddler("interrupts", "step", "raise KeyboardInterrupt"),
    Meddler("interrupts_at_import", "import", "raise KeyboardInterrupt"),
    Meddler("stops_at_import", "import", 'raise type("Stop", (BaseException,), {})("no")'),
    Meddler("draws_at_import", "import", "torch.randn(3), np.random.normal(), random.random()"),
    Meddler(
        "unprintable",
        "step",
        """
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        raise Unprintable
        """,
    ),
)

LEAVERS = (
    Meddler("thread_goes_on", "step", "threading.Thread(target=time.sleep, args=(SLEEP_S,)).start()"),
    Meddler("thread_from_import", "import", "threading.Thread(target=time.sleep, args=(SLEEP_S,)).start()"),
    Meddler("sleeps_at_exit", "step", "atexit.register(time.sleep, SLEEP_S)"),
    Meddler("sleeps_at_exit_of_a_model", "model", "atexit.register(time.sleep, SLEEP_S)"),
    Meddler(
        "deaf",
        "import",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); atexit.register(time.sleep, SLEEP_S)",
    ),
    Meddler("spawns", "constructor", "[subprocess.Popen(['sleep', str(SLEEP_S)]) for _ in range(5)]"),
    Meddler(
        "spawns_and_crashes",
        "step",
        """
        for _ in range(5):
            subprocess.Popen(["sleep", str(SLEEP_S)])
        os.kill(os.getpid(), signal.SIGSEGV)
        """,
    ),
    Meddler("forks", "step", "sleep_in_a_fork()"),
    Meddler("forks_and_exits", "step", "sleep_in_a_fork(); os._exit(3)"),
    Meddler("forks_in_a_loss", "loss", "sleep_in_a_fork()"),
    Meddler("joins_a_process", "step", "multiprocessing.Process(target=time.sleep, args=(SLEEP_S,)).start()"),
    Meddler("own_session", "step", "subprocess.Popen(['sleep', str(SLEEP_S)], start_new_session=True)"),
    Meddler(
        "twice_forked",
        "step",
        """
        if os.fork() == 0:
            os.setsid()
            sleep_in_a_fork()
            os._exit(0)
        os.wait()
        """,
    ),
    Meddler("own_group", "import", "os.setpgid(0, 0); sleep_in_a_fork()"),
)
"""Plug-ins that leave something behind that goes on, or that hold up the end of their process."""

HEAD = """
study: s
seeds: 2
timeout_s: 20
timing: {timing}
"""

BUILT_INS = {
    "ravine": "{steps: 8}",
    "linear_regression": "{steps: 8}",
    "sgd": "{lr: 0.01}",
    "adam": "{lr: 0.01}",
    "constant": "null",
}
"""Entries of a study that are of no plug-in."""


def write_study(
    folder: Path,
    meddlers: Collection[Meddler],
    seeds: str = "[0, 1]",
    timing: str = "off",
    *,
    built_in: bool = True,
) -> Path:
    """Writes a study of four cells of built-ins, and two of each plug-in, before them.

    Args:
        folder: is made.
        meddlers: whose modules are written.
        seeds: of the plug-ins' cells.
        timing: of the study.
        built_in: whether the cells of built-ins are there.

    Returns:
        The study file.
    """
    folder.mkdir(exist_ok=True)
    for one in meddlers:
        one.write(folder)
    workloads = [one.module for one in meddlers if one.place in {"model", "loss"}]
    schedules = [one.module for one in meddlers if one.place == "schedule"]
    optimizers = [one.module for one in meddlers if one.module not in {*workloads, *schedules}]
    # The plug-ins first: what they leave behind would reach what comes after.
    blocks = [
        (["linear_regression"], optimizers, ["constant"], seeds),
        (workloads, ["sgd"], ["constant"], seeds),
        (["linear_regression"], ["sgd"], schedules, seeds),
        (["ravine", "linear_regression"] if built_in else [], ["sgd", "adam"], ["constant"], "[0]"),
    ]
    used = [block for block in blocks if all(block)]
    parts = [HEAD.format(timing=timing)]
    for place, (kind, more) in enumerate([("workload", ""), ("optimizer", ", lr: 0.01"), ("schedule", "")]):
        parts.append(f"{kind}s:\n")
        for name in dict.fromkeys(name for block in used for name in block[place]):
            factory = f'{{factory: "{name}:{kind.capitalize() if more else kind}"{more}}}'
            parts.append(f"  {name}: {BUILT_INS.get(name, factory)}\n")
    parts.append("matrix:\n")
    for names in used:
        w, o, s = (f"[{', '.join(some)}]" for some in names[:3])
        parts.append(f"  - {{workloads: {w}, optimizers: {o}, schedules: {s}, seeds: {names[3]}}}\n")
    file = folder / "study.yaml"
    file.write_text("".join(parts))
    return file
