"""A sample of areas: the pixels whose centres lie in them, no others, and their areas; against brute force."""

import hashlib
import json

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from indicators.areas import PixelAreas
from indicators.zones.reading import read_zones
from landcover.errors import NoValidData, WrongUse
from landcover.raster.categorical import open_codes
from serving.cli import main
from serving.report import population
from serving.report.accuracy import AccuracyOrder, assess
from serving.report.sampling import SampleOrder, draw_sample
from serving.report.samplingareas import SampledAreas
from tests.serving.report.classmaps import UTM, class_codes, write_map

CODES = class_codes()
LAND = (1, 2, 3, 7)

# Metres east and south of the map's corner: a slanted country with a hole, an island, and a part beyond the map.
OUTER = [(100, 130), (1700, 40), (1900, 900), (1300, 1600), (260, 1500), (100, 130)]
HOLE = [(700, 500), (700, 800), (1000, 820), (1010, 510), (700, 500)]
ISLAND = [(2100, 200), (2390, 210), (2250, 420), (2100, 200)]
BEYOND = [(2000, 1500), (2600, 1500), (2600, 2100), (2000, 2100), (2000, 1500)]
NOWHERE = [(9000, 9000), (9100, 9000), (9100, 9100), (9000, 9000)]


def placed(ring):
    return [(500_000 + x, 5_500_000 - y) for x, y in ring]


SHAPES = {
    "Land": shapely.Polygon(placed(OUTER), [placed(HOLE)]),
    "Islands": shapely.MultiPolygon([shapely.Polygon(placed(ring)) for ring in (ISLAND, BEYOND)]),
}


def write_areas(path, shapes=SHAPES, *, degrees=False):
    if degrees:
        to_degrees = Transformer.from_crs(UTM.crs, "OGC:CRS84", always_xy=True)
        shapes = {
            name: shapely.transform(shape.segmentize(20), to_degrees.transform, interleaved=False)
            for name, shape in shapes.items()
        }
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"name": name}, "geometry": json.loads(shapely.to_geojson(shape))}
            for name, shape in shapes.items()
        ],
    }
    if not degrees:
        document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path.write_text(json.dumps(document))
    return path


def inside():
    """Brute force: every centre of a pixel against every polygon."""
    col, row = np.meshgrid(np.arange(UTM.width) + 0.5, np.arange(UTM.height) + 0.5)
    x, y = UTM.transform @ (col, row)
    return shapely.contains_xy(shapely.union_all(list(SHAPES.values())), x, y)


INSIDE = inside()
SIZES = np.broadcast_to(PixelAreas(UTM).rows(0, UTM.height), CODES.shape)


@pytest.fixture
def class_map(tmp_path):
    return write_map(tmp_path / "map.tif")


@pytest.fixture
def areas(tmp_path):
    return write_areas(tmp_path / "areas.geojson")


def drawn_in(class_map, areas, path, **more):
    return draw_sample(SampleOrder(map=class_map, zones=read_zones(areas), **({"n": 100, "minimum": 10} | more)), path)


@pytest.mark.parametrize("degrees", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 60])
def test_pixels_are_those_of_brute_force(class_map, tmp_path, degrees, rows, monkeypatch):
    path = write_areas(tmp_path / "a.geojson", degrees=degrees)
    monkeypatch.setattr(population, "_PIECE_PIXELS", rows * UTM.width)
    with open_codes(class_map) as codes:
        found = SampledAreas(read_zones(path), codes.grid)
        outside = np.ones(CODES.shape, np.bool_)
        read = np.full(CODES.shape, -32768)
        for row, codes_RW, outside_RW in population.code_rows(codes, found):
            outside[row : row + len(codes_RW)] = outside_RW
            read[row : row + len(codes_RW)] = codes_RW
    np.testing.assert_array_equal(~outside, INSIDE)
    np.testing.assert_array_equal(read, np.where(INSIDE & (CODES != 255), CODES.astype(int), -32768))


def test_strata_are_of_the_areas(class_map, areas, tmp_path):
    drawn = drawn_in(class_map, areas, tmp_path / "p.csv")
    for stratum in drawn.design.strata.each:
        here = INSIDE & (stratum.code == CODES)
        assert stratum.pixels == here.sum()
        assert stratum.area_km2 == pytest.approx(SIZES[here].sum())
    document = json.loads((tmp_path / "p.design.json").read_text())
    missing = INSIDE & (CODES == 255)
    assert document["nodata"]["pixels"] == missing.sum() > 0
    assert document["nodata"]["area_km2"] == pytest.approx(SIZES[missing].sum())
    assert document["areas"] == {
        "name": "areas.geojson",
        "sha256": hashlib.sha256(areas.read_bytes()).hexdigest(),
        "names": ["Land", "Islands"],
        "rule": "pixels whose centre lies in the areas; a centre on a left or upper side is inside",
    }


