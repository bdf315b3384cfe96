"""SAFE products: where images lie, and what metadata file, product name and file names say."""

import numpy as np
import pytest

from landcover.errors import BandMapping, LevelMismatch, RadiometryMismatch, RasterUnreadable
from landcover.raster.band_files import band_of
from landcover.raster.product_metadata import product_root
from landcover.raster.scene import open_scene
from landcover.sensors import Radiometry
from tests.rasters import numbers, write_band_folder

PLAIN, SHIFTED = Radiometry(1e-4, 0.0), Radiometry(1e-4, -0.1)
L1C_NAME = "S2A_MSIL1C_20170216T102101_N0204_R065_T33UUU_20170216T102204.SAFE"
L2A_NAME = "S2B_MSIL2A_20230601T102559_N0509_R108_T33UUU_20230601T130000.SAFE"


def metadata_xml(level, *, offset=None, offsets=None, quantification=10000):
    """A product metadata file with the elements that matter, shaped like the real ones."""
    surface = level == "Level-2A"
    value = "BOA_QUANTIFICATION_VALUE" if surface else "QUANTIFICATION_VALUE"
    item = "BOA_ADD_OFFSET" if surface else "RADIO_ADD_OFFSET"
    offsets = offsets if offsets is not None else {} if offset is None else dict.fromkeys(range(13), offset)
    lines = "".join(f'<{item} band_id="{band}">{number}</{item}>' for band, number in offsets.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?><n1:Level-User_Product xmlns:n1="https://psd.eo.esa.int">'
        "<n1:General_Info><Product_Info><PRODUCT_START_TIME>2023-06-01T10:25:59.024Z</PRODUCT_START_TIME>"
        f"<PROCESSING_LEVEL>{level}</PROCESSING_LEVEL></Product_Info><Product_Image_Characteristics>"
        f'<QUANTIFICATION_VALUES_LIST><{value} unit="none">{quantification}</{value}></QUANTIFICATION_VALUES_LIST>'
        f"<Offset_List>{lines}</Offset_List></Product_Image_Characteristics></n1:General_Info></n1:Level-User_Product>"
    )


def make_l1c(parent, *, name=L1C_NAME, xml=None):
    root = parent / name
    images = root / "GRANULE" / "L1C_T33UUU_A008642_20170216T102204" / "IMG_DATA"
    write_band_folder(images, {"B02": numbers(1, 64, 64)[0], "B11": numbers(1, 32, 32)[0]})
    if xml is not None:
        (root / "MTD_MSIL1C.xml").write_text(xml)
    return root


