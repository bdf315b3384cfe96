"""Maps of ESA CCI whose bytes a reader took for signed make the report of the same maps in unsigned bytes."""

import json

import numpy as np
import pytest

from indicators.cover.positions import ClassPositions
from landcover.crosswalks import get_crosswalk
from landcover.labels import LANGUAGES
from landcover.legends import get_legend
from serving.cli import main
from serving.report.page.words import words_for
from tests.serving.report.countries import HEIGHT, WIDTH, raster, words

CODES = np.array(get_legend("esa-cci").codes, np.uint8)


def cover(seed):
    codes = np.random.default_rng(seed).choice(CODES, (HEIGHT, WIDTH))
    codes[:3, :4] = 0
    return codes


def made(folder, name, *options, kind=np.uint8, nodata=0, legend="esa-cci"):
    """The accounts of a report, and its caveats by slug."""
    maps = [
        raster(folder / f"{name}{seed}.tif", cover(seed).view(kind) if seed else cover(seed), nodata=nodata)
        for seed in (0, 1)
    ]
    argv = words(folder, *options, "--name", "Land", before=maps[0], after=maps[1], out=folder / name, legend=legend)
    assert main(argv) == 0
    account = json.loads((folder / name / "account.json").read_text())["accounts"][0]
    return account["joint"], {one["slug"]: one["text"] for one in account["caveats"]}


def test_the_same_areas_and_a_caveat(tmp_path, capsys):
    unsigned, before = made(tmp_path, "unsigned")
    signed, after = made(tmp_path, "signed", "--language", "fr", kind=np.int8)
    assert signed == unsigned
    assert "signed-bytes" not in before
    assert "'signed1.tif'" in after["signed-bytes"]
    assert "'signed0.tif'" not in after["signed-bytes"]
    assert "octets signés" in (tmp_path / "signed" / "report.html").read_text()
    assert "signed bytes" in capsys.readouterr().err


def test_only_of_esa_cci(tmp_path, capsys):
    """A negative value of another legend may be anything: nothing is repaired, and a command is named that mends it."""
    maps = [raster(tmp_path / f"{n}.tif", np.full((HEIGHT, WIDTH), -126, np.int8), nodata=None) for n in (0, 1)]
    argv = words(tmp_path, before=maps[0], after=maps[1], legend="corine", out=tmp_path / "out")
    assert main(argv) == 3
    told = capsys.readouterr().err
    assert "-126" in told
    assert "gdal_calc.py -A IN.tif --outfile OUT.tif --type Byte --calc \"A.astype('uint8')\"" in told


@pytest.mark.parametrize("nodata", [None, 0, -1, -128, 127])
def test_every_byte(nodata):
    """All 256 codes mean what the unsigned byte means, no data of the file included."""
    every = np.arange(256, dtype=np.uint8)
    crosswalk = get_crosswalk("esa-cci", "unccd7")
    plain = ClassPositions(crosswalk, nodata=None if nodata is None else nodata % 256)
    found = ClassPositions(crosswalk, nodata=nodata, signed_bytes=True)
    np.testing.assert_array_equal(found.of(every.view(np.int8)), plain.of(every))
    assert found.strangers == plain.strangers


def test_six_languages():
    for slug in ("signed-bytes", "no-summary", "land-cover-stand-in"):
        assert len({words_for(language).notice(slug) for language in LANGUAGES}) == len(LANGUAGES)
