"""Commands can be pasted, home folders are scrubbed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from optbench.cli import cli
from optbench.report.page.text import rerun_command, scrub, snakemake_command, whole_command


@pytest.mark.parametrize(
    ("text", "clean"),
    [("/home/alice/x.py", "~/x.py"), ("/cluster/home/bob.k/x", "~/x"), ("/Users/Eve/x", "~/x"),
     ("/root/x", "~/x"),
     (r"C:\Users\Max M\x.py", r"~\x.py"), (r"'C:\\Users\\max\\x'", r"'~\\x'"), ("/srv/root/x", "/srv/root/x"),
     ('File "/home/alice", line 1', 'File "~", line 1'), ("/rooted", "/rooted")],
)  # fmt: skip
def test_home_folders_are_scrubbed(text, clean):
    assert scrub(text) == clean


def test_commands_can_be_pasted():
    assert rerun_command("my study", "a/b c/d/0") == "optbench rerun 'my study' 'a/b c/d/0'"
    assert snakemake_command("r/x.parquet", "config/default.yaml") == "snakemake --cores 1 r/x.parquet"
    assert snakemake_command("r/x y", "/home/al/my s.yaml") == (
        "snakemake --cores 1 'r/x y' --configfile ~/'my s.yaml'"
    )


STUDIES = (
    *("demo", "-s", "my study", "$(touch x)", "`x`;&|", 'it\'s "quoted"', "~", "*", "\u4f18\u5316"),
    *("\\", "!!", "#"),
)
CELLS = (
    *("ravine/sgd/constant/0", "-x/sgd/constant/0", "--help/a b/c'd/7", '$HOME/"/`x`/1'),
    *("a/*/{b,c}/2", "--/x/y/3"),
)


def words_of(command: str, folder: Path, *, shell: str = "sh") -> list[str]:
    """What a program of the command's name is given by a real shell."""
    program, *_ = command.split()
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / program).write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\n')
    (folder / "bin" / program).chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": "/home/al"}
    done = subprocess.run(
        [shell, "-c", command], env=environment, capture_output=True, check=True, cwd=folder
    )
    assert done.stderr == b""
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize("study", STUDIES)
def test_a_command_means_the_same_cell_to_a_shell_and_to_optbench(tmp_path, study):
    for cell in CELLS:
        words = words_of(rerun_command(study, cell), tmp_path)
        verb = cli.get_command(None, words[0])
        assert verb.make_context("rerun", words[1:]).params["patterns"] == (cell,)
        assert words[-2:] == [study, cell]
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "file",
    ["my.yaml", "-x.yaml", "--all.yaml", "a b/c'd.yaml", "$(touch x)/{a}.yaml", "*.yaml", "\u4f18.yaml",
     "two\nlines.yaml", "\x1b[31m.yaml", "tab\t'\\.yaml", "\udcff.yaml", "\u202e.yaml", "\ud800.yaml"],
)  # fmt: skip
def test_a_study_file_may_be_called_anything(tmp_path, file):
    shell = shutil.which("bash") or pytest.skip("no bash is installed, which reads $'...'")
    meant = file if not file.startswith("-") else f"./{file}"
    meant = os.fsdecode(meant.encode("utf-8", "surrogatepass")) if file.startswith("\ud800") else meant
    command = snakemake_command("results/s/x.parquet", file)
    assert words_of(command, tmp_path, shell=shell)[-2:] == ["--configfile", meant]
    assert words_of(whole_command(file), tmp_path, shell=shell)[-2:] == ["--configfile", meant]
    assert command.isprintable()
    home = words_of(whole_command(f"/home/al/{file}"), tmp_path, shell=shell)[-1]
    assert home == f"/home/al/{meant.removeprefix('./')}"
