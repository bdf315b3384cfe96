"""One scene, files to files: the same map however it is computed and however the input is stored."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import rasterio
from affine import Affine

from landcover.errors import (
    ConfigError,
    NoValidData,
    ProviderUnavailable,
    RasterChanged,
    RasterTooLarge,
    RasterUnreadable,
    ResolutionMismatch,
)
from landcover.raster.multiband import MultibandScene
from landcover.tiling import MARGIN, TilePlan, mirror
from serving.classify import classify_opened, classify_scene, open_checked
from serving.engine import Engine
from serving.engines import loading
from serving.outputs import quicklook
from serving.pipeline import Order
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.sources import Sources, open_input
from tests.bundles import BANDS
from tests.rasters import north_up, write_band_folder
from tests.scenes import as_shown
from tests.service import left_in, make_settings, scene_numbers, valid_of, write_scene


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


@pytest.fixture
def classify(engine, settings, out):
    """Classifies a file; answers map, confidence and outcome."""

    def run(source, stem="map", **changes):
        keywords = {
            key: changes.pop(key) for key in ("bands", "level", "product", "name", "max_pixels") & changes.keys()
        }
        outputs = Outputs(map=out / f"{stem}.tif", confidence=out / f"{stem}_confidence.tif")
        outcome = classify_scene(
            Inputs(source=source, **keywords), outputs, engine, settings.model_copy(update=changes)
        )
        with rasterio.open(outputs.map) as codes, rasterio.open(outputs.confidence) as confidence:
            return codes.read(1), confidence.read(1), outcome

    return run


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_the_map_does_not_depend_on_the_batch_size(classify, scene, batch_size):
    codes, confidence, _ = classify(scene, "two", batch_size=2)
    other_codes, other_confidence, _ = classify(scene, "other", batch_size=batch_size)
    np.testing.assert_array_equal(codes, other_codes)
    np.testing.assert_array_equal(confidence, other_confidence)


def test_the_seam_score_is_that_of_the_windows_alone(classify, engine, scene):
    """Against the windows of this scene, one by one, without streaming and blending."""
    _, _, outcome = classify(scene, tile=64, overlap=32)
    dn, valid = scene_numbers(), valid_of(scene_numbers())
    plan = TilePlan(*valid.shape, 64, 32, MARGIN)
    answers = np.full((len(list(plan.windows())), plan.padded_height + 64, plan.padded_width + 64), -1)
    rows, cols = (mirror(-MARGIN, side + MARGIN + 64, side) for side in valid.shape)
    padded, count = dn[:, rows][:, :, cols], len(plan.cols.origins)
    for number, window in enumerate(plan.windows()):
        shown = as_shown(padded[:, window.rows, window.cols])
        answers[number, window.rows, window.cols] = engine.run(shown[None])[0].argmax(0)
    pixels = different = 0
    inside = slice(MARGIN, MARGIN + valid.shape[0]), slice(MARGIN, MARGIN + valid.shape[1])
    for number in range(len(answers)):
        for other in ([number + 1] if (number + 1) % count else []) + [number + count]:
            if other < len(answers):
                one, two = answers[number][inside], answers[other][inside]
                shared = (one >= 0) & (two >= 0) & valid
                pixels, different = pixels + shared.sum(), different + (shared & (one != two)).sum()
    assert (outcome.seams.pixels, outcome.seams.different) == (pixels, different)
    assert pixels > 0
    assert outcome.to_json()["seams"]["shared_pixels"] == pixels
    assert f"differ on {100 * different / pixels:.2f} % of their shared pixels" in outcome.summary()


def test_nodata_and_confidence(classify, scene):
    codes, confidence, outcome = classify(scene)
    valid = valid_of(scene_numbers())
    np.testing.assert_array_equal(codes != 255, valid)
    np.testing.assert_array_equal(confidence != 255, valid)
    assert set(np.unique(codes[valid])) <= set(range(1, 8))
    assert confidence[valid].max() <= 100
    assert confidence[valid].min() >= 100 // 7
    assert (outcome.pixels, outcome.areas.valid_pixels) == (6300, int(valid.sum()))


def test_bands_are_found_by_name(classify, scene, tmp_path):
    order = [2, 0, 3, 1]
    extra = np.zeros((1, 70, 90), np.uint16)
    mixed = np.concatenate([extra, scene_numbers()[order]])
    shuffled = write_scene(tmp_path / "shuffled.tif", mixed, names=("B01", *(BANDS[index] for index in order)))
    np.testing.assert_array_equal(classify(scene)[0], classify(shuffled, "shuffled")[0])


def test_bands_the_caller_names(classify, scene, tmp_path):
    plain = write_scene(tmp_path / "plain.tif", scene_numbers()[::-1].copy(), names=None)
    np.testing.assert_array_equal(classify(scene)[0], classify(plain, "plain", bands=BANDS[::-1])[0])


def test_south_up_input_stays_south_up(classify, tmp_path):
    transform = Affine(10, 0, 500_000, 0, 10, 5_500_000 - 700)
    path = write_scene(tmp_path / "south.tif", scene_numbers()[:, ::-1].copy(), transform=transform)
    codes, _, outcome = classify(path)
    np.testing.assert_array_equal(codes != 255, valid_of(scene_numbers())[::-1])
    with rasterio.open(outcome.files["map"]) as dataset:
        assert dataset.transform == transform


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 90), (70, 1), (64, 64), (65, 33)])
def test_scenes_of_any_size(classify, tmp_path, shape):
    dn_BRC = scene_numbers(*shape, hole=False)
    codes, confidence, _ = classify(write_scene(tmp_path / "small.tif", dn_BRC))
    assert codes.shape == confidence.shape == shape
    assert (codes != 255).all()


def test_stacked_or_one_file_per_band(classify, tmp_path):
    dn_BRC = scene_numbers()
    tags = {"processing_level": "L1C"}
    stacked = write_scene(tmp_path / "scene.tif", dn_BRC, tags=tags)
    codes, confidence, _ = classify(stacked)
    for suffix in (".tif", ".jp2"):
        folder = write_band_folder(tmp_path / suffix[1:], dict(zip(BANDS, dn_BRC, strict=True)), suffix=suffix)
        other_codes, other_confidence, outcome = classify(folder, suffix[1:], level="L1C")
        np.testing.assert_array_equal(codes, other_codes)
        np.testing.assert_array_equal(confidence, other_confidence)
        assert outcome.identifier == "T33UUU_20170216T102101"


def test_offset_of_newer_products_is_taken_out(classify, tmp_path):
    """DN of baseline 04.00 are 1000 larger for the same reflectance."""
    older = write_scene(tmp_path / "older.tif", tags=None)
    dn_BRC = scene_numbers()
    newer = write_scene(tmp_path / "newer.tif", np.where(dn_BRC > 0, dn_BRC + 1000, 0).astype(np.uint16), tags=None)
    codes, _, outcome = classify(older)
    assert "was assumed" in outcome.warnings[0]
    shifted, _, outcome = classify(newer, "newer", product="sentinel-2-l1c-0400")
    assert outcome.warnings == ()
    np.testing.assert_array_equal(codes, shifted)


def test_the_outcome_in_words_and_json(classify, scene):
    outcome = classify(scene, name="given")[2]
    assert outcome.summary().startswith("given: 6,300 pixels in ")
    answer = outcome.to_json()
    assert (answer["scene"], answer["model"], answer["provider"]) == ("given", "tiny@0.1.0", "cpu")
    assert set(answer["files"]) == {"map", "style", "confidence"}


def test_progress_ends_at_the_end(engine, settings, scene, out):
    told = []
    classify_scene(
        Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings, progress=lambda *step: told.append(step)
    )
    assert told[-1][0] == told[-1][1] == len(told)


def test_an_error_in_the_caller_of_progress_stops_everything(engine, settings, scene, out):
    def stop(_done, _total):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        classify_scene(Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings, progress=stop)
    assert left_in(out) == []


def test_a_scene_that_is_replaced_meanwhile_makes_no_map(engine, settings, tmp_path, out):
    scene, other = (write_scene(tmp_path / name, scene_numbers(900, 90)) for name in ("scene.tif", "other.tif"))

    def replace(_done, _total):
        if other.exists():
            other.replace(scene)

    with pytest.raises(RasterChanged, match="changed while it was read"):
        classify_scene(Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings, progress=replace)
    assert left_in(out) == []


def test_a_failure_at_the_last_file_leaves_nothing(engine, settings, scene, out, monkeypatch):
    (out / "map.tif").write_bytes(b"old")

    def broken(*_args, **_keywords):
        raise ZeroDivisionError

    monkeypatch.setattr("serving.products.stac_item", broken)
    outputs = Outputs(map=out / "map.tif", preview=out / "map.png", stac=out / "item.json")
    with pytest.raises(ZeroDivisionError):
        classify_scene(Inputs(source=scene), outputs, engine, settings)
    assert left_in(out) == ["map.tif"]
    assert (out / "map.tif").read_bytes() == b"old"


def test_only_what_is_wanted_is_drawn(engine, settings, scene, out, monkeypatch):
    monkeypatch.setattr(quicklook, "render_quicklook", None)
    monkeypatch.setattr("serving.outputs.quicklook.render_quicklook", None)
    outcome = classify_scene(Inputs(source=scene), Outputs(map=out / "map.tif"), engine, settings)
    assert left_in(out) == ["map.qml", "map.tif"]
    assert set(outcome.files) == {"map", "style"}


def test_limit_of_pixels(classify, scene):
    assert classify(scene, max_pixels=6300)[2].pixels == 6300
    with pytest.raises(RasterTooLarge, match="70 x 90 = 6,300 pixels"):
        classify(scene, max_pixels=6299)


def test_all_nodata_is_found_although_windows_are_skipped(classify, tmp_path, out):
    empty = write_scene(tmp_path / "empty.tif", np.zeros((4, 70, 90), np.uint16))
    with pytest.raises(NoValidData, match="all 6,300 pixels of 'empty' are nodata"):
        classify(empty)
    assert left_in(out) == []


def test_one_valid_pixel_is_enough(classify, tmp_path):
    dn_BRC = np.zeros((4, 70, 90), np.uint16)
    dn_BRC[:, 33, 44] = 700
    codes = classify(write_scene(tmp_path / "one.tif", dn_BRC))[0]
    assert np.argwhere(codes != 255).tolist() == [[33, 44]]


def test_level_and_product_must_agree(engine, scene):
    with pytest.raises(ConfigError, match="--level L2A contradicts --product sentinel-2-l1c"):
        open_input(Inputs(source=scene, level="L2A", product="sentinel-2-l1c"), engine.bundle.manifest)


def test_a_refused_scene_is_closed(engine, tmp_path, monkeypatch):
    closed = []
    close = MultibandScene.close
    monkeypatch.setattr(MultibandScene, "close", lambda scene: closed.append(scene) or close(scene))
    coarse = write_scene(tmp_path / "coarse.tif", transform=north_up(60.0))
    with pytest.raises(ResolutionMismatch, match="60 x 60 m"):
        open_input(Inputs(source=coarse), engine.bundle.manifest)
    assert len(closed) == 1


def test_an_engine_that_is_loaded_beside_the_scene_is_told_what_is_asked_of_it(scene, out, settings):
    """One window makes one call, which has all threads to itself; the map is the same."""
    settings = settings.model_copy(update={"tile": 512, "overlap": 0})
    bundle = open_registry(settings).get("tiny")
    inputs, outputs = Inputs(source=scene), [Outputs(map=out / name) for name in ("late.tif", "before.tif")]
    with loading(bundle, settings, provider="cpu") as making:
        opening = open_checked(inputs, outputs[0], bundle.manifest)
        engine = opening.engine(making, settings)
    assert engine.parallel == 1
    classify_opened(opening, Order(outputs=outputs[0], engine=engine, settings=settings))
    classify_scene(inputs, outputs[1], Engine(bundle, provider="cpu", threads=2), settings)
    with rasterio.open(out / "late.tif") as late, rasterio.open(out / "before.tif") as before:
        assert np.array_equal(late.read(), before.read())


def test_an_engine_that_fails_beside_the_scene_closes_it(scene, out, settings, monkeypatch):
    closed, close = [], Sources.close
    monkeypatch.setattr(Sources, "close", lambda sources: (closed.append(sources), close(sources)))
    bundle = open_registry(settings).get("tiny")
    with loading(bundle, settings, provider="none") as making:
        opening = open_checked(Inputs(source=scene), Outputs(map=out / "map.tif"), bundle.manifest)
        with pytest.raises(ProviderUnavailable):
            opening.engine(making, settings)
    assert closed == [opening.sources]


@pytest.mark.parametrize("provider", ["cpu", "auto"])
def test_a_scene_that_fails_beside_an_engine_leaves_no_thread(out, settings, provider):
    bundle = open_registry(settings).get("tiny")
    with pytest.raises(RasterUnreadable), loading(bundle, settings, provider=provider):
        open_checked(Inputs(source=out / "missing.tif"), Outputs(map=out / "map.tif"), bundle.manifest)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("steppe-load")]
