"""Accounts as documents: the same account comes back, and a damaged one is refused in one sentence."""

import dataclasses
import json

import numpy as np
import pytest

from indicators.caveats import Caveat
from indicators.reporting.documents import AccountUnreadable, account_document, parse_account
from tests.indicators.reporting.country import account, submission


def back(made):
    return parse_account(json.loads(json.dumps(account_document(made))))


@pytest.mark.parametrize("regions", [1, 2])
def test_round_trip_is_exact(regions):
    made, _, _ = account("report_1", regions=regions, cover_year="final", caveats=(Caveat("a", "B."),))
    read = back(made)
    np.testing.assert_array_equal(read.joint.pixels, made.joint.pixels)
    np.testing.assert_array_equal(read.joint.km2, made.joint.km2)
    for field in dataclasses.fields(made):
        if field.name != "joint":
            assert getattr(read, field.name) == getattr(made, field.name), field.name
    assert account_document(read) == account_document(made)
    assert (read.joint.axes, read.joint.method) == (made.joint.axes, made.joint.method)


def test_stocks_and_assumptions_come_back():
    made = submission().accounts[0]
    read = back(made)
    assert (read.soc_stocks, read.assumptions) == (made.soc_stocks, made.assumptions)
    assert read.assumptions[0].identity == made.matrices[0].identity


def broken(**changes):
    document = json.loads(json.dumps(account_document(account()[0])))
    for path, value in changes.items():
        *inner, last = path.split("__")
        part = document
        for key in inner:
            part = part[key]
        part[last] = value
    return document


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        broken(period=None),
        broken(period__role="x"),
        broken(period__initial="2000"),
        broken(period__productivity=[2000]),
        broken(matrices=[]),
        broken(cover_year="middle"),
        broken(joint__cells=[[0, 1]]),
        broken(joint__cells=[[-1, 1, 1.0]]),
        broken(joint__cells=[[0, -1, 1.0]]),
        broken(joint__cells=[[0, 1, -1.0]]),
        broken(joint__cells=[[0, 1, float("nan")]]),
        broken(joint__cells=[[0, 2**70, 1.0]]),
        broken(joint__axes=[]),
        broken(assumptions=[{"name": "x"}]),
        broken(assumptions=[{"name": "x", "id": "x", "version": "1", "sha256": "", "note": "", "more": ""}]),
        broken(soc_stocks=[{"year": 2000}]),
        broken(water=[True]),
    ],
)
def test_damaged_documents_are_refused(document):
    with pytest.raises(AccountUnreadable, match=r"the account is damaged: .+"):
        parse_account(document)
