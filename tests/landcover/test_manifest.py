"""The manifest is a valid STAC Item with MLM and survives the round trip."""

import copy
import json

import pystac
import pytest
from pystac.extensions.classification import Classification
from pystac.extensions.mlm import MLMExtension
from pystac.validation import validate_dict
from stac_model.schema import MLModelProperties

from landcover.errors import BundleInvalid
from landcover.legends import get_legend
from landcover.manifest import FileRecord, Manifest
from landcover.overview import SIDE
from landcover.precision import Precision, Variant, VariantMissing
from tests.bundles import BANDS, tiny_manifest

FILES = {
    "model.onnx": FileRecord(10, "a" * 64),
    "sample.npz": FileRecord(20, "b" * 64),
    "card.md": FileRecord(30, "c" * 64),
}


@pytest.fixture
def item():
    return tiny_manifest(files=FILES).to_item()


def test_round_trip_through_json_keeps_everything(item):
    assert Manifest.from_item(json.loads(json.dumps(item))) == tiny_manifest(files=FILES)


def test_is_a_valid_stac_item(item):
    core_only = copy.deepcopy(item) | {"stac_extensions": []}
    # The schemas of extensions live on the web; those of the core ship with pystac.
    schemas = validate_dict(core_only)
    assert any("item" in schema for schema in schemas)


def test_mlm_fields_satisfy_the_extensions_own_model(item):
    properties = item["properties"]
    for entry in properties["mlm:output"][0]["classification:classes"]:
        del entry["title"]  # a field of classification v2 that stac-model's class does not take
    parsed = MLModelProperties.model_validate(properties)
    assert parsed.name == "tiny"
    assert {str(task) for task in parsed.tasks} == {"semantic-segmentation"}
    (model_input,) = parsed.input
    assert model_input.bands == list(BANDS)
    assert len(model_input.value_scaling) == len(BANDS)


def test_pystac_reads_the_mlm_fields(item):
    # pystac knows MLM up to 1.4, whose fields are the same; it finds extensions by their exact URI.
    known = copy.deepcopy(item)
    known["stac_extensions"] = [MLMExtension.get_schema_uri()]
    mlm = MLMExtension.ext(pystac.Item.from_dict(known))
    assert mlm.mlm_name == "tiny"
    assert mlm.input[0].input.shape == [-1, len(BANDS), 64, 64]
    assert mlm.output[0].result.dim_order == ["batch", "classes", "height", "width"]


def test_mlm_structure_beyond_the_field_types(item):
    """Rules of the JSON schema that the extension's Python model does not have."""
    properties = item["properties"]
    assert {band["name"] for band in properties["bands"]} == set(properties["mlm:input"][0]["bands"])
    assert "bands" in properties["mlm:input"][0]["input"]["dim_order"]
    assert "bands" not in properties["mlm:output"][0]["result"]["dim_order"]
    for asset in item["assets"].values():
        assert ("mlm:artifact_type" in asset) == ("mlm:model" in asset["roles"])


def test_asset_checksums_are_multihashes_and_the_model_has_its_artifact_type(item):
    assets = item["assets"]
    assert assets["model.onnx"]["file:checksum"] == "1220" + "a" * 64
    assert assets["model.onnx"]["mlm:artifact_type"] == "onnx"
    models = [name for name, asset in assets.items() if "mlm:model" in asset["roles"]]
    assert models == ["model.onnx"]


def test_classes_carry_official_colours(item):
    (output,) = item["properties"]["mlm:output"]
    classes = [Classification(entry) for entry in output["classification:classes"]]
    legend = get_legend("unccd7")
    assert [entry.value for entry in classes] == list(legend.codes)
    assert [f"#{entry.color_hint}" for entry in classes] == [entry.color for entry in legend.classes]


def test_every_input_band_is_described(item):
    properties = item["properties"]
    assert tuple(properties["mlm:input"][0]["bands"]) == tuple(band["name"] for band in properties["bands"]) == BANDS
    assert properties["mlm:input"][0]["input"]["shape"][1] == len(BANDS)
    assert all(0.4 < band["eo:center_wavelength"] < 0.9 for band in properties["bands"])


@pytest.mark.parametrize(
    "path",
    [
        ("properties", "mlm:input"),
        ("properties", "steppe:legend"),
        ("properties", "mlm:hyperparameters", "temperature"),
        ("assets", "model.onnx", "file:checksum"),
    ],
)
def test_a_missing_field_is_named(item, path):
    parent = item
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    with pytest.raises(BundleInvalid, match=path[-1]):
        Manifest.from_item(item)


def test_classes_of_another_legend_are_refused(item):
    item["properties"]["mlm:output"][0]["classification:classes"][0]["value"] = 9
    with pytest.raises(BundleInvalid, match="not those of legend unccd7"):
        Manifest.from_item(item)


def test_an_unknown_legend_is_refused(item):
    item["properties"]["steppe:legend"]["id"] = "made-up"
    with pytest.raises(BundleInvalid, match="made-up"):
        Manifest.from_item(item)


def test_numbers_that_are_none_are_refused(item):
    item["properties"]["mlm:memory_size"] = float("inf")
    with pytest.raises(BundleInvalid, match="infinity"):
        Manifest.from_item(item)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 65, ".hidden", "a b", "a\n"])
