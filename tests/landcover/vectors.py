"""Published numbers that the tests compare with; see tests/vectors."""

import json
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors"


def vector(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
