"""What can be wrong with a TorchGeo data set or with the options that describe it: one sentence that names it."""

import numpy as np
import pytest
import torch
from PIL import Image
from pyproj import Transformer
from rasterio.transform import from_origin

from landcover.errors import (
    BandMapping,
    ConfigError,
    DataError,
    DtypeMismatch,
    GridMismatch,
    RadiometryMismatch,
    RasterUnreadable,
    UnknownLegend,
    UnmappedCodes,
)
from landcover.grid import Window
from tests.training.torchgeo_layouts.layouts import LAYOUTS
from tests.training.torchgeo_layouts.maps import NINE, SIDE, write_sentinel2
from tests.training.torchgeo_layouts.written import raster, stripes
from training.scenes import IGNORE
from training.sources.own_errors import LabelFormat, NoTrainingScenes
from training.sources.torchgeo import TorchGeoChips
from training.sources.torchgeo_cache import SampleCache
from training.sources.torchgeo_classes import TorchGeoChoice
from training.sources.torchgeo_names import ListingChoice
from training.sources.torchgeo_rasters import TorchGeoRasters
from training.sources.torchgeo_samples import ImageChoice, LabelChoice, convert

RGB = ["red", "green", "blue"]
PATTERN = r"(?P<part>\w+)/(?P<scene>\w+)/images_png/(?P<id>\d+)\.png"
FILES = ["{part}/{scene}/images_png/{id}.png", "{part}/{scene}/masks_png/{id}.png"]


@pytest.fixture
def loveda(tmp_path):
    LAYOUTS["loveda"](tmp_path)
    return tmp_path


def chips(root, *, image=None, options=None, listing=None, splits=None, **more):
    return TorchGeoChips(
        TorchGeoChoice("LoveDA", str(root), options or {}),
        ImageChoice(**{"bands": RGB, "product": "aerial-rgb-8bit", **(image or {})}),
        LabelChoice("loveda"),
        ListingChoice(**{"attribute": "files", "item": "image", "pattern": PATTERN, "files": FILES, **(listing or {})}),
        splits=splits or {"train": {"split": "train"}},
        **more,
    )


def read(scene):
    return scene.read(scene.info.extent)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LoveLA", "no data set class torchgeo.datasets.LoveLA"),
        ("no_such_package.LoveDA", "no data set class no_such_package.LoveDA"),
        ("training.scenes.Scene", "training.scenes.Scene is no data set class"),
        ("BoundingBox", "no data set class"),
    ],
)
def test_a_class_that_is_none(name, message):
    with pytest.raises(ConfigError, match=message):
        TorchGeoChoice(name, "data").check()


@pytest.mark.parametrize("option", ["download", "checksum", "cities"])
def test_options_that_the_class_does_not_take_are_refused_before_any_file_is_looked_at(option):
    with pytest.raises(ConfigError, match=rf"no option '{option}' here; it takes split, scene$"):
        chips("nowhere", options={option: True})


def test_a_split_must_be_one_of_ours():
    with pytest.raises(ConfigError, match="'dev' is not one of train, val, test"):
        chips("nowhere", splits={"dev": {"split": "val"}})


def test_what_the_class_refuses_is_a_sentence(loveda):
    with pytest.raises(ConfigError, match="LoveDA refuses its options: The possible scenes are"):
        chips(loveda, options={"scene": ["moon"]}).scenes()


def test_a_folder_without_the_data_is_named(tmp_path):
    with pytest.raises(NoTrainingScenes, match=f"LoveDA finds no data in {tmp_path}") as caught:
        chips(tmp_path).scenes()
    assert caught.value.exit_code == 3


def test_an_empty_data_set_is_named(tmp_path):
    for scene in ("Urban", "Rural"):
        (tmp_path / "Train" / scene / "images_png").mkdir(parents=True)
    with pytest.raises(NoTrainingScenes, match="not one chip"):
        chips(tmp_path).scenes()


def test_a_missing_label_is_named(loveda):
    (loveda / "Train/Rural/masks_png/7.png").unlink()
    with pytest.raises(NoTrainingScenes, match="train/7: there is no file Train/Rural/masks_png/7"):
        chips(loveda).scenes()


def test_a_broken_picture_is_named(loveda):
    path = loveda / "Train/Rural/masks_png/7.png"
    path.write_bytes(path.read_bytes()[:60])
    scene = next(scene for scene in chips(loveda).scenes() if scene.info.site == "train/7")
    with pytest.raises(RasterUnreadable, match="train/7: LoveDA cannot read it"):
        read(scene)


def test_a_code_beyond_the_legend_is_named_with_its_pixels(loveda):
    labels = np.full((64, 72), 5, np.uint8)
    labels[0, :3] = 9
    Image.fromarray(labels).save(loveda / "Train/Rural/masks_png/7.png")
    scene = next(scene for scene in chips(loveda).scenes() if scene.info.site == "train/7")
    with pytest.raises(UnmappedCodes, match=r"^train/7: .*loveda-to-unccd7.*9: 3$"):
        read(scene)


