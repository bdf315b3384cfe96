"""``steppe keys``: a key is shown once; what is kept of it is not the key."""

from __future__ import annotations

import json
import re

import pytest

from serving.access.keyfile import KeyFile
from serving.access.keys import key_id
from serving.cli import main

KEY = re.compile(r"stp_[a-z2-7]{8}_[a-z2-7]{52}")


@pytest.fixture(autouse=True)
def state(environment, tmp_path):
    """A state folder of its own."""
    environment.setenv("COLUMNS", "200")
    return tmp_path / "state"


def run(capsys, *words):
    """Exit code, standard output and standard error."""
    code = main(["keys", *words])
    out, err = capsys.readouterr()
    return code, out, err


def listed(capsys):
    return json.loads(run(capsys, "list", "--json")[1])


def test_made_listed_and_taken_back(capsys, state):
    code, out, err = run(capsys, "create", "--name", "pipeline", "--expires", "90d", "--scopes", "run,metrics")
    assert (code, KEY.fullmatch(out.strip()) is not None) == (0, True)
    assert "not shown again" in err
    (entry,) = listed(capsys)
    assert entry["id"] == key_id(out.strip())
    assert (entry["name"], entry["scopes"], entry["revoked"]) == ("pipeline", ["metrics", "run"], None)
    assert entry["expires"] > entry["created"]
    table = run(capsys, "list")[1]
    assert "pipeline" in table
    assert "until" in table
    secret = out.strip().rpartition("_")[2]
    assert secret not in table + json.dumps(entry)
    assert not any(secret.encode() in path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert run(capsys, "revoke", entry["id"])[0] == 0
    assert "revoked" in run(capsys, "list")[1]
    assert json.loads(run(capsys, "revoke", entry["id"], "--json")[1])["revoked"] == listed(capsys)[0]["revoked"]


def test_as_json_with_limits(capsys):
    words = ["--name", "[bold]x", "--json", "--pixels-per-minute", "1000", "--max-jobs", "3"]
    document = json.loads(run(capsys, "create", *words)[1])
    assert KEY.fullmatch(document.pop("key"))
    assert listed(capsys) == [document]
    table = run(capsys, "list")[1]
    assert "1,000 px/min, 3 jobs" in table
    assert "[bold]x" in table


def test_a_line_for_a_file(capsys, tmp_path, state):
    code, out, err = run(capsys, "create", "--name", "x", "--entry", "--expires", "8w")
    assert (code, KEY.search(out), KEY.search(err) is not None) == (0, None, True)
    (tmp_path / "keys").write_text(out)
    (key,) = KeyFile(tmp_path / "keys").load()
    assert key.id == key_id(err.strip())
    assert not state.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["create", "--name", ""],
        ["create", "--name", "x" * 101],
        ["create", "--name", "a\nb"],
        ["create", "--name", "x", "--scopes", "run,fly"],
        ["create", "--name", "x", "--scopes", ""],
        ["create", "--name", "x", "--expires", "soon"],
        ["create", "--name", "x", "--expires", "0d"],
        ["create", "--name", "x", "--expires", "99999d"],
        ["create", "--name", "x", "--max-jobs", "0"],
        ["create"],
    ],
)
def test_wrong_use(capsys, words):
    assert run(capsys, *words)[0] == 2
    assert listed(capsys) == []


def test_no_such_key(capsys):
    code, _, err = run(capsys, "revoke", "abcdefgh")
    assert (code, "steppe keys list" in err) == (4, True)
