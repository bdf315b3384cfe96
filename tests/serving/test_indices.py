"""``steppe indices``: rasters of indices, what stands in them, and what is refused."""

import json

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from indicators.spectral.compute import compute
from indicators.spectral.registry import INDICES, UnknownIndex
from landcover.errors import BandMapping, DtypeMismatch, NoValidData, RadiometryMismatch, SteppeError, WrongUse
from serving.cli import main
from serving.indices import IndexOrder, write_indices
from serving.scenebands import Stated
from tests.rasters import numbers, write_band_folder, write_tiff
from tests.service import left_in

BANDS = {"B": "B02", "G": "B03", "R": "B04", "N": "B08", "S1": "B11", "S2": "B12"}
NAMES = tuple(BANDS.values())
TAGS = {"scale": "0.0001", "offset": "-0.1", "processing_level": "L2A", "datetime": "2023-07-01"}
DN = numbers(6, 70, 50, low=1200, high=6000)
DN[:, 10:20, 5:15] = 0
VALID = (DN != 0).any(axis=0)
EVERY = tuple(name for name, index in INDICES.items() if index.origin != "fitted")


def reflectance(dn=DN, valid=VALID, scale=1e-4, offset=-0.1):
    return {letter: np.where(valid, band * scale + offset, np.nan) for letter, band in zip(BANDS, dn, strict=True)}


@pytest.fixture
def landscape(tmp_path):
    """A Sentinel-2 scene with a hole."""
    return write_tiff(tmp_path / "scene.tif", DN, names=NAMES, tags=TAGS, nodata=0)


def order_of(scene, *indices, **more):
    return IndexOrder(scene=scene, indices=indices, **more)


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(), dataset.descriptions, dataset.tags(), dataset.nodata


def test_every_index_of_a_scene(landscape, out):
    document = write_indices(order_of(landscape, *EVERY), out / "indices.tif")
    values, names, tags, nodata = read(out / "indices.tif")
    assert left_in(out) == ["indices.tif"]
    assert names == EVERY
    assert np.isnan(nodata)
    assert values.dtype == np.float32
    for name, band, entry in zip(EVERY, values, document["indices"], strict=True):
        wanted = compute(INDICES[name], reflectance()).astype(np.float32)
        assert np.array_equal(band, wanted, equal_nan=True)
        assert np.isnan(band[~VALID]).all()
        assert tags[f"steppe_index_{name}"].startswith(INDICES[name].formula)
        assert entry["values"]["pixels"] == np.isfinite(wanted).sum()
        assert entry["values"]["mean"] == pytest.approx(np.nanmean(wanted.astype(float)), rel=1e-6)
        assert entry["values"]["maximum"] == np.nanmax(wanted)
    assert set(tags["steppe_bands"].split()) == {f"{letter}={name}" for letter, name in BANDS.items()}
    assert tags["steppe_reflectance"] == "DN * 0.0001 + -0.1"
    assert tags["datetime"] == "2023-07-01"
    assert tags["steppe_scene_sha256"] == document["scene_sha256"]
    with rasterio.open(landscape) as one, rasterio.open(out / "indices.tif") as other:
        assert one.transform == other.transform
        assert one.crs == other.crs
    assert cog_validate(out / "indices.tif", quiet=True)[0]


def test_only_the_needed_bands_have_to_be_there(tmp_path, out):
    scene = write_tiff(tmp_path / "two.tif", DN[2:4], names=("B04", "B08"), tags=TAGS, nodata=0)
    write_indices(order_of(scene, "NDVI"), out / "ndvi.tif")
    values, *_ = read(out / "ndvi.tif")
    assert np.array_equal(values[0], compute(INDICES["NDVI"], reflectance()).astype(np.float32), equal_nan=True)
    with pytest.raises(BandMapping, match=r"S1 \(B11 or SR_B6 or swir16\)"):
        write_indices(order_of(scene, "NDMI"), out / "ndmi.tif")


@pytest.mark.parametrize(
    ("names", "nir"),
    [
        (("B02", "B03", "B04", "B8A", "B11", "B12"), "B8A"),
        (("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"), "SR_B5"),
        (("blue", "green", "red", "nir", "swir16", "swir22"), "nir"),
    ],
)
def test_bands_of_other_sensors(tmp_path, out, names, nir):
    scene = write_tiff(tmp_path / "scene.tif", DN, names=names, tags=TAGS, nodata=0)
    document = write_indices(order_of(scene, "NDVI"), out / "ndvi.tif")
    assert document["bands"]["N"] == nir
    values, *_ = read(out / "ndvi.tif")
    assert np.array_equal(values[0], compute(INDICES["NDVI"], reflectance()).astype(np.float32), equal_nan=True)


