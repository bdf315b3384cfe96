import json
from copy import deepcopy

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from indicators.areas import PixelAreas
from indicators.codes import NODATA
from indicators.condition.correcting import Correcting, CorrectionsOverlap, place
from indicators.condition.correction_files import parse_corrections, read_corrections
from indicators.condition.corrections import FALSE_DEGRADATION, MISSED_DEGRADATION, OTHER, kind_of
from indicators.condition.land import AreaImpossible
from indicators.condition.recoding import CorrectionInvalid, Recoding
from landcover.errors import AreaInvalid, UnmappedCodes, WindowError
from landcover.grid import Grid

GRID = Grid(CRS.from_epsg(4326), Affine(0.01, 0, 100, 0, -0.01, 40), 60, 80)
SQUARE = [[100.1, 39.9], [100.3, 39.9], [100.3, 39.7], [100.1, 39.7], [100.1, 39.9]]
OTHER_PLACE = [[100.5, 39.9], [100.613, 39.87], [100.71, 39.6], [100.44, 39.7], [100.5, 39.9]]


def feature(ring=SQUARE, **properties):
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "uuid": "0a3f2a52-7d0b-4f3f-9f54-2f0d5c0e8a11",
            "location_name": "Ordos",
            "area_km_sq": 380.5,
            "process_driving_change": "woody weeds",
            "basis_for_judgement": "field visit",
            "periods_affected": ["baseline", "report_1"],
            "recode_deg_to": None,
            "recode_stable_to": -1,
            "recode_imp_to": -1,
            **properties,
        },
    }


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def two():
    second = feature(
        OTHER_PLACE,
        uuid="6f1e0e5e-0a55-4e3b-8d5c-3c8a3c9b7d10",
        location_name="Alxa",
        recode_deg_to=1,
        recode_stable_to=None,
        recode_imp_to=None,
    )
    return parse_corrections(collection(feature(), second), "c.geojson")


def test_properties_are_those_of_trends_earth():
    found = two().to_document()["features"][0]["properties"]
    assert list(found) == [
        "uuid",
        "location_name",
        "area_km_sq",
        "process_driving_change",
        "basis_for_judgement",
        "periods_affected",
        "recode_deg_to",
        "recode_stable_to",
        "recode_imp_to",
        "kind",
        "prais_label",
    ]
    assert {name: found[name] for name in feature()["properties"]} == feature()["properties"]


def test_the_manuals_words_stand_beside_ours():
    missed, false = two()
    assert (missed.kind, missed.prais_label) == ("missed_degradation", "False positive")
    assert (false.kind, false.prais_label) == ("false_degradation", "False negative")
    assert (missed.periods_mask, false.periods_mask) == (3, 3)


def test_corrections_read_the_same_from_their_document(tmp_path):
    path = tmp_path / "corrections.geojson"
    path.write_text(json.dumps(two().to_document()))
    again = read_corrections(path)
    assert again.to_document()["features"] == two().to_document()["features"]
    assert again.to_document()["features"][1]["properties"]["kind"] == "false_degradation"


def test_another_crs_is_kept():
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32648"}}
    ring = [[500000, 4400000], [510000, 4400000], [510000, 4390000], [500000, 4400000]]
    found = parse_corrections({**collection(feature(ring)), "crs": crs}, "c")
    assert found.to_document()["crs"] == crs
    assert next(iter(found)).area.crs.to_epsg() == 32648


def test_kinds_follow_from_what_a_recoding_does():
    expected = {
        (None, -1, None): MISSED_DEGRADATION,
        (None, None, -1): MISSED_DEGRADATION,
        (0, None, None): FALSE_DEGRADATION,
        (1, 1, None): FALSE_DEGRADATION,
        (NODATA, None, None): FALSE_DEGRADATION,
        (None, None, 0): OTHER,
        (NODATA, NODATA, NODATA): OTHER,
        (1, -1, None): OTHER,
    }
    assert {targets: kind_of(Recoding(*targets)) for targets in expected} == expected


def test_an_identifier_follows_from_the_feature():
    def identified(**properties):
        document = feature(**properties)
        del document["properties"]["uuid"]
        return next(iter(parse_corrections(collection(document), "c"))).uuid

    assert identified() == identified() != identified(location_name="elsewhere")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"recode_degto": 0}, "unknown property 'recode_degto'"),
        ({"kind": "false_positive"}, "kind 'false_positive'; expected one of missed_degradation"),
        ({"kind": "missed_degradation", "recode_imp_to": 0}, "is of kind missed_degradation, which turns"),
        ({"kind": "missed_degradation", "recode_stable_to": 1}, "recode_stable_to 1"),
        ({"kind": "missed_degradation", "recode_deg_to": 0}, "recode_deg_to 0"),
        ({"kind": "false_degradation"}, "is of kind false_degradation, which turns degraded land"),
        ({"recode_stable_to": None, "recode_imp_to": None}, "'Ordos' changes nothing"),
        ({"recode_stable_to": 0}, "feature 1 of c.geojson: recode_stable_to is 0; expected one of null"),
        ({"recode_stable_to": "-1"}, "recode_stable_to is '-1'"),
        ({"prais_label": "False negative"}, "False positive is missed_degradation"),
        ({"periods_affected": []}, "affects no period"),
        ({"periods_affected": "baseline"}, "affects no period"),
        ({"periods_affected": ["baseline", "report_3"]}, "affects baseline, report_3"),
        ({"periods_affected": ["baseline", "baseline"]}, "at most once"),
        ({"uuid": "7"}, "'7' for a uuid"),
        ({"uuid": 7}, "7 for a uuid"),
        ({"area_km_sq": "12"}, "'12' for area_km_sq"),
        ({"location_name": 5}, "location_name is no text"),
        ({"basis_for_judgement": "x" * 10_001}, "at most 10000"),
    ],
)
def test_one_clear_error(properties, message):
    with pytest.raises(CorrectionInvalid, match=message) as caught:
        parse_corrections(collection(feature(**properties)), "c.geojson")
    assert "\n" not in str(caught.value)


