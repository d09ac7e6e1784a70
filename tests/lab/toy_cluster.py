"""A SLURM cluster of this one machine, for tests: needs root and Debian's slurm-wlm and munge.

python tests/lab/toy_cluster.py FOLDER     # starts it, waits for Ctrl-C, ends it
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")

CONFIG = """
ClusterName=toy
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MinJobAge=3600
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

CONFIG_FILE = Path("/etc/slurm/slurm.conf")
"""Where jobs look for it: the executor does not hand SLURM_CONF on."""

PROFILE = """
jobs: 4
latency-wait: 5
slurm-status-command: squeue
slurm-init-seconds-before-status-checks: 9
"""
"""What this cluster needs besides profiles/slurm."""


def missing() -> str:
    """What keeps this cluster from starting here; "" if nothing does."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    absent = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if absent:
        return f"{', '.join(absent)} missing (apt-get install slurm-wlm munge)"
    if os.getuid() != 0:
        return "SLURM's daemons need root here"
    real = CONFIG_FILE.exists() and not CONFIG_FILE.is_symlink()
    return f"there is a cluster already ({CONFIG_FILE})" if real else ""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Starts SLURM with its state in `folder`; gives the environment in which its commands find it."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, cpus=len(os.sched_getaffinity(0))))
    CONFIG_FILE.parent.mkdir(exist_ok=True)
    CONFIG_FILE.unlink(missing_ok=True)
    CONFIG_FILE.symlink_to(config)
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    environment = {**os.environ, "PATH": path, "SLURM_CONF": str(config)}
    started = []
    if not Path("/run/munge/munge.socket.2").is_socket() or _fails("munge", "-n"):
        Path("/run/munge").mkdir(exist_ok=True, mode=0o755)
        shutil.chown("/run/munge", "munge", "munge")
        Path("/run/munge").chmod(0o755)
        command = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "-F"]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        _until("munge answers", lambda: not _fails("munge", "-n"))
    for daemon in (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", "localhost"]):
        with (folder / f"{daemon[0]}.out").open("wb") as out:
            started.append(subprocess.Popen(daemon, env=environment, stdout=out, stderr=out))
    try:
        _until("the node is idle", lambda: "idle" in _ask(environment, "sinfo", "-h", "-o", "%t"))
        yield environment
    finally:
        _ask(environment, "scancel", "--user", "root")
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        CONFIG_FILE.unlink(missing_ok=True)


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _ask(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout


def _until(what: str, holds, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {limit_s:g} s: {what}"
        time.sleep(0.2)


def main() -> None:
    if problem := missing():
        sys.exit(problem)
    with cluster(Path(sys.argv[1]).resolve()) as environment:
        sys.stdout.write(f"export SLURM_CONF={environment['SLURM_CONF']}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
