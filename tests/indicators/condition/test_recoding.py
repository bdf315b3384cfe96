import numpy as np
import pytest

from indicators.condition.corrections import PERIOD_BITS
from indicators.condition.recoding import CorrectionInvalid, Recoding
from landcover.errors import UnmappedCodes
from tests.landcover.vectors import vector

VECTOR = vector("error_recode_64")
NO_CHANGE = VECTOR["sentinel_no_change"]


@pytest.mark.parametrize("row", VECTOR["rows"], ids=lambda row: str(row["code"]))
def test_recodings_are_those_of_the_reference(row):
    """All 64 recodings under all 8 sets of periods."""
    before = np.array(VECTOR["input_row"], np.int16)
    targets = [None if row[name] == NO_CHANGE else row[name] for name in ("deg_to", "stable_to", "imp_to")]
    recoding = Recoding(*targets)
    assert recoding == Recoding.of_code(row["code"])
    assert recoding.code == row["code"]
    assert sorted(row["by_periods_mask"]) == [str(mask) for mask in range(8)]
    for mask, expected in row["by_periods_mask"].items():
        found = [recoding.apply(before) if int(mask) & 1 << bit else before for bit in range(3)]
        np.testing.assert_array_equal(found, expected)


def test_bits_are_those_of_the_periods():
    assert {str(bit): name for name, bit in PERIOD_BITS.items()} == VECTOR["periods_mask_bits"]


@pytest.mark.parametrize(
    "targets", [(-1, None, None), (None, 0, None), (None, None, 1), (True, None, None), ("0",) * 3]
)
def test_what_is_no_choice(targets):
    with pytest.raises(CorrectionInvalid, match="expected one of null, -32768"):
        Recoding(*targets)


def test_a_float_is_no_code():
    with pytest.raises(CorrectionInvalid, match=r"recode_deg_to is 1\.0"):
        Recoding(1.0)


def test_numbers_and_codes_out_of_range():
    for code in (-1, 64):
        with pytest.raises(CorrectionInvalid, match="0 to 63"):
            Recoding.of_code(code)
    with pytest.raises(UnmappedCodes, match="5: 1"):
        Recoding(0).apply(np.array([5], np.int16))
