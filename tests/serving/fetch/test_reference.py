"""Pointers to sources."""

from __future__ import annotations

import pytest

from landcover.errors import DataError
from serving.fetch.reference import Kind, Reference


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Kind.URL, "https://data.example.org/a.tif?t=1"),
        (Kind.FOLDER, "x/a b.tif"),
    ],
)
def test_kept_and_back(kind, place):
    reference = Reference(kind, place)
    assert Reference.of_json(reference.to_json()) == reference
    assert "t=1" not in reference.shown


@pytest.mark.parametrize("place", ["", "/etc/passwd", "../a", "x/../../a", "~/a", "C:/a", "x\\..\\a", "a\0b"])
def test_paths_stay_in_their_folder(place):
    with pytest.raises(DataError):
        Reference(Kind.FOLDER, place)


def test_a_url_is_checked():
    with pytest.raises(DataError):
        Reference(Kind.URL, "file:///a.tif")


def test_links_stay_in_the_folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.tif").write_bytes(b"x")
    (root / "a.tif").write_bytes(b"x")
    (root / "out.tif").symlink_to(tmp_path / "secret.tif")
    (root / "in.tif").symlink_to(root / "a.tif")
    assert Reference(Kind.FOLDER, "in.tif").path_in(root) == (root / "a.tif").resolve()
    with pytest.raises(DataError):
        Reference(Kind.FOLDER, "out.tif").path_in(root)
