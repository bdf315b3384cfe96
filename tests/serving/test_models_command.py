"""``steppe models promote``, ``rollback``, ``retire``, ``restore`` and ``history``."""

import json

import pytest

from serving.cli import main
from tests.bundles import tiny_bundle, tiny_graph, tiny_sample


@pytest.fixture
def own(environment, tmp_path):
    """The user's registry folder with three versions, and one that is shipped."""
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        tiny_bundle(tmp_path / "own", version=version)
    tiny_bundle(tmp_path / "zoo", name="shipped")
    environment.setenv("STEPPE_REGISTRY", str(tmp_path / "own"))
    environment.setenv("STEPPE_ZOO", str(tmp_path / "zoo"))
    return tmp_path / "own"


@pytest.fixture
def run(own, capsys):
    """Runs a command; answers its exit code and what it printed."""

    def run(*argv):
        code = main(["models", *argv])
        printed = capsys.readouterr()
        assert str(own.parent) not in printed.err
        return code, printed.out + printed.err

    return run


def listed(run):
    code, out = run("list", "--json")
    assert code == 0
    return {f"{entry['name']}@{entry['version']}": entry for entry in json.loads(out)}


def test_promote_and_roll_back(run):
    assert "0.3.0" in run("show", "tiny", "--json")[1]
    code, said = run("promote", "tiny@0.1.0")
    assert code == 0
    assert said.startswith("tiny@0.1.0: 3 files match their sha256; golden sample reproduced by fp32 on cpu")
    assert said.endswith("; tiny@0.1.0 is the champion\n")
    assert json.loads(run("show", "tiny", "--json")[1])["properties"]["version"] == "0.1.0"
    assert run("promote", "tiny@0.2.0")[0] == 0
    assert listed(run)["tiny@0.2.0"]["champion"]
    assert "champion, ok" in run("list")[1]
    assert run("rollback", "tiny") == (0, "tiny@0.1.0 is the champion\n")
    assert run("rollback", "tiny") == (0, "tiny has no champion, its newest version answers\n")
    assert "nothing to go back to" in run("rollback", "tiny")[1]
    moves = json.loads(run("history", "tiny", "--json")[1])
    assert [move["action"] for move in moves] == ["promote", "promote", "rollback", "rollback"]
    assert "promote  0.2.0" in run("history", "tiny")[1]


def test_retire_and_restore(run):
    assert run("retire", "tiny@0.3.0") == (0, "tiny@0.3.0 is retired\n")
    assert listed(run)["tiny@0.3.0"]["retired"]
    assert json.loads(run("show", "tiny", "--json")[1])["properties"]["version"] == "0.2.0"
    for command in ("show", "verify", "promote"):
        code, said = run(command, "tiny@0.3.0")
        assert (code, "tiny@0.3.0 is retired" in said) == (4, True)
    assert run("restore", "tiny@0.3.0") == (0, "tiny@0.3.0 is in service\n")
    assert run("verify", "tiny@0.3.0")[0] == 0
    assert run("promote", "tiny@0.3.0")[0] == 0
    code, said = run("retire", "tiny@0.3.0")
    assert (code, "is the champion" in said) == (2, True)


def test_the_last_version_that_works_does_not_retire_unnoticed(run, own):
    (own / "tiny" / "0.3.0" / "manifest.json").unlink()
    (own / "tiny" / "0.2.0" / "model.onnx").write_bytes(b"garbage")
    code, said = run("retire", "tiny@0.1.0")
    assert (code, said.count("\n")) == (2, 1)
    assert "tiny@0.1.0 is the only version in service that works" in said
    assert not listed(run)["tiny@0.1.0"]["retired"]
    assert run("retire", "tiny@0.2.0")[0] == 0  # broken itself: nothing is lost
    assert run("retire", "tiny@0.1.0", "--last") == (0, "tiny@0.1.0 is retired\n")
    assert run("retire", "tiny@0.1.0") == (0, "tiny@0.1.0 is retired\n")
    code, said = run("show", "tiny")
    assert (code, "0.2.0, 0.1.0 retired" in said, "steppe models restore" in said) == (4, True, True)
    assert run("retire", "shipped@0.1.0")[0] == 2


def test_a_shipped_model_has_a_champion_too(run, own):
    assert run("promote", "shipped@0.1.0")[0] == 0
    assert (own / ".aliases" / "shipped.json").is_file()
    assert not (own / "shipped").exists()


def test_what_does_not_run_is_not_promoted(run, own):
    graph = tiny_graph(seed=4)
    tiny_bundle(own, version="0.4.0", graph=graph, sample=tiny_sample(tiny_graph(seed=5)))
    (tiny_bundle(own, version="0.5.0").path / "card.md").write_text("another")
    for version, says in (("0.4.0", "differs from its golden output"), ("0.5.0", "card.md")):
        code, said = run("promote", f"tiny@{version}")
        assert (code, says in said) == (4, True)
    assert run("history", "tiny") == (0, "")


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (("promote", "tiny"), 2, "expected is NAME@VERSION"),
        (("promote", "tiny@champion"), 2, "expected is NAME@VERSION"),
        (("retire", "../tiny@1"), 2, "expected is NAME@VERSION"),
        (("promote", "tiny@9"), 4, "is not in the registry"),
        (("retire", "tiny@9"), 4, "has no version 9; there is: 0.3.0, 0.2.0, 0.1.0"),
        (("retire", "other@9"), 4, "is not in the registry"),
        (("restore", "tiny@0.1.0"), 2, "is not retired"),
        (("rollback", "other"), 4, "is not in the registry"),
        (("rollback", "../x"), 4, "is not in the registry"),
        (("history", "other"), 4, "is not in the registry"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_one_line(run, argv, code, says):
    found, said = run(*argv)
    assert (found, says in said, said.count("\n")) == (code, True, 1), said


def test_a_damaged_file_is_said(run, own):
    (own / ".aliases").mkdir()
    (own / ".aliases" / "tiny.json").write_text("{")
    for argv in (("promote", "tiny@0.1.0"), ("rollback", "tiny"), ("history", "tiny")):
        code, said = run(*argv)
        assert (code, "put the file back" in said) == (4, True)


def test_without_a_registry_folder_of_ones_own(run, environment):
    environment.delenv("STEPPE_REGISTRY")
    code, said = run("promote", "shipped@0.1.0")
    assert (code, "set STEPPE_REGISTRY" in said) == (4, True)
