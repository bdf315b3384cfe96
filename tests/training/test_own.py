"""Own images and label rasters against what rasterio and numpy say of the same files."""

import json
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from landcover.crosswalk_files import crosswalk_document
from landcover.crosswalks import get_crosswalk
from landcover.errors import ConfigError, DataError
from landcover.grid import Window
from tests.rasters import BANDS, write_band_folder, write_tiff
from tests.training.own_data import (
    SHAPE,
    TAGS,
    codes,
    dark_numbers,
    grid_at,
    make_data,
    write_image,
    write_labels,
)
from training.scenes import IGNORE
from training.sources import own_handles
from training.sources.own import OwnImages
from training.sources.own_choices import FileChoice, RasterLabels, ReadingChoice
from training.sources.own_errors import NoTrainingScenes, StrayCodes, UnusableScenes

WINDOW = Window(7, 11, 30, 40)
PRODUCT = "sentinel-2-l2a"


def open_source(folder, *, files=None, **options):
    return OwnImages(list(BANDS), PRODUCT, files=FileChoice(root=str(folder), **(files or {})), **options)


def only_scene(folder, **options):
    (scene,) = open_source(folder, **options).scenes()
    return scene


def whole(scene):
    return {name: raster.numpy() for name, raster in scene.read(scene.info.extent).items()}


@pytest.fixture
def one(tmp_path):
    """A folder with one image and its labels, (row, col) codes of UNCCD-7."""
    return make_data(tmp_path, ["alpha"])


def test_a_scene_holds_the_numbers_of_its_files(one):
    scene = only_scene(one)
    assert (scene.info.name, scene.info.site, scene.info.level) == ("alpha", "alpha", "L2A")
    assert [path.name for path in scene.info.files] == ["alpha.tif", "alpha.tif"]
    read = whole(scene)
    np.testing.assert_array_equal(read["image"], dark_numbers(0))
    np.testing.assert_array_equal(read["mask"], codes(0) - 1)
    assert read["image"].dtype == np.int32
    part = scene.read(WINDOW)
    np.testing.assert_array_equal(part["image"], dark_numbers(0)[:, WINDOW.rows, WINDOW.cols])
    np.testing.assert_array_equal(part["mask"], codes(0)[WINDOW.rows, WINDOW.cols] - 1)


def test_bands_are_found_by_name_and_put_in_order(tmp_path):
    shuffled = ("B08", "B02", "B04", "B03")
    write_image(tmp_path / "images/a.tif", dark_numbers(3), names=shuffled)
    write_labels(tmp_path / "labels/a.tif", codes(3))
    read = whole(only_scene(tmp_path))["image"]
    np.testing.assert_array_equal(read, dark_numbers(3)[[shuffled.index(band) for band in BANDS]])


def test_pixels_without_image_have_no_label_and_are_zero(tmp_path):
    dn = dark_numbers(0)
    dn[:, 5:9, 5:9] = 65535
    dn[1, 20, 20] = 65535  # one band alone is no hole
    write_image(tmp_path / "images/a.tif", dn, nodata=65535)
    write_labels(tmp_path / "labels/a.tif", codes(0))
    read = whole(only_scene(tmp_path))
    assert (read["mask"][5:9, 5:9] == IGNORE).all()
    assert (read["image"][:, 5:9, 5:9] == 0).all()
    assert read["mask"][20, 20] == codes(0)[20, 20] - 1


def test_a_folder_of_bands_is_a_scene(tmp_path):
    fine = {name: dark_numbers(number, (64, 64), 1)[0] for number, name in enumerate(("B02", "B03", "B04"))}
    coarse = {"B08": dark_numbers(9, (32, 32), 1)[0]}
    write_band_folder(tmp_path / "images" / "T33UUU_20170216", fine | coarse)
    write_labels(tmp_path / "labels" / "T33UUU_20170216.tif", codes(0, (64, 64)))
    scene = only_scene(tmp_path, reading=ReadingChoice(product=PRODUCT))
    read = whole(scene)["image"]
    np.testing.assert_array_equal(read[1], fine["B03"])
    assert coarse["B08"].min() <= read[3].min() <= read[3].max() <= coarse["B08"].max()
    part = scene.read(WINDOW)["image"].numpy()
    np.testing.assert_array_equal(part, read[:, WINDOW.rows, WINDOW.cols])
    assert len(scene.info.files) == len(BANDS) + 1


