"""How far an input is from the training: the figures against numpy on the whole scene, and where they are said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from landcover.grid import Window
from landcover.manifest import BandStatistics
from landcover.scaling import harmonise
from landcover.sensors import Radiometry
from serving import cli
from serving.classify import classify_scene
from serving.degradation import PairInputs, compare_scenes
from serving.drift import sample
from serving.drift.judgement import FEWEST, judge
from serving.drift.sample import SampledScene
from serving.drift.watch import DriftWatch, ImageName
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, MosaicMode, Outputs
from tests.bundles import BANDS, pair_bundle, tiny_manifest
from tests.rasters import write_tiff
from tests.scenes import ArrayScene, smooth_numbers
from tests.service import make_settings, scene_numbers, valid_of, write_scene

TRAINING = {band: BandStatistics(mean=1500, std=700, p01=100, p50=1400, p99=5000) for band in BANDS}


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


def classify(engine, settings, out, source, **changes):
    outputs = Outputs(map=out / "map.tif", areas=out / "areas.json", stac=out / "item.json")
    outcome = classify_scene(Inputs(source=source, **changes), outputs, engine, settings)
    with rasterio.open(outputs.map) as file:
        codes, tags = file.read(1), file.tags()
    item = json.loads(outputs.stac.read_text())
    return outcome, json.loads(outputs.areas.read_text()), item["properties"], codes, tags


def check_band(band, dn, training):
    assert band.mean == pytest.approx(dn.mean(dtype=float))
    assert band.std == pytest.approx(dn.std(dtype=float))
    expected = np.percentile(dn, [0.1, 1, 50, 99], method="inverted_cdf")
    assert [band.darkest, band.p01, band.p50, band.p99] == expected.tolist()
    outside = 100 * np.mean((dn < training.p01) | (dn > training.p99))
    assert band.outside_percent == pytest.approx(outside)
    assert band.shift == pytest.approx((dn.mean(dtype=float) - training.mean) / training.std)
    assert band.floor == pytest.approx((expected[0] - training.p01) / (training.p50 - training.p01))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_figures_are_numpys(dtype):
    random = np.random.default_rng(3)
    dn = random.gamma(4, 300, (4, 5000)).clip(1, 250 if dtype is np.uint8 else 30000).astype(dtype)
    drift = judge(dn, TRAINING, image="x")
    for band, values in zip(drift.bands, dn, strict=True):
        check_band(band, values, TRAINING[band.name])
    assert drift.outside_percent == pytest.approx(np.mean([band.outside_percent for band in drift.bands]))
    assert drift.floor == pytest.approx(np.mean([band.floor for band in drift.bands]))


def test_a_small_scene_is_counted_whole_and_only_where_it_has_data(engine, settings, out, scene):
    dn = scene_numbers()
    outcome, areas, properties, _, tags = classify(engine, settings, out, scene)
    (drift,) = outcome.drift
    assert drift.pixels == valid_of(dn).sum() == outcome.areas.valid_pixels
    for band, values in zip(drift.bands, dn[:, valid_of(dn)], strict=True):
        check_band(band, values, TRAINING[band.name])
    assert not drift.flagged
    assert outcome.warnings == ()
    assert "steppe_drift" not in tags
    said = outcome.to_json()["drift"]
    assert said == areas["drift"] == properties["steppe:drift"]
    assert said["flagged"] is said["images"][0]["flagged"] is False
    assert said["images"][0]["image"] == "scene"
    assert [band["name"] for band in said["images"][0]["bands"]] == list(BANDS)


def test_a_large_scene_is_counted_on_a_regular_grid(monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE_PIXELS", 400)
    dn = smooth_numbers(130, 210)
    valid = np.random.default_rng(0).random(dn.shape[1:]) < 0.7
    scene = SampledScene(ArrayScene(dn, valid=valid))
    scene.catch_up(130)
    pixels, sampled = scene.pixels()
    step = 9  # the root of 130 * 210 / 400, rounded up
    rows, cols = slice(step // 2, None, step), slice(step // 2, None, step)
    assert np.array_equal(pixels, dn[:, rows, cols][:, valid[rows, cols]])
    assert sampled == valid[rows, cols].size <= 400


def test_the_sample_of_a_whole_tile_is_small():
    scene = SampledScene(ArrayScene(np.broadcast_to(np.uint16(7), (4, 10980, 10980))))
    assert 0.9 * sample.SAMPLE_PIXELS < scene._valid_RC.size <= sample.SAMPLE_PIXELS


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 9),
    least=st.integers(1, 300),
    cuts=st.lists(st.integers(0, 70), max_size=6),
    caught=st.integers(0, 70),
)
def test_however_a_scene_is_read_the_sample_is_the_same(height, width, least, cuts, caught):
    dn = np.random.default_rng(1).integers(1, 5000, (2, height, width)).astype(np.uint16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "SAMPLE_PIXELS", least)
        whole, pieces = (SampledScene(ArrayScene(dn, bands=BANDS[:2])) for _ in range(2))
        whole.read(Window(0, 0, height, width))
        for start in cuts:  # in any order, some rows twice, and some columns alone
            if start < height:
                pieces.read(Window(start, 0, min(5, height - start), width))
                pieces.read(Window(start, 0, 1, max(1, width - 1)))
        pieces.catch_up(min(caught, height))
        pieces.catch_up(height)
    assert np.array_equal(whole.pixels()[0], pieces.pixels()[0])
    assert whole.pixels()[1] == pieces.pixels()[1] > 0


def test_what_was_read_is_not_read_again():
    scene = ArrayScene(smooth_numbers(100, 40))
    watched = SampledScene(scene)
    watched.read(Window(32, 0, 32, 40))
    told = []
    watched.catch_up(96, lambda: told.append(1))
    assert [(window.row, window.height) for window in scene.reads] == [(32, 32), (0, 32), (64, 32)]
    assert len(told) == 2


def test_the_sample_is_in_the_models_numbers():
    dn = smooth_numbers(60, 60) + np.uint16(1000)
    manifest = tiny_manifest()
    source = Radiometry(1e-4, -0.1)
    watch = DriftWatch([ArrayScene(dn, radiometry=source)], manifest)
    watch.catch_up(60, lambda: None)
    (drift,) = watch.drifts([ImageName("scene")])
    for band, values in zip(drift.bands, harmonise(dn, source, manifest.radiometry), strict=True):
        check_band(band, values.ravel(), TRAINING[band.name])


@pytest.mark.parametrize(("batch", "tile"), [(1, 64), (3, 96)])
def test_windows_and_batches_do_not_change_the_figures(engine, settings, out, scene, batch, tile):
    plain = classify(engine, settings, out, scene)[0]
    other = classify(engine, settings.model_copy(update={"batch_size": batch, "tile": tile}), out, scene)[0]
    assert other.drift == plain.drift


WRONG = {
    "too dark": lambda dn: np.where(dn, np.maximum(dn // 20, 1), 0),
    "too bright": lambda dn: np.where(dn, np.minimum(dn.astype(int) * 10, 65535), 0),
    "offset": lambda dn: np.where(dn, dn // 4 + 1500, 0),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_input_unlike_the_training_is_said_everywhere(engine, settings, out, tmp_path, wrong):
    dn = WRONG[wrong](scene_numbers()).astype(np.uint16)
    outcome, areas, properties, codes, tags = classify(engine, settings, out, write_scene(tmp_path / "wrong.tif", dn))
    (warning,) = outcome.warnings
    assert warning.startswith("the input is unlike anything that tiny@0.1.0 was trained on: ")
    assert ("its darkest pixels are bright" in warning) == (wrong != "too dark")
    assert ("99th percentile" in warning) == (wrong != "offset")
    assert warning.isascii()
    assert "\n" not in warning
    assert outcome.drift[0].flagged
    assert areas["drift"]["flagged"] is properties["steppe:drift"]["flagged"] is True
    assert tags["steppe_drift"] == warning
    assert ((codes == 255) == ~valid_of(dn)).all()


def test_a_picture_says_it_too(engine, settings, out, tmp_path, scene):
    wrong = write_scene(tmp_path / "wrong.tif", WRONG["too bright"](scene_numbers()).astype(np.uint16))
    said = []
    for source in (scene, wrong):
        outputs = Outputs(map=out / "map.tif", preview=out / "map.png")
        classify_scene(Inputs(source=source), outputs, engine, settings)
        with Image.open(outputs.preview) as picture:
            said.append(picture.info.get("Warning"))
    assert said == [None, "Caution: the image is unlike those the model was trained on"]


def test_a_flag_does_not_change_a_pixel(engine, settings, out, scene, monkeypatch):
    plain = classify(engine, settings, out, scene)
    monkeypatch.setattr("serving.drift.judgement.OUTSIDE_PERCENT", -1)
    flagged = classify(engine, settings, out, scene)
    assert np.array_equal(plain[3], flagged[3])
    assert flagged[4].pop("steppe_drift")
    assert plain[4] == flagged[4]


def test_few_pixels_are_not_judged(engine, settings, out, tmp_path):
    dn = WRONG["too bright"](scene_numbers(30, 30, hole=False)).astype(np.uint16)
    outcome, areas, *_ = classify(engine, settings, out, write_scene(tmp_path / "few.tif", dn))
    assert outcome.drift[0].pixels == 900 < FEWEST
    assert outcome.warnings == ()
    assert areas["drift"]["images"][0]["flagged"] is None
    assert areas["drift"]["flagged"] is False


def test_no_sampled_pixel_with_data():
    drift = judge(np.empty((4, 0), np.uint16), TRAINING, image="x")
    assert (drift.bands, drift.outside_percent, drift.floor, drift.flagged) == ((), None, None, False)
    assert json.dumps(drift.to_json(), allow_nan=False)


def test_a_training_without_spread_does_not_divide_by_it():
    flat = BandStatistics(mean=5, std=0, p01=5, p50=5, p99=5)
    (band,) = judge(np.full((1, 2000), 9, np.uint16), {"B02": flat}, image="x").bands
    assert (band.shift, band.floor, band.outside_percent) == (0, 0, 100)


def test_each_date_is_judged_on_its_own(settings, out, tmp_path):
    good, bad = scene_numbers(), WRONG["too bright"](scene_numbers()).astype(np.uint16)
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    older, younger = (
        write_tiff(tmp_path / f"{day}.tif", dn, names=BANDS, nodata=0, tags=tags | {"datetime": day})
        for day, dn in (("2016-01-20", good), ("2018-03-28", bad))
    )
    pair_bundle(tmp_path / "pairs")
    engine = Engine(open_registry(settings.model_copy(update={"registry": tmp_path / "pairs"})).get("pair"), threads=1)
    outputs = Outputs(map=out / "map.tif", stac=out / "item.json")
    outcome = compare_scenes(
        PairInputs(before=Inputs(source=older), after=Inputs(source=younger)), outputs, engine, settings
    )
    before, after = outcome.drift
    assert (before.role, before.image, before.flagged) == ("before", "2016-01-20.tif", False)
    assert (after.role, after.image, after.flagged) == ("after", "2018-03-28.tif", True)
    (warning,) = outcome.warnings
    assert warning.startswith("'2018-03-28.tif' is unlike anything that pair@0.1.0 was trained on")
    said = json.loads(outputs.stac.read_text())["properties"]["steppe:drift"]
    assert [image["role"] for image in said["images"]] == ["before", "after"]


def test_each_scene_of_a_mean_is_judged_on_its_own(engine, settings, out, tmp_path):
    one = write_scene(tmp_path / "one.tif")
    other = write_scene(tmp_path / "other.tif", WRONG["too bright"](scene_numbers()).astype(np.uint16))
    outcome = classify(engine, settings, out, one, others=(other,), mosaic=MosaicMode.MEAN)[0]
    assert [(drift.image, drift.flagged) for drift in outcome.drift] == [("one.tif", False), ("other.tif", True)]
    (joined,) = classify(engine, settings, out, one, others=(other,))[0].drift
    assert joined.flagged  # one map of both, where the last one has data


def test_a_run_that_goes_on_counts_the_rows_of_the_run_before(engine, settings, out, scene, tmp_path):
    plain = classify(engine, settings, out, scene)

    class Stopped(Exception):
        pass

    def stop(done, _total):
        if done == 2:
            raise Stopped

    outputs = Outputs(map=out / "resumed.tif")
    narrow = settings.model_copy(update={"tile": 64, "overlap": 32})
    arguments = Inputs(source=scene), outputs, engine, narrow
    with pytest.raises(Stopped):
        classify_scene(*arguments, progress=stop, work=tmp_path / "work")
    told = []
    outcome = classify_scene(*arguments, progress=lambda *done: told.append(done), work=tmp_path / "work")
    assert outcome.kept > 0
    assert outcome.drift == plain[0].drift
    assert told[0][0] == 0  # whoever watches can end the reading
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.usefixtures("environment")
def test_the_command_says_it(tmp_path, out, capsys):
    scene = write_scene(tmp_path / "wrong.tif", WRONG["too bright"](scene_numbers()).astype(np.uint16))
    command = ["classify", str(scene), "-o", str(out / "map.tif")]
    assert cli.main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["drift"]["flagged"] is True
    assert "unlike anything" in said["warnings"][0]
    assert cli.main(command) == 0
    assert "unlike anything" in " ".join(capsys.readouterr().err.split())
