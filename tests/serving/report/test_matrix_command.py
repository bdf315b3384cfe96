"""``steppe report matrix``: what it writes is what ``--matrix`` reads."""

from __future__ import annotations

import pytest

from indicators.transition_files import read_matrix
from indicators.transitions import UNCCD7_TRANSITIONS
from serving.cli import main


@pytest.mark.parametrize("form", ["csv", "json", "trends-earth"])
def test_every_form_is_read_again(tmp_path, form, capsys):
    out, again = tmp_path / "matrix.txt", tmp_path / "again.csv"
    assert main(["report", "matrix", "-o", str(out), "--form", form]) == 0
    found = read_matrix(out)
    assert (found.signs, found.unlikely) == (UNCCD7_TRANSITIONS.signs, UNCCD7_TRANSITIONS.unlikely)
    assert main(["report", "matrix", str(out), "-o", str(again)]) == 0
    assert read_matrix(again).signs == UNCCD7_TRANSITIONS.signs
    assert capsys.readouterr().out == ""


def test_what_is_refused(tmp_path, capsys):
    out = tmp_path / "matrix.csv"
    assert main(["report", "matrix", "-o", str(out)]) == 0
    lines = out.read_text().splitlines()
    out.write_text("\n".join(lines[:-1]))
    assert main(["report", "matrix", str(out)]) == 4
    assert "7" in capsys.readouterr().err
    assert main(["report", "matrix", str(tmp_path / "none.csv")]) == 4
    assert main(["report", "matrix"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
