"""What a source file says is kept by its content, and a cache that is lost or spoilt changes no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from optbench.cells import source
from optbench.cells.slices import code_digest
from optbench.cells.source import SourceCode, read_source_code


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder of its own, as a new process would meet it."""
    monkeypatch.setattr(source, "user_cache_path", lambda name: tmp_path / "cache" / name)
    source._cache.cache_clear()
    yield tmp_path / "cache" / "optbench"
    source._cache.cache_clear()


def new_process() -> None:
    source._cache.cache_clear()


def write(folder: Path, text: str) -> Path:
    file = folder / "plugin.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_relative_imports_are_named_from_the_package_they_stand_in() -> None:
    told = SourceCode("", ("math", "beside", ".", ".near", "..far", "..far.thing"))
    assert list(told.imported("top.middle")) == [
        "math",
        "beside",
        "top.middle",
        "top.middle.near",
        "top.far",
        "top.far.thing",
    ]
    assert list(told.imported("")) == ["math", "beside", "near", "far", "far.thing"]


def test_what_was_parsed_once_is_not_parsed_by_the_next_process(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "import math\nfrom . import near\nX = 1\n")
    before = code_digest(("plugin",), tmp_path)
    told = read_source_code(file)
    assert told.imports == ("math", ".", ".near")
    new_process()
    parsed = []
    monkeypatch.setattr(source, "parse", lambda *given: parsed.append(given))
    assert read_source_code(file) == told
    assert code_digest(("plugin",), tmp_path) == before
    assert not parsed


def test_an_edit_within_the_same_moment_is_seen(tmp_path: Path, cache: Path) -> None:
    before = code_digest(("plugin",), tmp_path) if write(tmp_path, "X = 1\n") else ""
    new_process()
    write(tmp_path, "X = 2\n")
    assert code_digest(("plugin",), tmp_path) != before


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b'{"a": ["b"]}', b"\xff\xfe"])
def test_a_spoilt_cache_is_as_none(tmp_path: Path, cache: Path, content: bytes) -> None:
    write(tmp_path, "X = 1\n")
    before = code_digest(("plugin",), tmp_path)
    (kept,) = cache.iterdir()
    good = kept.read_bytes()
    new_process()
    kept.write_bytes(content)
    assert code_digest(("plugin",), tmp_path) == before
    assert json.loads(kept.read_bytes()) == json.loads(good)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    write(tmp_path, "X = 1\n")
    assert code_digest(("plugin",), tmp_path) == code_digest(("plugin",), tmp_path)


def kept(cache: Path) -> dict[str, SourceCode]:
    return {key: source._from_text(text) for key, text in source._from_disk(cache / "sources.json").items()}


def test_processes_side_by_side_add_to_each_other(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (source._Cache(cache / "sources.json") for _ in range(2))
    one.met["a"] = SourceCode("1", ("math",))
    two.met["b"] = SourceCode("2", ())
    one.save()
    two.save()
    assert kept(cache) == {"a": SourceCode("1", ("math",)), "b": SourceCode("2")}
    # One that has grown past its limit begins anew with what this process met.
    monkeypatch.setattr(source, "KEPT", 2)
    three = source._Cache(cache / "sources.json")
    three.met["c"] = SourceCode("3", ())
    three.save()
    assert kept(cache) == {"c": SourceCode("3")}
