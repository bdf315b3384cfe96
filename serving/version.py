"""The version of this installation, as products and the API state it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

VERSION: Final = version("steppe")
