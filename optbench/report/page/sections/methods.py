"""Where the numbers come from: software, machine, data, seeds and the study file, as lists of facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from optbench.core.provenance import PROVENANCE
from optbench.core.words import count, listing, number, shortened
from optbench.report.page.context import Content
from optbench.report.page.text import scrub, whole_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView

NAMES: Final = {
    "cpu": "CPU",
    "label": "name",
    "memory_gib": "memory (GiB)",
    "n_classes": "classes",
    "python": "Python",
    "sha256": "SHA-256",
    "sizes.train": "training examples",
    "sizes.validation": "validation examples",
    "sizes.test": "test examples",
    "split_seed": "seed of the split",
    "versions.numpy": "made with numpy",
    "versions.scikit-learn": "made with scikit-learn",
    "versions.mlxtend": "made with mlxtend",
}
"""What the page calls facts whose keys are a program's."""

LONGEST_FACT: Final = 2000
LONGEST_FILE: Final = 200_000
"""Characters of a fact and of the study file that the page holds."""

Facts = tuple[tuple[str, str], ...]
"""Names and texts."""


@dataclass(frozen=True)
class Methods:
    """Where the numbers come from.

    Attributes:
        line: provenance in one line, for the head of the page.
        run: how the study was run.
        versions: of the software.
        machine: it ran on.
        datasets: facts of each data set by name.
        specs: (kind, name, label, what it is) of everything the study names.
        config_path: the study file's path.
        config_text: its text.
        mixed: sentences on traces that were not made alike.
    """

    line: str
    run: Facts
    versions: Facts
    machine: Facts
    datasets: tuple[tuple[str, Facts], ...]
    specs: tuple[tuple[str, str, str, str], ...]
    config_path: str
    config_text: str
    mixed: tuple[str, ...]


@dataclass(frozen=True)
class MethodsSection:
    """The Methods and provenance section.

    Attributes:
        facts: where the numbers come from.
        absent: the sections that this study has nothing for, in words; "" where it has all.
        name: of the study in paths.
    """

    facts: Methods
    absent: str
    name: str


def section(page: PageContext) -> Content:
    """Return the section, which also says which other sections the page lacks."""
    absent = [each.absent for each in page.sections if each.absent and page.content(each.id) is None]
    return Content(MethodsSection(methods(page.study), listing(absent), page.name))


def methods(study: StudyView) -> Methods:
    """Return what study.json knows; what it does not know is left out, not made up."""
    facts = study.facts
    provenance: dict[str, Any] = facts.get("provenance") or {}
    versions, machine = provenance.get("versions") or {}, provenance.get("machine") or {}
    seeds = [str(seed) for seed in facts.get("seeds") or ()]
    origin = {fact.label: scrub(fact.text(provenance)) for fact in PROVENANCE if fact.label}
    run = [
        ("command", whole_command(str(facts.get("config_path") or ""))),
        *origin.items(),
        ("execution", _execution(facts.get("execution") or ())),
        ("seeds", ", ".join(seeds)),
        ("error of the page", _text((facts.get("report") or {}).get("error"))),
        ("practical threshold", _text((facts.get("report") or {}).get("threshold"))),
        ("equal within", _text((facts.get("report") or {}).get("equal_within"))),
    ]
    return Methods(
        line=_line(versions, machine, origin["commit"], seeds),
        run=tuple((name, text) for name, text in run if text),
        versions=_facts(versions),
        machine=_facts(machine),
        datasets=tuple(
            (str(name), _facts(_brief(manifest or {"status": "no manifest"})))
            for name, manifest in sorted((facts.get("datasets") or {}).items())
        ),
        specs=tuple(_specs(study)),
        config_path=scrub(str(facts.get("config_path") or "")),
        config_text=shortened(
            scrub(str(facts.get("config_text") or "")), LONGEST_FILE, "the study file itself has them"
        ),
        mixed=tuple(_brought(str(sentence)) for sentence in facts.get("mixed") or ()),
    )


def _execution(ways: Iterable[Mapping[str, Any]]) -> str:
    """Which cells were trained alone, which with other seeds as one model (docs/why/batched-seeds.md)."""
    return "; ".join(
        f"{count(way['cells'], 'cell')} {way['how']}{' (' + way['why'] + ')' if way['why'] else ''}"
        for way in ways
    )


def _brief(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what only a program reads; the whole one lies beside the data."""
    return {key: value for key, value in manifest.items() if key not in ("name", "files", "dtypes", "shapes")}


def _line(versions: Mapping[str, str], machine: Mapping[str, Any], state: str, seeds: list[str]) -> str:
    parts = [
        f"optbench {versions['optbench']}" if "optbench" in versions else "",
        f"commit {state}" if state else "",
        f"torch {versions['torch']}" if "torch" in versions else "",
        f"Python {versions['python']}" if "python" in versions else "",
        scrub(str(machine.get("cpu") or "")),
        count(int(machine["cores"]), "core") if machine.get("cores") else "",
        f"{count(len(seeds), 'seed')}: {listing(seeds, 8)}" if seeds else "",
    ]
    return " · ".join(part for part in parts if part)


def _specs(study: StudyView) -> Iterator[tuple[str, str, str, str]]:
    for kind in ("workloads", "optimizers", "schedules"):
        for name in getattr(study, kind):
            factory = str(study.fact(kind, name, "factory") or "")
            settings = study.fact(kind, name, "settings") or {}
            overrides = study.fact(kind, name, "overrides") or {}
            lr = study.fact(kind, name, "lr")
            words = [f"{key}={_text(value)}" for key, value in {**settings, **overrides}.items()]
            if lr is not None:
                words.insert(0, f"lr={_text(lr)}")
            if not factory and kind == "schedules":
                factory = "constant learning rate"
            yield kind[:-1], str(name), study.label(kind, name), _brought(" ".join([factory, *words]).strip())


def _facts(values: Mapping[str, Any], prefix: str = "") -> Facts:
    """Flatten a mapping into names and texts; nested names are joined by a dot, nulls are left out."""
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found += _facts(value, f"{name}.")
        elif value is not None and value != "":
            found.append((NAMES.get(name, name.replace("_", " ").replace(".", ", ")), _brought(_text(value))))
    return tuple(found)


def _brought(text: str) -> str:
    """A text that the study or its runs brought along, home folders scrubbed, both ends of a long one."""
    return shortened(scrub(text), LONGEST_FACT, "tables/study.json has them")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, 6)
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)