@pytest.mark.parametrize("stated", ["by the file", "by the config", "by the table"])
def test_baseline_0400_is_brought_to_the_product_of_the_source(tmp_path, stated):
    dn = dark_numbers(0) + 900  # some of it below the offset of 1000
    tags = {"processing_level": "L2A"} | ({"scale": "0.0001", "offset": "-0.1"} if stated == "by the file" else {})
    write_image(tmp_path / "images/a.tif", dn, tags=tags)
    write_labels(tmp_path / "labels/a.tif", codes(0))
    product = "sentinel-2-l2a-0400"
    reading = ReadingChoice(product=product if stated == "by the config" else None)
    files = {}
    if stated == "by the table":
        (tmp_path / "scenes.csv").write_text(f"image,labels,product\nimages/a.tif,labels/a.tif,{product}\n")
        files = {"table": "scenes.csv"}
    read = whole(only_scene(tmp_path, files=files, reading=reading))["image"]
    np.testing.assert_array_equal(read, np.maximum(dn.astype(int) - 1000, 1))


def test_another_sensor_is_read_by_common_names_in_the_scale_of_the_source(tmp_path):
    names = ("SR_B2", "SR_B3", "SR_B4", "SR_B5")
    dn = dark_numbers(1) + 8000
    write_image(tmp_path / "images/a.tif", dn, names=names, tags={})
    write_labels(tmp_path / "labels/a.tif", codes(0))
    (tmp_path / "scenes.csv").write_text("image,labels,product\nimages/a.tif,labels/a.tif,landsat-8-c2-l2\n")
    source = OwnImages(["B02", "B03", "B04", "B8A"], PRODUCT, files=FileChoice(root=str(tmp_path), table="scenes.csv"))
    (scene,) = source.scenes()
    assert scene.info.level == "L2SP"
    wanted = np.clip(np.rint((dn * 0.0000275 - 0.2) / 1e-4), 1, 65535)
    np.testing.assert_array_equal(whole(scene)["image"], wanted)


def test_a_sensor_without_a_band_is_refused_by_its_name(tmp_path):
    make_data(tmp_path, ["a"])
    (tmp_path / "scenes.csv").write_text("image,labels,product\nimages/a.tif,labels/a.tif,landsat-8-c2-l2\n")
    with pytest.raises(UnusableScenes, match=r"'landsat-8-c2-l2' has no counterpart of B08 \(nir\)"):
        open_source(tmp_path, files={"table": "scenes.csv"}).scenes()


def test_reflectance_in_fractions_becomes_digital_numbers_in_fractions(tmp_path):
    reflectance = (dark_numbers(0) / 10_000).astype(np.float32)
    reflectance[:, 3, 3] = np.nan
    write_image(tmp_path / "images/a.tif", reflectance, tags={}, nodata=None)
    write_labels(tmp_path / "labels/a.tif", codes(0))
    read = whole(only_scene(tmp_path, reading=ReadingChoice(dtype="float32", scale=1.0, offset=0.0)))
    assert read["image"].dtype == np.float32
    assert (read["image"][:, 3, 3] == 0).all()
    assert read["mask"][3, 3] == IGNORE
    read["image"][:, 3, 3] = dark_numbers(0)[:, 3, 3]
    np.testing.assert_allclose(read["image"], dark_numbers(0), rtol=1e-5)


