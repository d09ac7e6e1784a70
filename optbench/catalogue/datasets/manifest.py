"""What is known of a prepared data set without loading it (no torch, no numpy)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.core.specs import DatasetSpec


def read_manifest(name: str, data_folder: Path) -> dict[str, Any]:
    """data/<name>/manifest.json; one that says `unavailable` where there is none."""
    file = data_folder / name / "manifest.json"
    if not file.exists():
        return {"name": name, "status": "unavailable", "reason": "it has not been prepared"}
    manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return manifest


def is_prepared(spec: DatasetSpec, data_folder: Path, digest: str) -> bool:
    """Whether the data set lies ready, from the very files that `spec` names and read as today.

    Args:
        spec: the data set.
        data_folder: where prepared data lies.
        digest: what `optbench.cells.data.data_digests` gives for it.
    """
    manifest = read_manifest(spec.name, data_folder)
    return manifest["status"] == "ready" and not is_outdated(spec, data_folder, digest)


def is_outdated(spec: DatasetSpec, data_folder: Path, digest: str) -> bool:
    """Whether there is a manifest, of other files or read and cut otherwise; one that does not say is."""
    if not (data_folder / spec.name / "manifest.json").exists():
        return False
    manifest = read_manifest(spec.name, data_folder)
    return (manifest.get("fingerprint", ""), manifest.get("digest", "")) != (spec.fingerprint, digest)