def test_names_that_are_no_safe_path_segment_are_refused(name):
    with pytest.raises(BundleInvalid, match="model name"):
        tiny_manifest(name=name)


@pytest.mark.parametrize("nodata", [65535, -1])
def test_another_nodata_than_0_is_refused(item, nodata):
    with pytest.raises(BundleInvalid, match=f"nodata {nodata}: a graph takes 0"):
        tiny_manifest(nodata=nodata)
    for band in item["properties"]["bands"]:
        band["nodata"] = nodata
    with pytest.raises(BundleInvalid, match=f"nodata {nodata}"):
        Manifest.from_item(item)


def test_statistics_must_match_the_bands():
    with pytest.raises(BundleInvalid, match="band statistics"):
        tiny_manifest(statistics={})


FIGURES = {
    "overall_accuracy": 0.83,
    "macro_iou": 0.49,
    "fp32_overall_accuracy": 0.84,
    "fp32_macro_iou": None,
    "agreement_percent": 99.5,
    "pixels": 1000,
}


def with_variant(**changes):
    variant = Variant(**FIGURES)
    files = FILES | {"model.int8.onnx": FileRecord(5, "d" * 64)}
    return tiny_manifest(files=files, variants={Precision.INT8: variant}, **changes)


def test_variants_dates_and_overview_survive_the_round_trip():
    manifest = with_variant(dates=2, overview=True)
    assert Manifest.from_item(json.loads(json.dumps(manifest.to_item()))) == manifest


def test_a_variant_is_a_model_asset_with_its_scores():
    asset = with_variant().to_item()["assets"]["model.int8.onnx"]
    assert asset["roles"] == ["mlm:model"]
    assert asset["mlm:artifact_type"] == "onnx"
    assert asset["steppe:precision"] == "int8"
    assert asset["steppe:scores"]["agreement_percent"] == 99.5
    assert asset["file:checksum"] == "1220" + "d" * 64


def test_a_manifest_with_variant_and_two_dates_is_a_valid_item():
    item = with_variant(dates=2, overview=True).to_item()
    validate_dict(copy.deepcopy(item) | {"stac_extensions": []})
    assert item["properties"]["mlm:input"][0]["input"]["shape"] == [-1, 2 * len(BANDS), 64, 64]
    assert item["properties"]["mlm:input"][1]["input"]["shape"] == [1, 2 * len(BANDS), SIDE, SIDE]
    assert len(item["properties"]["mlm:input"][0]["value_scaling"]) == len(BANDS)


def test_manifests_from_before_variants_and_dates_read_and_write_as_they_were(item):
    """The graph carries the manifest, so a field that came later must not appear in an older one."""
    assert not {"steppe:dates", "steppe:variants", "steppe:overview"} & set(item["properties"])
    manifest = Manifest.from_item(item)
    assert (manifest.dates, manifest.channels, dict(manifest.variants)) == (1, len(BANDS), {})


def test_file_of_a_precision():
    assert with_variant().model_file(Precision.INT8) == "model.int8.onnx"
    assert tiny_manifest().model_file(Precision.FP32) == "model.onnx"
    assert tiny_manifest().model_file(Precision.BF16) == tiny_manifest().model_file(Precision.FP16) == "model.onnx"
    with pytest.raises(VariantMissing, match=r"tiny@0\.1\.0 has no int8 variant, it has fp32; use --precision fp32"):
        tiny_manifest().model_file(Precision.INT8)


@pytest.mark.parametrize(
    ("variants", "says"),
    [
        ({"int4": {}}, "int4"),
        ({"int8": {"macro_iou": 0.5}}, "overall_accuracy"),
        ({"int8": None}, "wrong form"),
        ({"bf16": FIGURES}, r"variants \['bf16'\] are arithmetics of a runtime"),
        ([1], "wrong form"),
    ],
)
def test_variants_that_are_not_understood_are_refused(item, variants, says):
    item["properties"]["steppe:variants"] = variants
    with pytest.raises(BundleInvalid, match=says):
        Manifest.from_item(item)


def test_classes_that_are_never_answered_survive_the_round_trip():
    manifest = with_variant(unsupported=("wetland", "water"))
    assert Manifest.from_item(manifest.to_item()).unsupported == ("wetland", "water")
    assert "steppe:unsupported_classes" not in with_variant().to_item()["properties"]


@pytest.mark.parametrize("names", [("marsh",), with_variant().legend.names])
def test_unsupported_classes_that_cannot_be_are_refused(names):
    with pytest.raises(BundleInvalid, match="some, not all, of"):
        with_variant(unsupported=names)


@pytest.mark.parametrize("dates", [0, 3, -1])
def test_impossible_numbers_of_dates_are_refused(dates):
    with pytest.raises(BundleInvalid, match="takes 1 or 2 dates"):
        tiny_manifest(dates=dates)


def test_an_overview_is_the_second_input_of_two_dates():
    with pytest.raises(BundleInvalid, match="takes an overview to compare 2 dates, this one has 1"):
        tiny_manifest(overview=True)
    item = tiny_manifest(dates=2, overview=True).to_item()
    assert item["properties"]["mlm:input"][1]["input"]["shape"][0] == 1
    item["properties"]["mlm:input"][1]["input"]["shape"][2] = 32
    with pytest.raises(BundleInvalid, match="inputs after the first have shapes"):
        Manifest.from_item(item)
