"""Commands can be pasted, home folders are scrubbed."""

from __future__ import annotations

import pytest

from optbench.report.page.text import rerun_command, scrub, snakemake_command


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
