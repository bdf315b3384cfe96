"""The optional rasters: what they hold, what is told of them, and that the map is the one without them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio import features

from indicators.areas import ClassAreas
from indicators.moves import ClassMoves
from landcover.errors import BandMapping, ConfigError, GridMismatch, NoValidData, WrongUse
from landcover.legends import get_legend
from landcover.postprocess import UncertaintyMeasure
from landcover.quality import QUALITY_LEGEND
from landcover.raster.georeference import grid_of
from landcover.tiling import MARGIN, mirror
from serving.classify import classify_scene
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.treatment import MinimumPatch, Treatment
from tests.bundles import BANDS
from tests.rasters import write_band_folder, write_tiff
from tests.scenes import as_shown, utm_grid
from tests.service import left_in, make_settings, scene_numbers, valid_of, write_scene

LEGEND = get_legend("unccd7")
HEIGHT, WIDTH = 70, 90


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


@pytest.fixture
def classify(engine, settings, out):
    """Classifies into files named by role; answers the outcome."""

    def run(source, *roles, bands=None, tile=None, **treatment):
        suffixes = {"stac": ".json", "areas": ".json", "preview": ".png"}
        paths = {role: out / f"{role}{suffixes.get(role, '.tif')}" for role in ("map", *roles)}
        chosen = settings if tile is None else settings.model_copy(update={"tile": tile, "overlap": 32})
        inputs = Inputs(source=source, bands=bands)
        return classify_scene(inputs, Outputs(**paths), engine, chosen, treatment=Treatment(**treatment))

    return run


def bands_of(outcome, role):
    with rasterio.open(outcome.files[role]) as dataset:
        return dataset.read()


def tags_of(outcome, role):
    with rasterio.open(outcome.files[role]) as dataset:
        return dataset.tags()


def document(outcome, role):
    return json.loads(outcome.files[role].read_text())


@pytest.fixture
def small(tmp_path):
    """A scene that fits into one window of the model, so that its probabilities are one answer of the engine."""
    return write_scene(tmp_path / "small.tif", scene_numbers(40, 50))


@pytest.fixture
def model_says(engine):
    """What the engine says of ``small``, and where it is valid."""
    dn = scene_numbers(40, 50)
    rows, cols = (mirror(-MARGIN, side + MARGIN, side) for side in (40, 50))
    # Windows are larger than the scene with its margins: more of it is mirrored.
    padded = np.pad(dn[:, rows][:, :, cols], ((0, 0), (0, 24), (0, 14)))
    answer = engine.run(as_shown(padded)[None])[0][:, MARGIN : MARGIN + 40, MARGIN : MARGIN + 50]
    return answer.astype(np.float64), valid_of(dn)


def test_probabilities_are_those_of_the_model(classify, small, model_says):
    outcome = classify(small, "probabilities", "confidence", tile=128)
    expected, valid = model_says
    percent = bands_of(outcome, "probabilities")
    assert np.abs(percent[:, valid] - 100 * expected[:, valid]).max() <= 0.501
    assert (percent[:, ~valid] == 255).all()
    np.testing.assert_array_equal(percent.max(axis=0), bands_of(outcome, "confidence")[0])
    with rasterio.open(outcome.files["probabilities"]) as dataset:
        assert dataset.descriptions == LEGEND.names
        assert dataset.scales == (0.01,) * len(LEGEND)
        assert dataset.nodatavals == (255,) * len(LEGEND)


@pytest.mark.parametrize("measure", UncertaintyMeasure)
def test_uncertainty_is_that_of_the_models_probabilities(classify, small, model_says, measure):
    outcome = classify(small, "uncertainty", tile=128, uncertainty=measure)
    probabilities, valid = model_says
    ordered = np.sort(probabilities, axis=0)
    expected = {
        "entropy": 100 * -(probabilities * np.log(probabilities)).sum(axis=0) / np.log(len(LEGEND)),
        "margin": 100 * (1 - (ordered[-1] - ordered[-2])),
    }[measure]
    percent = bands_of(outcome, "uncertainty")[0]
    assert np.abs(percent[valid] - expected[valid]).max() <= 0.51
    assert (percent[~valid] == 255).all()
    assert tags_of(outcome, "uncertainty")["steppe_uncertainty"].startswith(f"{measure}: 100 *")


def test_many_windows(classify, scene):
    """Rows in pieces, windows blended: no pixel is left out, and the map is the one without the other rasters."""
    alone = bands_of(classify(scene, tile=64), "map")
    outcome = classify(scene, "confidence", "probabilities", "uncertainty", "quality", tile=64)
    codes = bands_of(outcome, "map")
    np.testing.assert_array_equal(codes, alone)
    percent = bands_of(outcome, "probabilities")
    np.testing.assert_array_equal(percent.max(axis=0), bands_of(outcome, "confidence")[0])
    chosen = np.take_along_axis(percent, LEGEND.decode(codes).clip(0, 6).astype(int), axis=0)[0]
    valid = valid_of(scene_numbers())
    np.testing.assert_array_equal(chosen[valid], percent.max(axis=0)[valid])
    np.testing.assert_array_equal(bands_of(outcome, "uncertainty")[0] != 255, valid)
    np.testing.assert_array_equal(bands_of(outcome, "quality")[0], np.where(valid, 1, 255))


def scl_numbers(seed=0):
    """Patches of scene classes of 20 m, and the quality codes they mean, on the scene's grid."""
    numbers = np.random.default_rng(seed).choice([3, 4, 5, 8, 9, 10, 11, 7, 1], (HEIGHT // 10, WIDTH // 10))
    meaning = {1: 6, 3: 4, 4: 1, 5: 1, 8: 2, 9: 2, 10: 3, 11: 5, 7: 7}
    coarse = np.kron(numbers, np.ones((5, 5), int))
    return coarse, np.kron(np.vectorize(meaning.get)(coarse), np.ones((2, 2), int))


@pytest.fixture
def cloudy(tmp_path):
    """A folder of bands with a scene classification beside them, and the quality it means where there is data."""
    dn = scene_numbers()
    numbers, quality = scl_numbers()
    folder = write_band_folder(tmp_path / "cloudy", dict(zip(BANDS, dn, strict=True)), suffix=".tif")
    transform = rasterio.Affine(20, 0, 500_000, 0, -20, 5_500_000)
    write_tiff(folder / "T33UUU_20170216T102101_SCL.tif", numbers[None].astype(np.uint8), transform=transform)
    return folder, np.where(valid_of(dn), quality, 255)


@pytest.fixture
def classify_cloudy(engine, settings, out, cloudy):
    def run(*roles, **treatment):
        paths = {role: out / f"{role}{'.json' if role in ('stac', 'areas') else '.tif'}" for role in ("map", *roles)}
        inputs = Inputs(source=cloudy[0], level="L1C")
        return classify_scene(inputs, Outputs(**paths), engine, settings, treatment=Treatment(**treatment))

    return run


def test_quality_from_the_scene_classification(classify_cloudy, cloudy):
    outcome = classify_cloudy("quality", "areas", "stac")
    expected = cloudy[1]
    np.testing.assert_array_equal(bands_of(outcome, "quality")[0], expected)
    np.testing.assert_array_equal(bands_of(outcome, "map")[0] == 255, expected == 255)  # clouds have a class
    found = document(outcome, "areas")["quality"]
    assert found["mask"] == "SCL"
    assert found["masked_in_map"] is False
    counted = {entry["code"]: entry["pixels"] for entry in found["classes"]}
    assert counted == {code: int((expected == code).sum()) for code in QUALITY_LEGEND.codes}
    cloud = 100 * np.isin(expected, [2, 3]).sum() / (expected != 255).sum()
    assert found["cloud_cover_percent"] == pytest.approx(cloud, abs=1e-4)
    item = document(outcome, "stac")
    assert item["properties"]["eo:cloud_cover"] == pytest.approx(cloud, abs=0.005)
    assert item["properties"]["steppe:quality"] == found == outcome.to_json()["quality"]
    assert any("/eo/" in extension for extension in item["stac_extensions"])
    with rasterio.open(outcome.files["quality"]) as dataset:
        assert dataset.colormap(1)[2] == (*QUALITY_LEGEND.by_code(2).rgb, 255)
        assert dataset.tags()["STEPPE_CLASS_4"] == "cloud_shadow"
        assert dataset.tags()["steppe_quality_source"] == "SCL in T33UUU_20170216T102101_SCL.tif"
    assert "Cloud shadow" in outcome.files["quality_style"].read_text()
    scl = hashlib.sha256((cloudy[0] / "T33UUU_20170216T102101_SCL.tif").read_bytes()).hexdigest()
    assert tags_of(outcome, "quality")["steppe_mask_sha256"] == found["sha256"] == scl
    assert "steppe_mask_sha256" not in tags_of(outcome, "map")  # which does not depend on it
    assert outcome.remarks[0].startswith("observation quality (SCL in T33UUU_20170216T102101_SCL.tif): valid ")


def test_clouds_are_masked_where_that_is_wanted(classify_cloudy, cloudy):
    plain = bands_of(classify_cloudy(), "map")[0]
    outcome = classify_cloudy("areas", "confidence", mask_clouds=True)
    covered = np.isin(cloudy[1], [2, 3, 4, 6])
    np.testing.assert_array_equal(bands_of(outcome, "map")[0], np.where(covered, 255, plain))
    np.testing.assert_array_equal(bands_of(outcome, "confidence")[0] == 255, plain == 255)
    assert document(outcome, "areas")["quality"]["masked_in_map"] is True
    assert document(outcome, "areas")["nodata"]["pixels"] == ((plain == 255) | covered).sum()
    masked = tags_of(outcome, "map")["steppe_masked"]
    assert masked.endswith("cloud shadow or defective by SCL in T33UUU_20170216T102101_SCL.tif")
    scl = hashlib.sha256((cloudy[0] / "T33UUU_20170216T102101_SCL.tif").read_bytes()).hexdigest()
    assert tags_of(outcome, "map")["steppe_mask_sha256"] == scl
    assert not outcome.files.keys() & {"quality", "quality_style"}


def with_band(path, name, numbers):
    """The scene with one more band."""
    stack = np.concatenate([scene_numbers(), np.broadcast_to(numbers, (1, HEIGHT, WIDTH)).astype(np.uint16)])
    return write_scene(path, stack, names=(*BANDS, name))


def test_a_mask_without_shadows_says_so(classify, tmp_path):
    scene = with_band(tmp_path / "scene.tif", "QA60", np.where(np.arange(WIDTH) < 30, 1 << 10, 0))
    outcome = classify(scene, "quality", mask_clouds=True)
    assert (bands_of(outcome, "map")[0, :, :30] == 255).all()
    assert outcome.warnings == ("QA60 does not tell cloud shadow: shadows stay in the map",)


def test_without_a_mask(classify, scene):
    outcome = classify(scene, "quality", "stac", "areas")
    assert "the input has no mask band (SCL, MSK_CLASSI, QA60 or QA_PIXEL)" in outcome.warnings[0]
    assert tags_of(outcome, "quality")["steppe_quality_source"] == "no mask band: valid and no data only"
    item = document(outcome, "stac")
    assert "eo:cloud_cover" not in item["properties"]
    assert not any("/eo/" in extension for extension in item["stac_extensions"])
    found = document(outcome, "areas")["quality"]
    assert (found["cloud_cover_percent"], found["sha256"]) == (None, None)
    assert "steppe_mask_sha256" not in tags_of(outcome, "quality")


def test_masking_without_a_mask_is_refused(classify, scene, out):
    with pytest.raises(BandMapping, match=r"no mask band .* leave --mask-clouds out"):
        classify(scene, mask_clouds=True)
    assert left_in(out) == []


def beside(folder, transform):
    """A folder of bands with a mask of clouds alone beside them, 20 x 20 pixels of 20 m."""
    write_band_folder(folder, dict(zip(BANDS, scene_numbers(), strict=True)), suffix=".tif")
    write_tiff(folder / "T33UUU_20170216T102101_SCL.tif", np.full((1, 20, 20), 9, np.uint8), transform=transform)
    return folder


def classify_clear(engine, settings, folder, out):
    inputs, outputs = Inputs(source=folder, level="L1C"), Outputs(map=out / "map.tif", quality=out / "quality.tif")
    return classify_scene(inputs, outputs, engine, settings, treatment=Treatment(mask_clouds=True))


def test_a_mask_of_a_part_of_the_scene_says_so(engine, settings, tmp_path, out):
    folder = beside(tmp_path / "part", rasterio.Affine(20, 0, 500_000, 0, -20, 5_500_000))
    outcome = classify_clear(engine, settings, folder, out)
    valid = valid_of(scene_numbers())
    missed = valid.sum() - valid[:40, :40].sum()
    assert f"does not reach {missed:,} valid pixels ({100 * missed / valid.sum():.3g} %)" in outcome.warnings[-1]
    assert (bands_of(outcome, "quality")[0] == 7).sum() == missed


@pytest.mark.parametrize("east", [900_000, 500_880])
def test_a_mask_of_another_place_is_refused(engine, settings, tmp_path, out, east):
    """Also where its first two columns meet the last two of the scene, which have no data."""
    folder = beside(tmp_path / "far", rasterio.Affine(20, 0, east, 0, -20, 5_500_000))
    for path in folder.glob("*_B*.tif"):
        with rasterio.open(path, "r+") as dataset:
            numbers = dataset.read(1)
            numbers[:, -2:] = 0
            dataset.write(numbers, 1)
    with pytest.raises(GridMismatch, match="lies elsewhere than the scene"):
        classify_clear(engine, settings, folder, out)
    assert left_in(out) == []


def test_nothing_but_clouds(classify, tmp_path, out):
    scene = with_band(tmp_path / "scene.tif", "SCL", 9)
    with pytest.raises(NoValidData, match=r"all 5,900 valid pixels of 'scene' are cloud.* by SCL in scene.tif"):
        classify(scene, mask_clouds=True)
    assert left_in(out) == []


@pytest.mark.parametrize("area", ["12px", "0.12ha"])
def test_small_patches_are_merged_and_what_moves_is_told(classify, scene, area):
    plain = bands_of(classify(scene, tile=64), "map")[0]
    roles = ("confidence", "areas", "stac", "preview")
    outcome = classify(scene, *roles, tile=64, min_patch=MinimumPatch.parse(area))
    merged = bands_of(outcome, "map")[0]
    expected = features.sieve(plain, 12, mask=plain != 255)
    expected[plain == 255] = 255
    np.testing.assert_array_equal(merged, expected)
    with rasterio.open(outcome.files["map"]) as dataset:
        grid, tags = grid_of(dataset, "map"), dataset.tags()
    areas, moves = ClassAreas(grid, LEGEND), ClassMoves(grid, LEGEND)
    areas.add(0, merged)
    moves.add(0, plain, merged)
    assert outcome.areas == areas.table()
    told = document(outcome, "areas")["sieve"]
    assert (told["min_area"], told["min_pixels"]) == (area, 12)
    assert told["moved"]["pixels"] == (plain != merged).sum() > 0
    assert [(move["from"], move["to"], move["pixels"]) for move in told["moves"]] == [
        (move.before, move.after, move.pixels) for move in moves.table().moves
    ]
    assert document(outcome, "stac")["properties"]["steppe:sieve"] == told == outcome.to_json()["sieve"]
    assert tags["steppe_sieve"] == outcome.remarks[0]
    assert outcome.remarks[0].startswith(f"patches below {area} (12 pixels) merged: ")
    assert tags_of(outcome, "confidence")["steppe_sieve"].startswith("not applied")


def test_the_item_describes_every_raster(classify, scene):
    outcome = classify(scene, "confidence", "probabilities", "uncertainty", "quality", "stac")
    item = document(outcome, "stac")
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    assets = item["assets"]
    assert set(assets) == {"map", "style", "confidence", "probabilities", "uncertainty", "quality", "quality_style"}
    bands = assets["probabilities"]["bands"]
    assert [band["name"] for band in bands] == list(LEGEND.names)
    assert {(band["raster:scale"], band["nodata"]) for band in bands} == {(0.01, 255)}
    assert assets["uncertainty"]["bands"][0]["unit"] == "%"
    assert "data-mask" in assets["quality"]["roles"]
    values = [entry["value"] for entry in assets["quality"]["classification:classes"]]
    assert values == [*QUALITY_LEGEND.codes, 255]
    assert assets["quality"]["href"] == "quality.tif"


def test_names_that_are_no_tiff_or_a_mask_of_the_input(cloudy, out):
    with pytest.raises(WrongUse, match=r"the uncertainty is a GeoTIFF, its name 'u.png'"):
        Outputs(map=out / "map.tif", uncertainty=out / "u.png").check(cloudy[0])
    with pytest.raises(ConfigError, match="is the input itself"):
        Outputs(map=out / "map.tif", quality=cloudy[0] / "T33UUU_20170216T102101_SCL.tif").check(cloudy[0])


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("50px", 50),
        ("0.5ha", 50),
        ("0.5 HA", 50),
        ("5000m2", 50),
        ("0.01km2", 100),
        ("2px", 2),
        ("5010m2", 51),
        ("110m2", 2),
    ],
)
def test_a_least_area_in_pixels(text, pixels):
    """Never fewer than the area has: no patch below it stays. A pixel of this grid has a little more than 100 m2."""
    assert MinimumPatch.parse(text).pixels(utm_grid(100, 100)) == pixels