def test_names_and_radiometry_from_the_caller(tmp_path, out):
    scene = write_tiff(tmp_path / "plain.tif", DN, nodata=0)
    with pytest.raises(BandMapping, match="name them with --bands"):
        write_indices(order_of(scene, "NDVI"), out / "ndvi.tif")
    named = Stated(bands=NAMES)
    with pytest.raises(RadiometryMismatch, match="name its product with --product"):
        write_indices(order_of(scene, "NDVI", stated=named), out / "ndvi.tif")
    stated = Stated(bands=NAMES, product="sentinel-2-l2a-0400")
    write_indices(order_of(scene, "NDVI", stated=stated), out / "ndvi.tif")
    values, *_ = read(out / "ndvi.tif")
    assert np.array_equal(values[0], compute(INDICES["NDVI"], reflectance()).astype(np.float32), equal_nan=True)
    with pytest.raises(BandMapping, match="give one name for each"):
        write_indices(order_of(scene, "NDVI", stated=Stated(bands=NAMES[:4])), out / "no.tif")
    with pytest.raises(BandMapping):
        write_indices(order_of(scene, "NDVI", stated=Stated(bands=tuple("abcdef"))), out / "no.tif")
    with pytest.raises(RadiometryMismatch, match="display values"):
        write_indices(order_of(scene, "NDVI", stated=Stated(product="aerial-rgbn-8bit")), out / "no.tif")
    assert left_in(out) == ["ndvi.tif"]


def test_reflectance_as_it_is(tmp_path, out):
    scene = write_tiff(
        tmp_path / "float.tif",
        np.array(list(reflectance().values())).astype(np.float32),
        names=NAMES,
        tags={"scale": "1", "offset": "0"},
        nodata=np.nan,
    )
    write_indices(order_of(scene, "SAVI"), out / "savi.tif")
    values, *_ = read(out / "savi.tif")
    assert values[0] == pytest.approx(compute(INDICES["SAVI"], reflectance()), rel=1e-5, abs=1e-6, nan_ok=True)


def test_a_folder_of_bands(tmp_path, out):
    folder = write_band_folder(tmp_path / "bands", dict(zip(NAMES, DN, strict=True)), suffix=".tif")
    write_indices(order_of(folder, "TGSI", stated=Stated(product="sentinel-2-l1c-0400")), out / "tgsi.tif")
    values, *_ = read(out / "tgsi.tif")
    assert np.array_equal(values[0], compute(INDICES["TGSI"], reflectance()).astype(np.float32), equal_nan=True)