def make_l2a(parent, *, xml=None):
    root = parent / L2A_NAME
    images = root / "GRANULE" / "L2A_T33UUU_A032624_20230601T102601" / "IMG_DATA"
    prefix = "T33UUU_20230601T102559_"
    for pixel, bands in ((10, ("B02", "TCI")), (20, ("B02", "B11")), (60, ("B02", "B11", "B01"))):
        data = {f"{band}_{pixel}m": numbers(1, 960 // pixel, 960 // pixel, seed=pixel)[0] for band in bands}
        write_band_folder(images / f"R{pixel}m", data, prefix=prefix, pixel=pixel)
    if xml is not None:
        (root / "MTD_MSIL2A.xml").write_text(xml)
    return root


def test_l1c_product(tmp_path):
    root = make_l1c(tmp_path, xml=metadata_xml("Level-1C"))
    with open_scene(root, bands_wanted=["B11", "B02"]) as scene:
        assert (scene.level, scene.radiometry) == ("L1C", PLAIN)
        assert scene.identifier == L1C_NAME.removesuffix(".SAFE")
        assert scene.datetime == "2023-06-01T10:25:59Z"
        assert scene.read(scene.grid.extent).data.shape == (2, 64, 64)


def test_l2a_product_reads_each_band_at_its_finest(tmp_path):
    root = make_l2a(tmp_path, xml=metadata_xml("Level-2A", offset=-1000))
    with open_scene(root, bands_wanted=["B02", "B11", "B01"]) as scene:
        assert (scene.level, scene.radiometry) == ("L2A", SHIFTED)
        assert (scene.grid.height, scene.grid.pixel_size) == (96, (10, 10))
        data = scene.read(scene.grid.extent).data
    np.testing.assert_array_equal(data[0], numbers(1, 96, 96, seed=10)[0])
    with open_scene(root, bands_wanted=["B11"]) as scene:
        np.testing.assert_array_equal(scene.read(scene.grid.extent).data[0], numbers(1, 48, 48, seed=20)[0])


@pytest.mark.parametrize("below", ["", "GRANULE", "GRANULE/*", "GRANULE/*/IMG_DATA", "GRANULE/*/IMG_DATA/R20m"])
def test_any_level_of_the_product_may_be_given(tmp_path, below):
    root = make_l2a(tmp_path, xml=metadata_xml("Level-2A", offset=-1000))
    (place,) = root.glob(below) if below else [root]
    assert product_root(place) == root
    if below != "GRANULE":
        with open_scene(place, bands_wanted=["B11"]) as scene:
            assert (scene.level, scene.radiometry) == ("L2A", SHIFTED)


def test_metadata_file_stands_for_its_product(tmp_path):
    root = make_l1c(tmp_path, xml=metadata_xml("Level-1C"))
    with open_scene(root / "MTD_MSIL1C.xml", bands_wanted=["B02"]) as scene:
        assert scene.level == "L1C"


@pytest.mark.parametrize(("baseline", "radiometry"), [("N0204", PLAIN), ("N0400", SHIFTED), ("N0511", SHIFTED)])
def test_baseline_in_the_name_tells_the_offset(tmp_path, baseline, radiometry):
    root = make_l1c(tmp_path, name=L1C_NAME.replace("N0204", baseline))
    with open_scene(root, bands_wanted=["B02"]) as scene:
        assert (scene.level, scene.radiometry) == ("L1C", radiometry)
        assert scene.datetime == "2017-02-16T10:21:01Z"


def test_name_and_metadata_must_agree(tmp_path):
    root = make_l1c(tmp_path, xml=metadata_xml("Level-1C", offset=-1000))
    with pytest.raises(
        RadiometryMismatch, match=r"by 'MTD_MSIL1C.xml' for B02, but 0.0001, 0 by the processing baseline"
    ):
        open_scene(root, bands_wanted=["B02"])
    (root / "MTD_MSIL1C.xml").write_text(metadata_xml("Level-2A"))
    with pytest.raises(LevelMismatch, match=r"L2A by 'MTD_MSIL1C.xml', but L1C by the product name"):
        open_scene(root, bands_wanted=["B02"])


def test_offsets_are_per_band_and_wanted_bands_must_share_them(tmp_path):
    xml = metadata_xml("Level-1C", offsets={1: 0, 11: -1000})  # band_id 1 is B02, 11 is B11
    root = make_l1c(tmp_path, name="renamed", xml=xml)
    with open_scene(root, bands_wanted=["B11"]) as scene:
        assert scene.radiometry == SHIFTED
    with pytest.raises(RadiometryMismatch, match=r"for B02, but 0.0001, -0.1 by 'MTD_MSIL1C.xml' for B11"):
        open_scene(root, bands_wanted=["B02", "B11"])


def test_resolution_in_a_file_name_means_l2a(tmp_path):
    write_band_folder(tmp_path, {"B02_10m": numbers(1, 64, 64)[0]})
    with open_scene(tmp_path, bands_wanted=["B02"]) as scene:
        assert (scene.level, scene.radiometry) == ("L2A", None)


def test_several_granules_are_refused(tmp_path):
    root = make_l1c(tmp_path)
    write_band_folder(root / "GRANULE" / "L1C_T33UUV" / "IMG_DATA", {"B02": numbers(1, 64, 64)[0]})
    with pytest.raises(BandMapping, match=r"holds 2 granules"):
        open_scene(root, bands_wanted=["B02"])


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x><PROCESSING_LEVEL>&b;</PROCESSING_LEVEL></x>'
EXTERNAL = '<!DOCTYPE x SYSTEM "file:///none"><x/>'


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (BOMB, "has a DOCTYPE"),
        (EXTERNAL, "has a DOCTYPE"),
        ("<x><unclosed></x>", "is not well-formed XML"),
        ("<x>&undefined;</x>", "is not well-formed XML"),
        ("", "is not well-formed XML"),
        ("<x>" + " " * 2**24 + "</x>", "is larger than"),
    ],
    ids=["entities", "external", "unclosed", "undefined entity", "empty", "huge"],
)
def test_hostile_or_broken_metadata_is_refused(tmp_path, xml, message):
    with pytest.raises(RasterUnreadable, match=message):
        open_scene(make_l1c(tmp_path, xml=xml), bands_wanted=["B02"])


@pytest.mark.parametrize(
    "xml",
    [
        metadata_xml("Level-1C", quantification="many"),
        metadata_xml("Level-1C", quantification=0),
        metadata_xml("Level-1C", quantification=-1),
        metadata_xml("Level-1C", offsets={99: -1000}),
        metadata_xml("Level-1C", offsets={"x": -1000}),
        metadata_xml("Level-1C", offset="none"),
    ],
)
def test_metadata_with_unusable_numbers_is_refused(tmp_path, xml):
    with pytest.raises(RadiometryMismatch):
        open_scene(make_l1c(tmp_path, xml=xml), bands_wanted=["B02"])


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("T33UUU_20170216T102101_B02.jp2", "B02"),
        ("T33UUU_20230601T102559_B8A_20m.jp2", "B8A"),
        ("b2.tif", "B02"),
        ("S2A_30TXQ_20220801_0_L2A_B12.TIFF", "B12"),
        ("LC08_L2SP_168060_20200101_20200823_02_T1_SR_B4.TIF", "SR_B4"),
        ("LC08_L1TP_168060_20200101_20200823_02_T1_B4.TIF", None),
        ("LC08_L2SP_168060_20200101_20200823_02_T1_ST_B10.TIF", None),
        ("T33UUU_20170216T102101_TCI.jp2", None),
        ("T33UUU_20170216T102101_B02.jp2.aux.xml", None),
        ("T33UUU_20170216T102101_B13.jp2", None),
        ("SUBB02.tif", None),
    ],
)
def test_band_tokens_in_file_names(tmp_path, name, band):
    assert band_of(tmp_path / name) == band