@pytest.mark.parametrize("text", ["", "50", "ha", "-1ha", "0px", "0.5acre", "nan ha", "1e3m2", "9" * 400 + "ha"])
def test_what_is_no_area(text):
    with pytest.raises(ConfigError, match=r"is no least area; give for example 0\.5ha") as refused:
        MinimumPatch.parse(text)
    assert len(str(refused.value)) < 130


def test_the_largest_area_that_can_be_written_is_a_number_of_pixels():
    """It merges all that can be merged; it must not be too large for arithmetic."""
    assert MinimumPatch.parse("9" * 18 + "km2").pixels(utm_grid(100, 100)) > 10**20


def test_a_least_area_of_more_than_the_map_is_said(classify, scene):
    whole = bands_of(classify(scene), "map")[0]
    outcome = classify(scene, min_patch=MinimumPatch.parse("1km2"))
    np.testing.assert_array_equal(bands_of(outcome, "map")[0] == 255, whole == 255)
    (warning,) = outcome.warnings
    assert warning.startswith("a least area of 1km2 is more than the whole map, which has 0.59")
    assert classify(scene, min_patch=MinimumPatch.parse("5900px")).warnings == ()


def test_a_pixel_or_less_merges_nothing(classify, scene, out):
    with pytest.raises(ConfigError, match="a least area of 90m2 is one pixel of this map or less"):
        classify(scene, min_patch=MinimumPatch.parse("90m2"))
    assert left_in(out) == []
