"""Sources, and the readers that hold them open."""

import os

import pytest

from landcover.grid import Window
from serving.reader.errors import ReaderEnded
from serving.tiles.errors import SourceNotFound
from serving.tiles.scenes import OpenScenes
from serving.tiles.sources import SourceFolder
from tests.bundles import tiny_manifest
from tests.scenes import smooth_numbers
from tests.service import write_scene
from tests.serving.tiles.test_blocks import Opener


@pytest.fixture
def folder(tmp_path):
    """Three scenes, and what is none."""
    for name in ("a.tif", "b.tif", "c.TIFF", ".hidden.tif", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "bands").mkdir()
    (tmp_path / "bands" / "B02.jp2").touch()
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_sources_are_the_entries_of_the_folder(folder):
    sources = SourceFolder(folder)
    assert sources.names() == ["a.tif", "b.tif", "bands", "c.TIFF"]
    assert sources.find("bands").place == folder / "bands"
    for name in ("..", ".hidden.tif", ".git", "a.tif/", "bands/B02.jp2", "", "a\0.tif", "nothing.tif", "/etc/passwd"):
        with pytest.raises(SourceNotFound):
            sources.find(name)
    assert SourceFolder(None).names() == []
    assert SourceFolder(folder / "gone").names() == []


def test_links_that_lead_out_lead_nowhere(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.tif"
    outside.touch()
    (folder / "link.tif").symlink_to(outside)
    with pytest.raises(SourceNotFound):
        SourceFolder(folder).find("link.tif")


def test_a_stamp_tells_every_change(folder):
    sources = SourceFolder(folder)
    seen = {sources.find("bands").stamp}
    (folder / "bands" / "B03.jp2").touch()
    seen.add(sources.find("bands").stamp)
    (folder / "bands" / "B03.jp2").write_text("longer")
    seen.add(sources.find("bands").stamp)
    os.utime(folder / "bands" / "B02.jp2", ns=(1, 1))
    seen.add(sources.find("bands").stamp)
    assert len(seen) == 4
    assert sources.find("bands").stamp in seen


def test_scenes_stay_open_up_to_a_limit_and_a_while(folder):
    now, opener, manifest = [0.0], Opener(data=smooth_numbers(64, 64)), tiny_manifest()
    scenes = OpenScenes(opener, limit=2, idle_s=10, clock=lambda: now[0])
    sources = SourceFolder(folder)

    def touch(name):
        with scenes.use(sources.find(name), manifest) as scene:
            return scene

    first = touch("a.tif")
    assert touch("a.tif") is first
    touch("b.tif")
    touch("a.tif")
    touch("c.TIFF")
    assert [scene.closed for scene in opener.opened] == [False, True, False]
    now[0] = 10.0
    touch("c.TIFF")
    scenes.close_idle()
    assert [scene.closed for scene in opener.opened] == [True, True, False]
    with scenes.use(sources.find("b.tif"), manifest) as held:
        scenes.close()
        assert not held.closed
    assert all(scene.closed for scene in opener.opened)
    assert len(scenes) == 0


def test_another_reader_takes_over_when_one_ends(tmp_path, readers):
    write_scene(tmp_path / "scene.tif")
    scenes, manifest = OpenScenes(readers, limit=1, idle_s=60), tiny_manifest()
    source = SourceFolder(tmp_path).find("scene.tif")

    def read():
        return scenes.read(source, manifest, lambda _: Window(0, 0, 8, 8))

    first, block = read()
    assert read()[0] is first
    first.reader.end()
    second, again = read()
    assert second is not first
    assert (again.data == block.data).all()
    second.reader.end()
    with pytest.raises(ReaderEnded), scenes.use(source, manifest) as scene:
        scene.read(Window(0, 0, 8, 8))
    assert len(scenes) == 0
    scenes.close()