def test_a_table_says_site_split_weight_and_mask(tmp_path):
    make_data(tmp_path, ["a", "b"])
    percent = np.linspace(0, 100, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint8)
    clouds = np.zeros(SHAPE, np.uint8)
    clouds[:10] = 9
    write_labels(tmp_path / "weight.tif", percent, 0)
    write_labels(tmp_path / "scl.tif", clouds, 1)
    (tmp_path / "scenes.csv").write_text(
        "image,labels,site,date,split,weight,mask\n"
        "images/b.tif,labels/b.tif,there,2020-06-01,test,0.25,scl.tif\n"
        "images/a.tif,labels/a.tif,here,2019-06-01,train,weight.tif,\n"
    )
    reading = ReadingChoice(weight_scale=0.01, mask_codes=[8, 9, 10])
    first, second = open_source(tmp_path, files={"table": "scenes.csv"}, reading=reading).scenes()
    assert [(scene.info.site, scene.info.split) for scene in (first, second)] == [("here", "train"), ("there", "test")]
    np.testing.assert_allclose(whole(first)["weight"], percent / 100)
    np.testing.assert_array_equal(whole(second)["weight"], np.full(SHAPE, 0.25))
    assert (whole(second)["mask"][:10] == IGNORE).all()
    np.testing.assert_array_equal(whole(second)["mask"][10:], codes(1)[10:] - 1)


def test_images_of_one_name_are_told_apart_by_date_or_folder(tmp_path):
    for place in ("x", "y"):
        write_image(tmp_path / place / "image.tif", dark_numbers(0))
        write_labels(tmp_path / place / "labels.tif", codes(0))
    table = tmp_path / "scenes.csv"
    table.write_text("image,labels,date\nx/image.tif,x/labels.tif,2019\ny/image.tif,y/labels.tif,2020\n")
    names = [scene.info.name for scene in open_source(tmp_path, files={"table": "scenes.csv"}).scenes()]
    assert names == ["image_2019", "image_2020"]
    table.write_text("image,labels\nx/image.tif,x/labels.tif\ny/image.tif,y/labels.tif\n")
    names = [scene.info.name for scene in open_source(tmp_path, files={"table": "scenes.csv"}).scenes()]
    assert [name.rpartition("/")[0][-2:] for name in names] == ["/x", "/y"]


def test_site_and_date_come_from_the_name(tmp_path):
    make_data(tmp_path, ["here_20190601", "here_20200601"])
    sites = {scene.info.site for scene in open_source(tmp_path, files={"site": r"(?P<site>.+)_\d{8}"}).scenes()}
    assert sites == {"here"}


# --- labels -----------------------------------------------------------------------------------------------------------


def labelled(tmp_path, numbers_BHW, rasters, **profile):
    write_image(tmp_path / "images/a.tif", dark_numbers(0))
    write_labels(tmp_path / "labels/a.tif", numbers_BHW, **profile)
    return whole(only_scene(tmp_path, rasters=rasters))["mask"]


def test_codes_pass_a_crosswalk(tmp_path):
    worldcover = np.random.default_rng(0).choice([10, 30, 40, 50, 80], SHAPE).astype(np.uint8)
    worldcover[:4] = 70  # snow has a class in UNCCD-7
    worldcover[4:6] = 0
    mask = labelled(tmp_path, worldcover, RasterLabels(legend="worldcover"), nodata=0)
    wanted = get_crosswalk("worldcover").apply(np.where(worldcover == 0, 255, worldcover).astype(np.uint8))
    np.testing.assert_array_equal(mask[6:], wanted[6:] - 1)
    assert (mask[4:6] == IGNORE).all()


def test_a_crosswalk_file_names_its_own_legend(tmp_path):
    document = crosswalk_document(get_crosswalk("worldcover"))
    document |= {"id": "mine", "status": "national", "nodata": [0]}
    rules = [{"from": [10, 95], "to": 1}, {"from": [rest for rest in _worldcover() if rest not in {10, 95}], "to": 6}]
    (tmp_path / "mine.json").write_text(json.dumps(document | {"rules": rules}))
    numbers = np.where(np.arange(SHAPE[1]) < 20, 10, 80)[None] * np.ones((SHAPE[0], 1), int)
    mask = labelled(tmp_path, numbers.astype(np.uint8), RasterLabels(crosswalk="mine.json"))
    assert (mask[:, :20] == 0).all()
    assert (mask[:, 20:] == 5).all()