def test_ddi_is_fitted_on_one_scene_and_used_on_another(landscape, tmp_path, out):
    names = ("DDI", "DDI_class", "FVC")
    # Albedo falls where vegetation rises.
    generator = np.random.default_rng(5)
    green = generator.uniform(0, 1, (70, 50))
    soil, plant = np.array([0.2, 0.25, 0.3, 0.35, 0.4, 0.4]), np.array([0.03, 0.06, 0.04, 0.3, 0.15, 0.08])
    mixed = soil[:, None, None] * (1 - green) + plant[:, None, None] * green
    dn = np.round((mixed + 0.1) * 1e4).astype(np.uint16)
    dn[:, :5] = 0
    scene = write_tiff(tmp_path / "mixed.tif", dn, names=NAMES, tags=TAGS, nodata=0)
    document = write_indices(order_of(scene, *names, fit=out / "fit.json"), out / "one.tif")
    kept = json.loads((out / "fit.json").read_text())
    assert document["fit"] == kept
    bands = reflectance(dn, (dn != 0).any(axis=0))
    vegetation, albedo = (compute(INDICES[name], bands)[5:].ravel() for name in ("MSAVI", "albedo_liang2001"))
    slope, start = np.polyfit(vegetation, albedo, 1)
    assert (kept["ddi"]["a"], kept["ddi"]["b"]) == pytest.approx((slope, start), rel=1e-9)
    one, *_ = read(out / "one.tif")
    assert one[0][5:].ravel() == pytest.approx(-vegetation / slope - albedo, rel=1e-5)
    assert set(np.unique(one[1][5:])) == {1, 2, 3, 4, 5}
    assert np.corrcoef(one[2][5:].ravel(), green[5:].ravel())[0, 1] > 0.98
    soil_percentile = np.percentile(compute(INDICES["NDVI"], bands)[5:], 5)
    assert kept["fvc"]["ndvi_soil"] == pytest.approx(soil_percentile, abs=1e-3)
    again = write_indices(order_of(scene, *names, fitted=out / "fit.json"), out / "two.tif")
    two, _, tags, _ = read(out / "two.tif")
    assert np.array_equal(one, two, equal_nan=True)
    assert again["fit"] == kept
    assert tags["steppe_ddi"].startswith("ddi@1#")
    other = write_indices(order_of(landscape, *names, fitted=out / "fit.json"), out / "other.tif")
    assert other["fit"]["ddi"]["fitted_on"] == "mixed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"indices": ()}, "no index was asked for"),
        ({"indices": ("NDVI", "NDVI")}, "asked for twice"),
        ({"indices": ("NDSI",)}, "NDSI_salt"),
        ({"indices": ("EVI",)}, "there is no index"),
        ({"indices": ("DDI",)}, "--fit NUMBERS.json"),
        ({"indices": ("FVC",)}, "--fitted NUMBERS.json"),
        ({"indices": ("NDVI",), "fit": "fit.json"}, "none of which was asked for"),
        ({"indices": ("DDI",), "fit": "fit.json", "fitted": "none.json"}, "give one of them"),
        ({"indices": ("DDI",), "fitted": "none.json"}, "cannot be read"),
        ({"indices": ("DDI",), "fitted": "scene.tif"}, "holds no numbers"),
        ({"indices": ("DDI",), "fit": "fit.json", "vegetation": "NDVI"}, "does not fall as NDVI rises"),
        ({"indices": ("NDVI",), "stated": Stated(product="sentinel-9")}, "is not known"),
    ],
)
def test_orders_that_are_refused_leave_nothing(landscape, out, words, said):
    places = {name: landscape.parent / words[name] for name in ("fit", "fitted") if name in words}
    if "fit" in places:
        places["fit"] = out / "fit.json"
    with pytest.raises(SteppeError, match=said):
        write_indices(IndexOrder(scene=landscape, **(words | places)), out / "indices.tif")
    assert left_in(out) == []


def test_scenes_that_are_refused(tmp_path, out, landscape):
    empty = write_tiff(tmp_path / "empty.tif", np.zeros_like(DN), names=NAMES, tags=TAGS, nodata=0)
    with pytest.raises(NoValidData, match="has a value of NDVI"):
        write_indices(order_of(empty, "NDVI"), out / "indices.tif")
    picture = write_tiff(tmp_path / "picture.tif", DN.astype(np.uint8), names=NAMES, tags=TAGS)
    with pytest.raises(DtypeMismatch, match="neither digital numbers"):
        write_indices(order_of(picture, "NDVI"), out / "indices.tif")
    before = landscape.read_bytes()
    with pytest.raises(WrongUse, match="is the scene"):
        write_indices(order_of(landscape, "NDVI"), landscape)
    folder = write_band_folder(tmp_path / "bands", dict(zip(NAMES, DN, strict=True)), suffix=".tif")
    with pytest.raises(WrongUse, match="a file of it"):
        write_indices(order_of(folder, "NDVI"), next(folder.iterdir()))
    with pytest.raises(UnknownIndex):
        write_indices(order_of(landscape, "ndvi"), out / "indices.tif")
    assert landscape.read_bytes() == before
    assert left_in(out) == []


def test_the_command(landscape, out, environment, capsys):
    del environment
    words = ["indices", str(landscape), "-i", "NDVI", "-i", "NDSI_salt", "-o", str(out / "i.tif")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "NDVI = (N-R)/(N+R): " in said
    assert str(out / "i.tif") in said
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["indices"]] == ["NDVI", "NDSI_salt"]
    assert main(["indices", "--list"]) == 0
    said = capsys.readouterr().out
    assert "albedo_liang2001" in said
    assert main(["indices", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(INDICES)
    assert main(["indices", str(landscape)]) == 2
    assert main(["indices", str(landscape), "-i", "BSI", "-o", str(out / "b.tif")]) == 4
    assert main(["indices", str(landscape), "-i", "DDI", "--ddi-index", "EVI", "-o", str(out / "b.tif")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert "the bare soil index is BI" in errors[1]
    assert left_in(out) == ["i.tif"]
