"""What is asked of the processors, where the system does not answer, too."""

import os

import pytest

from landcover.processors import available_processors, instructions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: A\nflags\t\t: fpu avx2 avx512_vnni fma avx2x\n", ("avx2", "fma", "avx512_vnni")),
        ("Features\t: fp asimd i8mm\n", ("asimd", "i8mm")),
        ("nothing of the kind", ()),
    ],
)
def test_instructions_by_the_kernels_list(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert instructions(tmp_path / "cpuinfo") == expected
    assert instructions(tmp_path / "absent") == ()


def test_processors_where_the_system_keeps_no_list_of_them(monkeypatch):
    assert available_processors() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_processors() == 1
