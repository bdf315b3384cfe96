"""The table of levels: what is shipped, and what is refused."""

import numpy as np
import pytest
import yaml

from landcover.errors import ConfigError
from tests.training.severity.conftest import REPOSITORY
from training.severity.table import TableInvalid, read_table

GOOD = {
    "non_desertified": [0, 0.3],
    "light": [0.3, 0.6],
    "moderate": [0.6, 0.75],
    "severe": [0.75, 0.9],
    "extremely_severe": [0.9, 1],
}


def written(folder, levels, quantity="bare_fraction", **more):
    path = folder / "table.yaml"
    path.write_text(yaml.safe_dump({"quantity": quantity, "levels": levels} | more))
    return path


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs/severity").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_tables_are_whole_and_say_that_they_are_no_standard(path):
    table = read_table(path)
    assert len(table.bounds) == 4
    assert "not a national standard" in table.note
    assert table.levels(np.array([0.0, 1.0])).tolist() == [0, 4]


def test_a_bound_belongs_to_the_more_severe_level(tmp_path):
    table = read_table(written(tmp_path, GOOD))
    bare = np.array([0, 0.2999, 0.3, 0.6, 0.7499, 0.75, 0.9, 1])
    assert table.levels(bare).tolist() == [0, 0, 1, 2, 2, 3, 4, 4]
    assert table.spans()[1] == "30 to 60 %"


def test_vegetation_cover_is_one_minus_bare(tmp_path):
    mirrored = {name: [round(1 - high, 9), round(1 - low, 9)] for name, (low, high) in GOOD.items()}
    assert (
        read_table(written(tmp_path, mirrored, "vegetation_cover")).bounds == read_table(written(tmp_path, GOOD)).bounds
    )


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        (GOOD | {"light": [0.31, 0.6]}, "light does not begin where"),
        (GOOD | {"light": [0.3, 0.61]}, "moderate does not begin where"),
        (GOOD | {"non_desertified": [0.1, 0.3]}, "non_desertified does not begin"),
        (GOOD | {"extremely_severe": [0.9, 0.99]}, "does not reach the end"),
        (GOOD | {"moderate": [0.6, 0.6], "severe": [0.6, 0.9]}, "is empty"),
        (GOOD | {"severe": [75, 90]}, r"\[75, 90\]; expected"),
        (GOOD | {"severe": [0.75, None]}, "None"),
        (GOOD | {"severe": [True, 0.9]}, "two numbers"),
        ({name: GOOD[name] for name in list(GOOD)[:4]}, "expected the five"),
        (GOOD | {"gobi": [0, 1]}, "expected the five"),
        ([0.3, 0.6], "needs `quantity`"),
    ],
)
def test_tables_that_do_not_cover_everything_once_are_refused(tmp_path, levels, says):
    with pytest.raises(TableInvalid, match=says) as refused:
        read_table(written(tmp_path, levels))
    assert refused.value.exit_code == 4
    assert "\n" not in str(refused.value)


def test_wrong_words_are_refused(tmp_path):
    for path in (written(tmp_path, GOOD, "ndvi"), written(tmp_path, GOOD, colour="red")):
        with pytest.raises(TableInvalid, match="needs `quantity`"):
            read_table(path)
    with pytest.raises(ConfigError, match=r"cannot read nowhere\.yaml"):
        read_table(tmp_path / "nowhere.yaml")
