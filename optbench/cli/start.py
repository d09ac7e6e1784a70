"""The verb that starts a study of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from optbench.cli.output import echo


@click.command()
@click.argument("file", default="study.yaml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plugin", is_flag=True, help="Also my_lab.py: an optimizer, a schedule and a workload.")
@click.option("--workflow", is_flag=True, help="Also the Snakefile with its rules and profiles.")
def init(file: Path, *, plugin: bool, workflow: bool) -> None:
    """Write a new study file with comments, FILE or study.yaml; nothing that exists is overwritten."""
    from optbench.study.starter.write import copy_workflow, start_plugin, start_study  # noqa: PLC0415

    start_study(file, plugin=plugin)
    echo(f"{file}: check it with 'optbench check {file}', run it with 'optbench run {file}'")
    if plugin:
        echo(f"{start_plugin(file.parent)}: what {file.name} names as my_lab:NAME")
    if workflow:
        copy_workflow(file.parent)
        echo(f"{file.parent / 'Snakefile'}: snakemake --cores all --configfile {file}")


COMMANDS = (init,)
