"""Test-time augmentation through the doors of the service."""

import json

import numpy as np
import pytest
import rasterio

from landcover.augmentation import Augmentation
from landcover.raster.maps import read_map
from serving.classify import classify_scene
from serving.cli import main
from serving.engine import Engine
from serving.request import Inputs, Outputs
from tests.bundles import tiny_bundle
from tests.service import left_in, scene_numbers, valid_of

pytestmark = pytest.mark.usefixtures("environment")


class ByHand:
    """An engine that averages over the flips in a loop of its own."""

    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def run(self, dn_NBHW):
        flips = [(), (2,), (3,), (2, 3)]
        answers = [np.flip(self._engine.run(np.flip(dn_NBHW, axes).copy()), axes) for axes in flips]
        return np.mean(answers, axis=0, dtype=np.float64).astype(np.float32)


def test_the_map_is_that_of_averaged_windows(tmp_path, settings, scene):
    bundle = tiny_bundle(tmp_path / "own")
    plain, flips = (
        Engine(bundle, provider="cpu", augmentation=kind) for kind in (Augmentation.NONE, Augmentation.FLIPS)
    )
    maps = {}
    for name, engine in (("plain", plain), ("flips", flips), ("hand", ByHand(plain))):
        outputs = Outputs(map=tmp_path / f"{name}.tif", confidence=tmp_path / f"{name}_c.tif")
        classify_scene(Inputs(source=scene), outputs, engine, settings)
        maps[name] = np.stack([read_map(path)[0] for path in (outputs.map, outputs.confidence)])
    assert np.mean(maps["flips"] != maps["hand"]) < 1e-3  # a tie may be rounded the other way
    assert np.mean(maps["flips"] != maps["plain"]) > 0.1
    assert np.array_equal(maps["flips"][0] == 255, ~valid_of(scene_numbers()))


def test_a_flipped_window_gives_the_flipped_answer(tmp_path):
    engine = Engine(tiny_bundle(tmp_path), provider="cpu", augmentation=Augmentation.D4)
    dn = np.random.default_rng(3).integers(0, 9000, (2, 4, 32, 64)).astype(np.uint16)
    answer = engine.run(dn)
    np.testing.assert_allclose(engine.run(dn[..., ::-1]), answer[..., ::-1], atol=1e-6)
    np.testing.assert_allclose(engine.run(np.rot90(dn, axes=(2, 3))), np.rot90(answer, axes=(2, 3)), atol=1e-6)
    assert engine.self_test() < 1e-5  # the golden sample was answered without turns


def test_products_say_what_was_averaged(environment, scene, out, capsys):
    words = ["classify", str(scene), "-o", str(out / "map.tif"), "--stac", str(out / "item.json")]
    for chosen, expected in ((["--tta", "flips"], "flips"), ([], "none")):
        assert main([*words, *chosen, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["tta"] == expected
        with rasterio.open(out / "map.tif") as dataset:
            assert dataset.tags()["steppe_tta"] == expected
        assert json.loads((out / "item.json").read_text())["properties"]["steppe:tta"] == expected
    environment.setenv("STEPPE_TTA", "d4")
    assert main(words) == 0
    assert "in fp32, test-time augmentation d4" in capsys.readouterr().out


def test_what_is_no_augmentation_is_wrong_use(environment, scene, out, capsys):
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--tta", "spins"]) == 2
    environment.setenv("STEPPE_TTA", "spins")
    assert main(["classify", str(scene), "-o", str(out / "map.tif")]) == 4
    assert "STEPPE_TTA" in capsys.readouterr().err
    assert left_in(out) == []