@pytest.mark.parametrize("by_class", [True, False])
def test_points_lie_in_the_areas(class_map, areas, tmp_path, by_class):
    drawn = drawn_in(class_map, areas, tmp_path / "p.csv", n=120, by_class=by_class)
    points = [tuple(point[3:]) for point in drawn.document["points"]]
    assert len(set(points)) == 120
    assert all(INSIDE[at] and CODES[at] in LAND for at in points)
    assert [CODES[at] for at in points] == [point[2] for point in drawn.document["points"]]
    again = drawn_in(class_map, areas, tmp_path / "again.csv", n=120, by_class=by_class)
    assert again.document["points"] == drawn.document["points"]


def test_it_is_the_sample_of_a_map_that_is_cut_to_the_areas(class_map, areas, tmp_path):
    """Ranks count the pixels of the areas only, so a map without the others has the same points."""
    cut = write_map(tmp_path / "cut.tif", np.where(INSIDE, CODES, 255))
    drawn = drawn_in(class_map, areas, tmp_path / "p.csv")
    alone = draw_sample(SampleOrder(map=cut, n=100, minimum=10), tmp_path / "q.csv")
    assert drawn.document["points"] == alone.document["points"]
    assert drawn.design.identity == alone.design.identity
    assert alone.document["areas"] is None


def test_every_pixel_of_the_areas_may_be_drawn_equally(class_map, areas, tmp_path):
    """All pixels of a class in the areas are the sample when as many are wanted."""
    counts = {code: int((INSIDE & (code == CODES)).sum()) for code in LAND}
    drawn = drawn_in(class_map, areas, tmp_path / "p.csv", n=sum(counts.values()))
    assert {tuple(point[3:]) for point in drawn.document["points"]} == set(
        map(tuple, np.argwhere(INSIDE & (CODES != 255)).tolist())
    )


def test_error_adjusted_areas_add_up_to_the_areas(class_map, areas, tmp_path):
    drawn = drawn_in(class_map, areas, tmp_path / "p.csv")
    text = (tmp_path / "p.csv").read_text().splitlines()
    filled = [text[0]]
    for line in text[1:]:
        cells = line.split(",")
        cells[7] = cells[5] if int(cells[0]) % 7 else "2"
        filled.append(",".join(cells))
    (tmp_path / "p.csv").write_text("\n".join(filled) + "\n")
    result = assess(AccuracyOrder(points=tmp_path / "p.csv", design=drawn.path))
    assert result.document["areas"]["name"] == "areas.geojson"
    assert result.summary.startswith("# Accuracy of map.tif in areas.geojson\n")
    km2 = sum(one.area_km2.value for one in result.found.classes)
    assert km2 == pytest.approx(SIZES[INSIDE & (CODES != 255)].sum())


def test_areas_without_pixels_are_refused(class_map, tmp_path):
    far = write_areas(tmp_path / "far.geojson", {"Far": shapely.Polygon(placed(NOWHERE))})
    with pytest.raises(NoValidData, match=r"no area of 'far\.geojson' holds the centre"):
        drawn_in(class_map, far, tmp_path / "p.csv")
    tiny = shapely.box(500_301, 5_499_601, 500_304, 5_499_604)
    with pytest.raises(NoValidData, match=r"in 'tiny\.geojson' is of the population"):
        drawn_in(class_map, write_areas(tmp_path / "tiny.geojson", {"Tiny": tiny}), tmp_path / "p.csv")
    assert not list(tmp_path.glob("p.*"))


def test_the_command(class_map, areas, tmp_path, capsys):
    words = ["report", "sample", str(class_map), "-o", str(tmp_path / "p.csv"), "--n", "100", "--minimum", "10"]
    assert main([*words, "--layer", "x"]) == WrongUse.exit_code
    assert "--areas" in capsys.readouterr().err
    assert main([*words, "--areas", str(areas), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["areas"]["name"] == "areas.geojson"
    assert sum(one["pixels"] for one in told["strata"]) == (INSIDE & (CODES != 255)).sum()
    assert CRS(told["points_crs"]) == UTM.crs
