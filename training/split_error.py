"""The one error of splits, folds and blocks."""

from __future__ import annotations

from landcover.errors import ConfigError


class SplitError(ConfigError):
    """A split names a site twice, misses one, or names one that does not exist."""

    slug = "site-split"
