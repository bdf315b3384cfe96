"""Accounts as JSON-ready data that make the same account again, to the last digit.

A later report takes the account of the baseline from such a document. Only combinations with any pixel or area are
in it, so that a table of many axes stays small.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, cast

import numpy as np

from indicators.caveats import Caveat
from indicators.joint import Axis, JointTable
from indicators.reporting.account import CoverYear, PeriodAccount
from indicators.reporting.assumptions import Assumption
from indicators.reporting.entries import SocStock
from indicators.reporting.period import Period, Role, Years
from indicators.transition_files import parse_matrix
from landcover.errors import ConfigError, DataError, UnmappedCodes

FORMAT: Final = "steppe-account/1"
"""Changes whenever a document of before could not be read as it was meant."""


class AccountUnreadable(DataError):
    """A document is no account of an area and a period, or is damaged."""

    slug = "account-unreadable"


def account_document(account: PeriodAccount) -> dict[str, Any]:
    """The whole account: joint table, period, matrices with all cells, caveats, assumptions, stocks."""
    return {
        "zone": account.zone,
        "period": asdict(account.period),
        "legend": account.legend_id,
        "cover_year": account.cover_year,
        "water": list(account.water),
        "matrices": [matrix.to_document() for matrix in account.matrices],
        "joint": joint_document(account.joint),
        "caveats": [{"slug": each.slug, "text": each.text} for each in account.caveats],
        "assumptions": [asdict(each) for each in account.assumptions],
        "soc_stocks": [asdict(each) for each in account.soc_stocks],
    }


def joint_document(table: JointTable) -> dict[str, Any]:
    """A joint table: its axes, and [position, pixels, km2] of each cell that is not empty.

    Positions count cells with the last axis running fastest.
    """
    pixels, km2 = table.pixels.reshape(-1), table.km2.reshape(-1)
    places = np.flatnonzero((pixels != 0) | (km2 != 0))
    return {
        "axes": [{"name": axis.name, "codes": list(axis.codes)} for axis in table.axes],
        "method": table.method,
        "cells": [[int(place), int(pixels[place]), float(km2[place])] for place in places],
    }


def parse_account(document: object) -> PeriodAccount:
    """The account of a document; the inverse of ``account_document``.

    Raises:
        AccountUnreadable: when it is none, its parts do not fit together, or its legend is not known here.
    """
    try:
        return _account(_mapping(document))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AccountUnreadable(f"the account is damaged: {_reason(error)}; make the report again") from None
    except (ConfigError, UnmappedCodes) as error:
        raise AccountUnreadable(f"the account is damaged: {error}") from error


def parse_joint(document: object) -> JointTable:
    """The joint table of a document; the inverse of ``joint_document``; raises as ``parse_account``."""
    data = _mapping(document)
    axes = tuple(Axis(str(axis["name"]), tuple(map(_integer, axis["codes"]))) for axis in map(_mapping, data["axes"]))
    shape = tuple(map(len, axes))
    pixels, km2 = np.zeros(math.prod(shape), np.int64), np.zeros(math.prod(shape))
    for place, count, area in data["cells"]:
        if not 0 <= _integer(place) < pixels.size or _integer(count) < 0 or not 0 <= _number(area) < math.inf:
            raise ValueError(f"cell {place!r} of {pixels.size} has {count!r} pixels and {area!r} km2")
        pixels[place], km2[place] = count, area
    return JointTable(axes, pixels.reshape(shape), km2.reshape(shape), str(data["method"]))


def _account(data: Mapping[str, Any]) -> PeriodAccount:
    if data["cover_year"] not in ("initial", "final"):
        raise ValueError("cover_year is neither initial nor final")
    return PeriodAccount(
        zone=str(data["zone"]),
        period=_period(_mapping(data["period"])),
        matrices=tuple(parse_matrix(json.dumps(each)) for each in data["matrices"]),
        joint=parse_joint(data["joint"]),
        legend_id=str(data["legend"]),
        cover_year=cast("CoverYear", data["cover_year"]),
        water=tuple(map(_integer, data["water"])),
        caveats=tuple(Caveat(str(each["slug"]), str(each["text"])) for each in data["caveats"]),
        assumptions=tuple(
            Assumption(**{key: str(value) for key, value in each.items()}) for each in data["assumptions"]
        ),
        soc_stocks=tuple(map(_stock, data["soc_stocks"])),
    )


def _period(data: Mapping[str, Any]) -> Period:
    initial, final = _integer(data["initial"]), _integer(data["final"])
    return Period(cast("Role", data["role"]), initial, final, _years(data["productivity"]), _years(data["soc"]))


def _years(data: Sequence[object] | None) -> Years | None:
    if data is None:
        return None
    first, last = data
    return _integer(first), _integer(last)


def _stock(data: Mapping[str, Any]) -> SocStock:
    tonnes, km2 = (tuple((_integer(code), _number(value)) for code, value in data[name]) for name in ("tonnes", "km2"))
    return SocStock(_integer(data["year"]), tonnes, km2)


def _mapping(data: object) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise TypeError(f"an object was expected; a {type(data).__name__} came")
    return data


def _integer(data: object) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise TypeError(f"an integer was expected; {data!r} came")
    return data


def _number(data: object) -> float:
    if not isinstance(data, (int, float)) or isinstance(data, bool):
        raise TypeError(f"a number was expected; {data!r} came")
    return float(data)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
