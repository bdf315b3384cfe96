"""Champions and retired versions: small files that are whole or as they were."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from landcover.errors import ConfigError, DiskFull, ModelNotFound, WrongUse
from serving.registry import aliases as module
from serving.registry.aliases import Aliases, AliasFiles
from serving.registry.folders import Registry
from serving.registry.words import AliasesDamaged, ModelRetired
from tests.bundles import tiny_bundle
from tests.service import left_in


@pytest.fixture
def files(tmp_path):
    return AliasFiles(tmp_path / "own")


def test_promotions_are_taken_back_one_by_one(files):
    there = ["1", "2", "3"]
    for version in ("1", "2", "2", "3"):
        files.change("tiny", lambda said, version=version: said.promoted(version))
    assert files.read("tiny").champion == "3"
    for champion in ("2", "1", None):
        assert files.change("tiny", lambda said: said.rolled_back(there)).champion == champion
    with pytest.raises(WrongUse, match="nothing to go back to"):
        files.change("tiny", lambda said: said.rolled_back(there))
    moves = [(move.action, move.version) for move in files.read("tiny").moves]
    assert moves == [
        ("promote", "1"),
        ("promote", "2"),
        ("promote", "3"),
        ("rollback", "2"),
        ("rollback", "1"),
        ("rollback", None),
    ]
    assert all(move.time.startswith("20") and move.time.endswith("+00:00") for move in files.read("tiny").moves)


def test_a_rollback_passes_over_what_cannot_answer():
    said = Aliases()
    for version in ("1", "2", "3", "4"):
        said = said.promoted(version)
    said = said.with_retired("3")
    assert said.rolled_back(["1", "3", "4"]).champion == "1"
    assert said.rolled_back([]).champion is None


def test_a_champion_does_not_retire_and_a_retired_version_is_not_promoted():
    said = Aliases().promoted("1")
    with pytest.raises(WrongUse, match="version 1 is the champion"):
        said.with_retired("1")
    said = said.with_retired("2")
    assert said.with_retired("2") is said
    with pytest.raises(ModelRetired, match="version 2 is retired"):
        said.promoted("2")
    assert said.with_restored("2").promoted("2").champion == "2"
    with pytest.raises(WrongUse, match="version 3 is not retired"):
        said.with_restored("3")


def test_histories_do_not_grow_without_end():
    said = Aliases()
    for number in range(300):
        said = said.promoted(str(number))
    assert (len(said.moves), len(said.champions), said.champion) == (100, 20, "299")


def test_what_is_written_is_read_again_and_nothing_else_is_left(files, tmp_path):
    said = files.change("tiny", lambda said: said.promoted("1").with_retired("0"))
    assert files.read("tiny") == said
    assert left_in(tmp_path / "own") == [".aliases", ".aliases/tiny.json"]
    assert json.loads((tmp_path / "own" / ".aliases" / "tiny.json").read_text())["champions"] == ["1"]
    assert files.read("other") == Aliases()
    before = files.marks()
    files.change("tiny", lambda said: said.promoted("1"))
    assert files.marks() == before
    files.change("tiny", lambda said: said.promoted("2"))
    assert files.marks() != before


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_write_that_fails_leaves_what_was_there(files, tmp_path, monkeypatch, step):
    said = files.change("tiny", lambda said: said.promoted("1"))

    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    where = "pathlib.Path.write_text" if step == "write" else "landcover.staging.flush"
    monkeypatch.setattr(where, full)
    with pytest.raises(DiskFull, match="no room to write"):
        files.change("tiny", lambda said: said.promoted("2"))
    monkeypatch.undo()
    assert files.read("tiny") == said
    assert left_in(tmp_path / "own") == [".aliases", ".aliases/tiny.json"]


def test_changes_made_at_the_same_time_are_all_kept(tmp_path):
    def change(number):
        AliasFiles(tmp_path / "own").change("tiny", lambda said: said.with_retired(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(40)))
    assert set(AliasFiles(tmp_path / "own").read("tiny").retired) == {str(number) for number in range(40)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"champions": ["../../x"]}',
        b'{"champions": "1"}',
        b'{"moves": [{"time": 1}]}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
    ids=["empty", "cut", "list", "binary", "path", "text", "moves", "deep", "long"],
)
def test_a_damaged_file_is_said_and_left_as_it_is(files, tmp_path, content):
    path = tmp_path / "own" / ".aliases" / "tiny.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for use in (lambda: files.read("tiny"), lambda: files.change("tiny", lambda said: said.promoted("1"))):
        with pytest.raises(AliasesDamaged, match="put the file back from a copy, or remove it") as refused:
            use()
        assert str(tmp_path) not in str(refused.value)
    assert path.read_bytes() == content


def test_without_a_folder_of_ones_own_nothing_can_be_said():
    files = AliasFiles(None)
    assert (files.read("tiny"), files.marks()) == (Aliases(), {})
    with pytest.raises(ConfigError, match="set STEPPE_REGISTRY"):
        files.change("tiny", lambda said: said.promoted("1"))


def test_names_that_are_no_models_are_passed_over(files, tmp_path):
    files.change("tiny", lambda said: said.promoted("1"))
    for name in ("README.md", "Upper.json", ".hidden.json"):
        (tmp_path / "own" / ".aliases" / name).write_text("x")
    assert list(files.marks()) == ["tiny"]


def test_the_registry_of_a_command_follows_them(tmp_path):
    files = AliasFiles(tmp_path)
    for version in ("1", "2", "3"):
        tiny_bundle(tmp_path, version=version)
    registry = Registry(tmp_path, aliases=files)
    assert registry.get("tiny").manifest.version == "3"
    with pytest.raises(ModelNotFound, match="has no champion"):
        registry.get("tiny@champion")
    files.change("tiny", lambda said: said.with_retired("3"))
    assert registry.get("tiny").manifest.version == "2"
    with pytest.raises(ModelRetired, match="tiny@3 is retired"):
        registry.get("tiny@3")
    files.change("tiny", lambda said: said.promoted("1"))
    assert registry.get("tiny").manifest.version == registry.get("tiny@champion").manifest.version == "1"
    marks = {entry.version: (entry.champion, entry.retired) for entry in registry.entries()}
    assert marks == {"1": (True, False), "2": (False, False), "3": (False, True)}
    files.change("tiny", lambda said: said.promoted("9"))
    with pytest.raises(ModelNotFound, match="'tiny@9' is not in the registry"):
        registry.get("tiny")
    (tmp_path / module.FOLDER / "tiny.json").write_text("{")
    assert registry.get("tiny").manifest.version == "3"
