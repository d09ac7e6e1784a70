"""The command line: one verb a stage, and verbs for single cells.

Every verb imports what it needs itself: `optbench train` is a parent without torch, `optbench report` never
loads torch, and a mistake in a study file is told before anything heavy is imported. `stages` has the verbs
of the pipeline, `cells` those of single cells, `start` that of a new study, `choices` the arguments that
they share, `output` how they speak.
"""

from __future__ import annotations

import sys

import click

from optbench import __version__
from optbench.cli import cells, checks, race, stages, start
from optbench.cli.choices import USER_MISTAKE
from optbench.cli.output import echo, one_line, settle_streams, silence
from optbench.core.errors import UserError
from optbench.core.processes import exit_at_once
from optbench.study.plugins import keep_working_folder_off_path


def main() -> None:
    """Runs the command line, the process' last work; a user's mistake is one line and exit status 2."""
    keep_working_folder_off_path()
    settle_streams()
    try:
        with exit_at_once():
            cli.main(standalone_mode=False)
            sys.stdout.flush()
    except click.ClickException as error:
        _end(error.format_message())
    except click.exceptions.Abort:
        _end("interrupted; what is finished is safe, and the same command goes on from there", 130)
    except UserError as error:
        _end(str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _end(f"{error.strerror or error}{where}; what is finished is safe")


def _end(line: str, status: int = USER_MISTAKE) -> None:
    try:
        echo(f"optbench: {one_line(line)}", err=True)
        sys.stdout.flush()
    except OSError:  # a full disk: there is nowhere left to say so
        silence()
    sys.exit(status)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__)
@click.pass_context
def cli(context: click.Context) -> None:
    """Compare optimizers and learning-rate schedules over seeds and workloads."""
    if context.invoked_subcommand is None:
        echo(context.get_help())


for command in (*stages.COMMANDS, *race.COMMANDS, *cells.COMMANDS, *checks.COMMANDS, *start.COMMANDS):
    cli.add_command(command)
