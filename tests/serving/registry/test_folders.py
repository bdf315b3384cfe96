"""Finding bundles: newest first, own before shipped, broken ones visible but harmless."""

import pytest

from landcover.bundle import version_key
from landcover.errors import BundleInvalid, ModelNotFound
from serving.registry.folders import Registry
from tests.bundles import tiny_bundle


def test_versions_sort_by_value_and_prereleases_come_first():
    versions = ["0.9.0", "0.10.0", "1.0.0-rc1", "1.0.0", "1.0.0-rc2", "0.2"]
    assert sorted(versions, key=version_key) == ["0.2", "0.9.0", "0.10.0", "1.0.0-rc1", "1.0.0-rc2", "1.0.0"]


def test_newest_version_is_the_default(tmp_path):
    for version in ("0.2.0", "0.10.0", "0.9.0"):
        tiny_bundle(tmp_path, version=version)
    registry = Registry(tmp_path)
    assert registry.get("tiny").manifest.version == "0.10.0"
    assert registry.get("tiny@0.9.0").manifest.version == "0.9.0"
    assert [entry.version for entry in registry.entries()] == ["0.10.0", "0.9.0", "0.2.0"]


def test_own_folder_wins_over_the_zoo(tmp_path):
    own = tiny_bundle(tmp_path / "own", title="mine")
    tiny_bundle(tmp_path / "zoo", title="shipped")
    assert Registry(tmp_path / "own", tmp_path / "zoo").get("tiny") == own


def test_a_broken_bundle_is_listed_and_hides_nothing(tmp_path):
    tiny_bundle(tmp_path, version="0.1.0")
    broken = tiny_bundle(tmp_path, version="0.2.0")
    (broken.path / "manifest.json").write_text("{}")
    registry = Registry(tmp_path)
    assert [(entry.version, entry.problem is None) for entry in registry.entries()] == [
        ("0.2.0", False),
        ("0.1.0", True),
    ]
    assert registry.get("tiny").manifest.version == "0.1.0"
    with pytest.raises(BundleInvalid, match="not a Steppe model manifest"):
        registry.get("tiny@0.2.0")


@pytest.mark.parametrize("reference", ["other", "tiny@9", "../tiny", "tiny@../0.1.0", "", "@", "tiny\x00", "x" * 5000])
def test_unknown_models_are_named_with_what_there_is(tmp_path, reference):
    tiny_bundle(tmp_path)
    with pytest.raises(ModelNotFound, match=r"there is: tiny@0\.1\.0") as refused:
        Registry(tmp_path, tmp_path / "absent").get(reference)
    assert len(str(refused.value)) < 300


def test_folders_that_are_no_models_are_ignored(tmp_path):
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / ".cache" / "x").mkdir(parents=True)
    (tmp_path / "Upper" / "1").mkdir(parents=True)
    assert Registry(tmp_path).entries() == []
