"""Polygons and points as labels, pixel by pixel against shapely's own answer for every pixel centre."""

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from landcover.errors import ConfigError, NoCrs
from landcover.grid import Window
from landcover.legends import get_legend
from tests.rasters import BANDS, UTM33
from tests.training.own_data import SHAPE, box, dark_numbers, grid_at, write_geojson, write_image
from training.scenes import IGNORE
from training.sources.own import OwnImages
from training.sources.own_burn import Shapes, burn
from training.sources.own_choices import FileChoice, VectorLabels
from training.sources.own_errors import UnusableScenes
from training.sources.own_vectors import class_of_values

CLASSES = {"wood": "tree_covered", "lake": "Water bodies", "field": 3, "unsure": None}
INDEX = {"wood": 0, "lake": 6, "field": 2}
POLYGONS = [
    (box(3.2, 4.7, 30.1, 25.6), {"kind": "wood"}),
    (box(20.0, 15.0, 50.0, 40.0), {"kind": "lake"}),  # on a corner of the wood
    (box(40.0, 45.0, 90.0, 80.0), {"kind": "field"}),  # beyond the image
    (box(5.0, 30.0, 12.0, 36.0), {"kind": "wood"}),
    (box(8.0, 33.0, 15.0, 39.0), {"kind": "wood"}),  # on another wood: no contradiction
    (box(30.0, 0.0, 33.0, 3.0), {"kind": "unsure"}),
]


def scene_of(folder, **choice):
    write_image(folder / "images/a.tif", dark_numbers(0))
    vectors = VectorLabels("kind", classes=CLASSES, **choice)
    files = FileChoice(root=str(folder), labels="labels.*")
    files = FileChoice(root=str(folder), labels=next(folder.glob("labels.*")).name)
    (scene,) = OwnImages(list(BANDS), "sentinel-2-l2a", files=files, vectors=vectors).scenes()
    return scene


def labels(scene):
    return scene.read(scene.info.extent)["mask"].numpy()