def _worldcover():
    return [code for code, _ in get_crosswalk("worldcover").mapping]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_type_of_whole_numbers_is_read(tmp_path, dtype):
    np.testing.assert_array_equal(labelled(tmp_path, codes(0).astype(dtype), None), codes(0) - 1)


def test_nodata_is_no_label_however_it_is_written(tmp_path):
    numbers = codes(0).astype(np.float32)
    numbers[0], numbers[1], numbers[2] = np.nan, -9999, 77
    mask = labelled(tmp_path, numbers, RasterLabels(nodata=[77]), nodata=-9999)
    assert (mask[:3] == IGNORE).all()
    np.testing.assert_array_equal(mask[3:], codes(0)[3:] - 1)


def test_colours_and_one_hot_bands_are_read_when_the_config_says_so(tmp_path):
    palette = np.array([[0, 100, 0], [255, 255, 76], [0, 0, 255]], np.uint8)
    chosen = np.random.default_rng(0).integers(0, 3, SHAPE)
    colors = {"#006400": 1, "#ffff4c": 2, "#0000FF": 7}
    rgb = labelled(tmp_path, palette[chosen].transpose(2, 0, 1), RasterLabels(encoding="rgb", colors=colors))
    np.testing.assert_array_equal(rgb, np.array([0, 1, 6])[chosen])
    one_hot = (codes(0)[None] == np.arange(1, 8)[:, None, None]).astype(np.uint8)
    one_hot[:, 0, 0] = 0
    mask = labelled(tmp_path, one_hot, RasterLabels(encoding="one-hot"))
    assert mask[0, 0] == IGNORE
    np.testing.assert_array_equal(mask.ravel()[1:], codes(0).ravel()[1:] - 1)


def test_stray_codes_are_counted(tmp_path):
    numbers = codes(0)
    numbers[0, :5], numbers[1, :2] = 9, 200
    with pytest.raises(StrayCodes, match=r"'a.tif' hold codes .*\(code: pixels\): 9: 5, 200: 2") as caught:
        labelled(tmp_path, numbers, None)
    assert pickle.loads(pickle.dumps(caught.value)).counts == {"9": 5, "200": 2}  # noqa: S301 (our own bytes)


