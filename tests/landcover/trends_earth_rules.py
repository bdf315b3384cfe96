"""What Trends.Earth's schema asks of a file, in words of this project: whoever breaks a rule cannot load it there.

te_schemas/land_cover.py, LCClass, LCLegend, LCLegendNesting and LCTransitionDefinitionDeg.
"""

import re

MEANINGS = {"degradation": -1, "stable": 0, "improvement": 1}


def check_class(row):
    assert set(row) == {"code", "name_long", "name_short", "description", "color"}
    assert isinstance(row["code"], int)
    assert row["name_short"] is None or len(row["name_short"]) <= 15
    assert row["name_long"] is None or len(row["name_long"]) <= 90
    assert row["description"] is None or isinstance(row["description"], str)
    assert row["color"] is None or re.fullmatch("#([a-fA-F0-9]{6}|[a-fA-F0-9]{3})", row["color"])


def check_legend(legend):
    """Gives its codes, nodata last."""
    for row in (*legend["key"], legend["nodata"]):
        check_class(row)
    codes = [row["code"] for row in legend["key"]]
    assert len(set(codes)) == len(codes)
    return [*codes, legend["nodata"]["code"]]


def check_nesting(document):
    parents, children = check_legend(document["parent"]), check_legend(document["child"])
    assert sorted(map(int, document["nesting"])) == sorted(parents)
    assert sorted(code for codes in document["nesting"].values() for code in codes) == sorted(children)


def check_matrix(document):
    """Gives the signs by (initial, final) code; classes of transitions must be those of the legend in every field."""
    codes = check_legend(document["legend"])[:-1]
    classes = {row["code"]: row for row in document["legend"]["key"]}
    signs = {}
    for row in document["definitions"]["transitions"]:
        pair = row["initial"]["code"], row["final"]["code"]
        assert (row["initial"], row["final"]) == (classes[pair[0]], classes[pair[1]])
        assert pair not in signs
        signs[pair] = MEANINGS[row["meaning"]]
    assert len(signs) == len(codes) ** 2
    assert isinstance(document["name"], str)
    assert isinstance(document["definitions"]["name"], str)
    return signs
