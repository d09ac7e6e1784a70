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


def is_prepared(spec: DatasetSpec, data_folder: Path) -> bool:
    """Whether the data set lies ready, from the very files that `spec` names."""
    manifest = read_manifest(spec.name, data_folder)
    return bool(manifest["status"] == "ready" and manifest.get("fingerprint", "") == spec.fingerprint)