def test_labels_on_another_grid_are_brought_over_only_when_asked(tmp_path):
    write_image(tmp_path / "images/a.tif", dark_numbers(0))
    coarse = codes(0, (SHAPE[0] // 2, SHAPE[1] // 2))
    write_labels(tmp_path / "labels/a.tif", coarse, transform=grid_at(0, pixel=20.0))
    with pytest.raises(UnusableScenes, match="has pixels of 20 x 20 units, its image of 10 x 10"):
        open_source(tmp_path).scenes()
    scene = only_scene(tmp_path, reading=ReadingChoice(resample=True))
    wanted = coarse.repeat(2, axis=0).repeat(2, axis=1) - 1
    np.testing.assert_array_equal(whole(scene)["mask"], wanted)
    np.testing.assert_array_equal(scene.read(WINDOW)["mask"], wanted[WINDOW.rows, WINDOW.cols])


# --- memory and processes ---------------------------------------------------------------------------------------------


class Windows(Dataset):
    """Windows of a scene, read by a loader process."""

    def __init__(self, scene):
        self._scene = scene

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return self._scene.read(Window(number, 0, 20, 30))


def test_scenes_survive_pickling(one):
    scene = only_scene(one)
    scene.read(WINDOW)
    again = pickle.loads(pickle.dumps(scene))  # noqa: S301 (our own bytes)
    assert torch.equal(again.read(WINDOW)["image"], scene.read(WINDOW)["image"])


def test_loader_processes_open_files_of_their_own(one):
    scene = only_scene(one)
    scene.read(WINDOW)  # this process has them open
    loader = DataLoader(Windows(scene), batch_size=1, num_workers=1, multiprocessing_context="fork")
    for number, batch in enumerate(loader):
        wanted = torch.from_numpy(dark_numbers(0)[:, number : number + 20, :30].astype(np.int32))
        assert torch.equal(batch["image"][0], wanted)


def test_few_scenes_are_open_at_once(tmp_path, monkeypatch):
    make_data(tmp_path, [f"place{number}" for number in range(5)])
    few = own_handles.OpenFiles(most=3)
    for module in ("own_scene", "own_rasters", "own_vectors"):
        monkeypatch.setattr(f"training.sources.{module}.OPEN", few)
    for _ in range(2):
        for number, scene in enumerate(open_source(tmp_path).scenes()):
            np.testing.assert_array_equal(whole(scene)["image"], dark_numbers(number))
            assert len(few._open) <= 3
    few.close()


def test_scenes_are_held_in_memory_while_the_budget_lasts(tmp_path):
    make_data(tmp_path, ["a", "b", "c"])
    scenes = open_source(tmp_path, reading=ReadingChoice(memory_mb=1)).scenes()
    scenes[0]._budget._left = 2 * scenes[0]._size()
    for scene in (*scenes, scenes[0]):
        scene.load()
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    own_handles.OPEN.close()
    np.testing.assert_array_equal(scenes[1].read(WINDOW)["image"], dark_numbers(1)[:, WINDOW.rows, WINDOW.cols])
    with pytest.raises(DataError, match="does not exist"):
        scenes[2].read(WINDOW)


# --- what cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("picture,labels\n", "has no column 'image'"),
        ("image,labels,colour\n", "has a column 'colour'"),
        ("image,labels,split\na.tif,a.tif,dev\n", "line 2 .* has the split 'dev'"),
        ("image,labels,weight\na.tif,a.tif,7\n", "line 2 .* has the weight 7"),
        ("image,labels\n,a.tif\n", "has no image"),
        ("image,labels\na.tif,a.tif\na.tif,b.tif\n", "listed more than once"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, text, says):
    (tmp_path / "scenes.csv").write_text(text)
    with pytest.raises(ConfigError, match=says):
        open_source(tmp_path, files={"table": "scenes.csv"}).scenes()


def test_an_empty_table_has_no_scenes(tmp_path):
    (tmp_path / "scenes.csv").write_text("image,labels\n")
    with pytest.raises(NoTrainingScenes, match=r"'scenes.csv' has no rows"):
        open_source(tmp_path, files={"table": "scenes.csv"}).scenes()


def test_the_good_scenes_are_still_known_beside_the_bad_ones(tmp_path):
    make_data(tmp_path, ["a", "b", "c"])
    write_tiff(tmp_path / "images/b.tif", dark_numbers(1)[:3], names=BANDS[:3], tags=TAGS)
    (tmp_path / "labels/c.tif").unlink()
    with pytest.raises(UnusableScenes, match="2 of 3 scenes cannot be used") as caught:
        open_source(tmp_path).scenes()
    assert [scene.info.name for scene in caught.value.usable] == ["a"]
    messages = {problem.scene: str(problem.error) for problem in caught.value.problems}
    assert "has no band B08" in messages["b"]
    assert messages["c"] == "there is no file with its labels"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FileChoice(site="(?P<place>.*)"), "has no group"),
        (lambda: FileChoice(site="("), "is no regular expression"),
        (lambda: ReadingChoice(scale=1.0), "belong together"),
        (lambda: RasterLabels(legend="worldcover", crosswalk="x.json"), "exclude each other"),
        (lambda: RasterLabels(encoding="rgb"), "belongs to encoding 'rgb'"),
        (lambda: RasterLabels(encoding="rgb", colors={"green": 1}), "'green' is no colour"),
        (lambda: OwnImages(["B02"], "spot-5"), "'spot-5' is not known"),
        (lambda: OwnImages(["B99"], PRODUCT), "has no band 'B99'"),
        (lambda: OwnImages(["B02"], PRODUCT, legend="mine"), "'mine' is not known"),
    ],
)
def test_options_that_contradict_each_other_are_refused(make, says):
    with pytest.raises((ConfigError, DataError), match=says):
        make()