def test_an_image_and_a_label_of_two_sizes(loveda):
    Image.fromarray(np.full((64, 70), 5, np.uint8)).save(loveda / "Train/Rural/masks_png/7.png")
    scene = next(scene for scene in chips(loveda).scenes() if scene.info.site == "train/7")
    with pytest.raises(LabelFormat, match=r"train/7: image of \(64, 72\) and labels of \(64, 70\)"):
        read(scene)


def test_a_size_that_was_promised_is_checked(tmp_path):
    LAYOUTS["oscd"](tmp_path)
    bands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
    folder = "Onera Satellite Change Detection dataset - Images"
    source = TorchGeoChips(
        TorchGeoChoice("OSCD", str(tmp_path)),
        ImageChoice(bands, "sentinel-2-l1c", dates=2),
        LabelChoice("change2", "change2"),
        ListingChoice(
            "files", r"(?P<id>\w+)", [f"{folder}/{{id}}/imgs_1_rect/*.tif"], item="region", name="{id}", sizes="first"
        ),
        splits={"train": {"split": "train"}},
    )
    scenes = source.scenes()
    assert len({(scene.info.height, scene.info.width) for scene in scenes}) == 1
    first, second, *_ = sorted(scenes, key=lambda scene: read_size(tmp_path, scene) != shape(scene))
    assert read(first)["mask"].shape == shape(first)
    with pytest.raises(GridMismatch, match="{} x {} was expected".format(*shape(second))):
        read(second)


def shape(scene):
    return scene.info.height, scene.info.width


def read_size(root, scene):
    with Image.open(next(root.glob(f"*Train Labels/{scene.info.name}/cm/cm.png"))) as mask:
        return mask.size[::-1]


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ({"attribute": "chips"}, "'chips' has 0 entries for 4 chips"),
        ({"pattern": r"(?P<part>\w+)/(?P<scene>x)/(?P<id>\d+)"}, "does not fit the pattern"),
        ({"name": "{scene}"}, "share their name with others, 'Rural' for one"),
        ({"site": "{city}"}, "template of it cannot be used: 'city'"),
        ({"pattern": "("}, "pattern '\\('"),
        ({"files": []}, "names no file"),
    ],
)
def test_names_that_do_not_come_out(loveda, listing, message):
    with pytest.raises(ConfigError, match=message):
        chips(loveda, listing=listing).scenes()


IMAGE = ImageChoice(RGB, "aerial-rgb-8bit", keep=["blue", "red"])
LABELS = LabelChoice("loveda")


def test_bands_are_picked_by_name_and_values_stay():
    image = torch.arange(12, dtype=torch.float32).view(3, 2, 2)
    assert torch.equal(IMAGE.digital_numbers(image), image[[2, 0]].to(torch.uint8))
    scaled = ImageChoice(RGB, "aerial-rgb-8bit", factor=255).digital_numbers(image / 255)
    assert torch.equal(scaled, image.to(torch.uint8))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.zeros(4, 2, 2), BandMapping, r"\(4, 2, 2\); 1 date\(s\) of the 3 bands red, green, blue"),
        (torch.zeros(2, 3, 2, 2), BandMapping, "1 date"),
        (torch.full((3, 2, 2), torch.nan), RadiometryMismatch, "no numbers"),
        (torch.full((3, 2, 2), 300.0), RadiometryMismatch, "300 to 300, product 'aerial-rgb-8bit' has uint8"),
        (torch.full((3, 2, 2), -1), RadiometryMismatch, "check `product` and `factor`"),
    ],
)
def test_images_that_are_not_what_was_said(image, error, message):
    with pytest.raises(error, match=message):
        IMAGE.digital_numbers(image)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"keep": ["nir"]}, BandMapping, "'nir' is to be kept"),
        ({"bands": ["B02"]}, BandMapping, "has no band 'B02'"),
        ({"product": "aerial"}, ConfigError, "'aerial' is not known"),
        ({"dates": 3}, ConfigError, "3 dates"),
    ],
)
def test_image_options_that_contradict_each_other(options, error, message):
    with pytest.raises(error, match=message):
        ImageChoice(**{"bands": RGB, "product": "aerial-rgb-8bit", **options})


def test_labels_of_any_type_that_are_integers():
    codes = torch.tensor([[0, 1, 6], [7, 4, 255]])
    expected = [[IGNORE, IGNORE, 0], [2, 6, IGNORE]]
    for mask in (codes, codes.to(torch.uint8), codes.float(), codes[None]):
        assert LABELS.indices(mask).tolist() == expected


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.full((2, 2), 1.5), DtypeMismatch, "fractions"),
        (torch.full((2, 2), torch.nan), DtypeMismatch, "fractions"),
        (torch.zeros(3, 2, 2), LabelFormat, r"\(3, 2, 2\); one plane"),
    ],
)
def test_masks_that_are_no_codes(mask, error, message):
    with pytest.raises(error, match=message):
        LABELS.indices(mask)