def test_documents_that_are_none():
    with pytest.raises(CorrectionInvalid, match="no FeatureCollection"):
        parse_corrections(feature(), "c")
    with pytest.raises(CorrectionInvalid, match="holds 0 corrections"):
        parse_corrections(collection(), "c")
    with pytest.raises(CorrectionInvalid, match="no Feature with properties"):
        parse_corrections(collection({"type": "Feature", "geometry": None, "properties": None}), "c")
    with pytest.raises(CorrectionInvalid, match="same uuid"):
        parse_corrections(collection(feature(), feature(OTHER_PLACE)), "c")
    with pytest.raises(AreaImpossible, match="area_km_sq is -1"):
        parse_corrections(collection(feature(area_km_sq=-1)), "c")
    for broken in ({**feature(), "geometry": None}, feature(SQUARE[:3])):
        with pytest.raises(AreaInvalid, match="Ordos"):
            parse_corrections(collection(broken), "c")


def layer(seed=5):
    return np.random.default_rng(seed).choice(np.array([-1, 0, 1, NODATA], np.int16), (GRID.height, GRID.width))


def centres_in(ring):
    cols, rows = np.meshgrid(np.arange(GRID.width) + 0.5, np.arange(GRID.height) + 0.5)
    return shapely.contains_xy(shapely.Polygon(ring), 100 + 0.01 * cols, 40 - 0.01 * rows)


@pytest.mark.parametrize("step", [1, 7, 60])
def test_pixels_with_their_centres_inside_are_recoded(step):
    before, corrections = layer(), two()
    correcting = Correcting(corrections.of_period("baseline"), GRID)
    after = np.concatenate([correcting.apply(row, before[row : row + step]) for row in range(0, GRID.height, step)])
    expected = before.copy()
    areas = np.broadcast_to(PixelAreas(GRID).rows(0, GRID.height)[:, None], before.shape)
    for ring, correction in zip((SQUARE, OTHER_PLACE), corrections, strict=True):
        inside = centres_in(ring)
        expected[inside] = correction.recoding.apply(before[inside])
    np.testing.assert_array_equal(after, expected)
    missed, false = correcting.totals()
    changed = before != after
    assert missed.changed_pixels + false.changed_pixels == np.count_nonzero(changed)
    assert missed.changed_km2 + false.changed_km2 == pytest.approx(areas[changed].sum(), rel=1e-12)
    degraded = areas[after == -1].sum() - areas[before == -1].sum()
    assert missed.degraded_km2 + false.degraded_km2 == pytest.approx(degraded, rel=1e-9)
    assert missed.pixels_BA.sum() == np.count_nonzero(centres_in(SQUARE))
    assert (missed.degraded_km2 > 0, false.degraded_km2 < 0) == (True, True)


def test_areas_that_differ_within_a_row_are_counted():
    utm = Grid(CRS.from_epsg(32648), Affine(1000, 0, 300_000, 0, -1000, 4_400_000), 40, 30)
    ring = [[103.0, 39.6], [103.2, 39.6], [103.2, 39.5], [103.0, 39.5], [103.0, 39.6]]
    corrections = parse_corrections(collection(feature(ring, recode_stable_to=None)), "c")
    correcting = Correcting(tuple(corrections), utm)
    before = np.ones((40, 30), np.int16)
    changed = correcting.apply(0, before) != before
    assert changed.any()
    assert correcting.totals()[0].changed_km2 == pytest.approx(PixelAreas(utm).rows(0, 40)[changed].sum(), rel=1e-12)


def test_other_periods_are_left_alone():
    assert two().of_period("report_2") == ()
    before = layer()
    after = Correcting((), GRID).apply(0, before)
    np.testing.assert_array_equal(after, before)
    assert after is not before


def test_corrections_that_meet_are_refused():
    moved = [[x + 0.15, y] for x, y in SQUARE]
    document = two().to_document()
    document["features"][1]["geometry"]["coordinates"] = [moved]
    both = parse_corrections(document, "c")
    with pytest.raises(CorrectionsOverlap, match="'Ordos' and 'Alxa' overlap in 100 pixels of one period"):
        place(both.of_period("baseline"), GRID)
    apart = deepcopy(document)
    apart["features"][1]["properties"]["periods_affected"] = ["report_2"]
    for period in ("baseline", "report_1", "report_2"):
        assert len(place(parse_corrections(apart, "c").of_period(period), GRID)) == 1
    beside = deepcopy(document)
    beside["features"][1]["geometry"]["coordinates"] = [[[x + 0.2, y] for x, y in SQUARE]]
    assert len(place(parse_corrections(beside, "c").of_period("baseline"), GRID)) == 2


def test_corrections_far_away_are_named():
    corrections = parse_corrections(collection(feature([[x + 50, y] for x, y in SQUARE])), "c")
    with pytest.raises(AreaInvalid, match="correction 'Ordos' cannot be placed"):
        Correcting(tuple(corrections), GRID)


def test_rows_that_do_not_fit():
    correcting = Correcting(tuple(two()), GRID)
    with pytest.raises(WindowError, match="none of a grid of 60 x 80"):
        correcting.apply(50, layer()[:20])
    with pytest.raises(UnmappedCodes, match="9: 80"):
        correcting.apply(0, np.full((1, 80), 9, np.int16))