def expected(features, shape=SHAPE):
    """By asking for every pixel centre which features contain it."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    x, y = grid_at(0) @ (cols.ravel() + 0.5, rows.ravel() + 0.5)
    found = np.full(rows.size, IGNORE, np.uint8)
    clash = np.zeros(rows.size, bool)
    for geometry, values in features:
        index = INDEX.get(values["kind"])
        if index is None:
            continue
        inside = shapely.contains_xy(shapely.geometry.shape(geometry), x, y)
        clash |= inside & (found != IGNORE) & (found != index)
        found[inside] = index
    found[clash] = IGNORE
    return found.reshape(shape), int(clash.sum())


def test_a_pixel_belongs_to_the_polygon_its_centre_lies_in(tmp_path):
    write_geojson(tmp_path / "labels.geojson", POLYGONS)
    scene = scene_of(tmp_path)
    wanted, clashes = expected(POLYGONS)
    np.testing.assert_array_equal(labels(scene), wanted)
    assert clashes > 100
    (remark,) = (remark for remark in scene.remarks() if "overlap" in remark.message)
    assert remark.count == clashes


def test_vectors_in_another_crs_are_transformed(tmp_path):
    def degrees(xy):
        return np.column_stack(Transformer.from_crs(UTM33, "EPSG:4326", always_xy=True).transform(*xy.T))

    moved = [
        (shapely.geometry.mapping(shapely.transform(shapely.geometry.shape(shape), degrees)), values)
        for shape, values in POLYGONS
    ]
    write_geojson(tmp_path / "labels.geojson", moved, crs="EPSG:4326")
    found, (wanted, _) = labels(scene_of(tmp_path)), expected(POLYGONS)
    differ = found != wanted  # straight lines bend by less than a pixel
    assert differ.mean() < 0.01


@pytest.mark.parametrize("erode", [1, 3])
def test_erosion_takes_mixed_edges_away(tmp_path, erode):
    write_geojson(tmp_path / "labels.geojson", POLYGONS)
    found, (burnt, _) = labels(scene_of(tmp_path, erode=erode)), expected(POLYGONS, (SHAPE[0], SHAPE[1]))
    for row in range(erode, SHAPE[0] - erode):
        for col in range(erode, SHAPE[1] - erode):
            around = burnt[row - erode : row + erode + 1, col - erode : col + erode + 1]
            assert found[row, col] == (around[0, 0] if len(np.unique(around)) == 1 else IGNORE)


@pytest.mark.parametrize(("erode", "radius"), [(0, 0), (2, 3)])
def test_windows_agree_with_the_whole(tmp_path, erode, radius):
    points = [({"type": "Point", "coordinates": grid_at(0) @ (55.5, 20.5)}, {"kind": "field"})]
    write_geojson(tmp_path / "labels.geojson", [*POLYGONS, *points])
    scene = scene_of(tmp_path, erode=erode, radius=radius)
    together = labels(scene)
    for row in range(0, SHAPE[0], 13):
        for col in range(0, SHAPE[1], 17):
            window = Window(row, col, min(13, SHAPE[0] - row), min(17, SHAPE[1] - col))
            np.testing.assert_array_equal(scene.read(window)["mask"], together[window.rows, window.cols])


@pytest.mark.parametrize("kind", ["Point", "MultiPoint"])
def test_points_label_a_square(tmp_path, kind):
    places = [(10.2, 5.9), (10.9, 30.1)] if kind == "MultiPoint" else [(10.2, 5.9)]
    coordinates = [list(grid_at(0) @ place) for place in places]
    geometry = {"type": kind, "coordinates": coordinates if kind == "MultiPoint" else coordinates[0]}
    write_geojson(tmp_path / "labels.geojson", [(geometry, {"kind": "lake"})])
    wanted = np.full(SHAPE, IGNORE)
    for col, row in places:
        wanted[int(row) - 2 : int(row) + 3, int(col) - 2 : int(col) + 3] = INDEX["lake"]
    np.testing.assert_array_equal(labels(scene_of(tmp_path, radius=2)), wanted)


def test_points_and_polygons_that_differ_leave_no_label():
    shapes = np.array([shapely.box(0, 0, 10, 10), shapely.Point(5.5, 5.5), shapely.Point(20.5, 5.5)])
    found, clashes = burn(
        Shapes(shapes, np.array([1, 2, 2]), shapely.STRtree(shapes)), Window(0, 0, 12, 24), erode=0, radius=1
    )
    assert clashes == 9
    assert (found[4:7, 4:7] == IGNORE).all()
    assert (found[4:7, 19:22] == 2).all()
    assert (found == 1).sum() == 91


def test_a_layer_of_a_geopackage(tmp_path):
    shapes = [shapely.geometry.shape(shape) for shape, _ in POLYGONS]
    kinds = np.array([values["kind"] for _, values in POLYGONS], dtype=object)
    for layer, geometries in {"other": shapes[:1], "land": shapes}.items():
        pyogrio.raw.write(
            tmp_path / "labels.gpkg",
            shapely.to_wkb(geometries),
            [kinds[: len(geometries)]],
            ["kind"],
            crs=UTM33,
            geometry_type="Polygon",
            layer=layer,
            driver="GPKG",
            append=layer == "land",
        )
    np.testing.assert_array_equal(labels(scene_of(tmp_path, layer="land")), expected(POLYGONS)[0])
    with pytest.raises(ConfigError, match="has no layer 'sea'; it has other, land"):
        scene_of(tmp_path, layer="sea")


# --- classes ----------------------------------------------------------------------------------------------------------

LEGEND = get_legend("unccd7")


def classes(names, **mapping):
    return dict(class_of_values(names, VectorLabels("kind", classes=mapping), LEGEND, "file"))


def test_values_are_classes_by_name_title_code_or_mapping():
    found = classes(["grassland", "Water bodies", "4", "Wald", "Rest"], Wald=1, **{"*": None})
    assert found == {"grassland": 1, "Water bodies": 6, "4": 3, "Wald": 0, "Rest": -1}


def test_values_without_a_class_are_counted(tmp_path):
    write_geojson(tmp_path / "labels.geojson", [*POLYGONS, (box(0, 0, 2, 2), {"kind": "quarry"})])
    with pytest.raises(UnusableScenes, match=r"'kind' that are no class \(value: features\): quarry: 1;"):
        scene_of(tmp_path)


def test_a_class_the_legend_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="'forest' is no class of 'unccd7'; its classes are 1 tree_covered"):
        classes(["a"], a="forest")


@pytest.mark.parametrize(
    ("geometry", "values", "says"),
    [
        (box(0, 0, 2, 2), {"sort": "wood"}, "has no column 'kind'; it has sort"),
        (
            {"type": "LineString", "coordinates": [grid_at(0) @ (1, 1), grid_at(0) @ (9, 9)]},
            {"kind": "wood"},
            "1 features of the kind linestring",
        ),
    ],
)
def test_features_that_cannot_be_used(tmp_path, geometry, values, says):
    write_geojson(tmp_path / "labels.geojson", [(geometry, values)])
    with pytest.raises(Exception, match=says):
        labels(scene_of(tmp_path))


def test_a_vector_file_must_have_a_crs(tmp_path):
    blobs = shapely.to_wkb([shapely.box(0, 0, 1, 1)])
    kinds = [np.array(["wood"], dtype=object)]
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.raw.write(tmp_path / "labels.gpkg", blobs, kinds, ["kind"], geometry_type="Polygon", driver="GPKG")
    with pytest.raises((NoCrs, UnusableScenes), match="no coordinate reference system"):
        scene_of(tmp_path)


def test_bytes_that_are_no_vectors_are_refused(tmp_path):
    (tmp_path / "labels.gpkg").write_text("nothing")
    with pytest.raises(UnusableScenes, match="no vector file that can be read"):
        scene_of(tmp_path)