def test_positions_are_counted_in_the_order_of_the_legend():
    nlcd = LabelChoice("nlcd", values="positions")
    assert nlcd.indices(torch.tensor([[0, 7, 15, 16]])).tolist() == [[6, 0, 3, IGNORE]]
    with pytest.raises(UnmappedCodes, match="from 0 to 17; legend 'nlcd' has 0 to 16"):
        nlcd.indices(torch.tensor([[0, 17]]))


def test_legends_that_no_crosswalk_joins():
    with pytest.raises(UnknownLegend, match="'change2' to 'unccd7'"):
        LabelChoice("change2")


def test_a_sample_without_the_key_says_what_there_is():
    with pytest.raises(DataError, match=r"^a: the data set hands out image, label and no 'mask'$"):
        convert({"image": torch.zeros(3, 2, 2), "label": torch.zeros(2, 2)}, IMAGE, LABELS, name="a")


def test_a_pixel_without_image_at_one_date_has_no_label():
    image = torch.ones(2, 3, 2, 2)
    image[1, :, 0, 1] = 0
    two = ImageChoice(RGB, "aerial-rgb-8bit", dates=2)
    sample = convert({"image": image, "mask": torch.full((2, 2), 5)}, two, LABELS, name="a")
    assert sample["mask"].tolist() == [[5, IGNORE], [5, 5]]


def test_the_cache_forgets_what_was_not_used_for_longest():
    reads = []

    def get(name):
        return cache.get(name, lambda: reads.append(name) or {"image": torch.zeros(400_000, dtype=torch.uint8)})

    cache = SampleCache(1)
    for name in "abacab":
        get(name)
    assert reads == ["a", "b", "c", "b"]
    cache = SampleCache(0)
    assert get("d")["image"].nbytes == 400_000
    get("d")
    assert reads[-2:] == ["d", "d"]


def rasters(root, *, site="(?P<site>T[A-Z0-9]+)", same_time=False):
    return TorchGeoRasters(
        TorchGeoChoice("Sentinel2", str(root / "images"), {"bands": list(NINE)}),
        TorchGeoChoice("Esri2020", str(root / "map")),
        ImageChoice(list(NINE), "sentinel-2-l2a"),
        LabelChoice("esri2020"),
        site=site,
        same_time=same_time,
    )


def write_map(root, crs, west, north):
    codes = stripes([1, 2], height=200, width=200).astype(np.uint8)
    grid = {"crs": crs, "transform": from_origin(west, north, 10, 10), "nodata": 0}
    raster(root / "map" / "32T_20200101-20210101.tif", codes[None], **grid)


@pytest.fixture
def two_zones(tmp_path):
    """The same ground in zones 32 and 33, and a map of it in zone 32; west and north of each image."""
    written = {}
    x, y = Transformer.from_crs("EPSG:32632", "EPSG:32633").transform(730000, 5000000)
    for tile, crs, west, north in (
        ("T32TQM", "EPSG:32632", 730000, 5000000),
        ("T33TUG", "EPSG:32633", 10 * round(x / 10), 10 * round(y / 10)),
    ):
        where = {"west": west, "north": north, "crs": crs}
        written[tile] = write_sentinel2(
            tmp_path / "images", tile=tile, date="20200620T102031", seed=len(written), **where
        )
    write_map(tmp_path, "EPSG:32632", 729480, 5001000)
    return tmp_path, written


def test_every_image_keeps_its_own_grid(two_zones):
    root, written = two_zones
    scenes = rasters(root).scenes()
    assert {scene.info.site: scene.info.grid.crs.to_epsg() for scene in scenes} == {"T32TQM": 32632, "T33TUG": 32633}
    for scene in scenes:
        assert scene.info.files[1].name.startswith("32T")
        assert (scene.info.height, scene.info.width) == (SIDE, SIDE)
        image, labels = read(scene)["image"], read(scene)["mask"]
        np.testing.assert_array_equal(image[0], written[scene.info.site][0])
        assert {0, 6} <= set(np.unique(labels)) <= {0, 6, IGNORE}


def test_a_corner_of_the_scene_is_read_as_the_whole(two_zones):
    scene = rasters(two_zones[0]).scenes()[1]
    part, whole = scene.read(Window(90, 80, 6, 16)), read(scene)
    np.testing.assert_array_equal(part["image"][0], whole["image"][0, 90:, 80:])
    assert part["mask"].shape == (6, 16)


def test_images_that_meet_no_label_of_their_time_or_place(two_zones):
    root, _ = two_zones
    with pytest.raises(NoTrainingScenes, match="do they cover the same place and time"):
        rasters(root, same_time=True).scenes()
    write_map(root, "EPSG:32632", 100000, 5001000)
    with pytest.raises(NoTrainingScenes, match=r"do they cover the same place\?"):
        rasters(root).scenes()


@pytest.mark.parametrize(
    ("site", "message"), [("T32", "no group named site"), ("(", "no regular expression"), ("(?P<site>LC08)", "T32TQM")]
)
def test_a_pattern_that_finds_no_site(two_zones, site, message):
    with pytest.raises(ConfigError, match=message):
        rasters(two_zones[0], site=site).scenes()
