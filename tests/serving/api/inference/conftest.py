"""Windows, and the engine they are compared with."""

import numpy as np
import pytest

from tests.scenes import smooth_numbers


@pytest.fixture
def engine(app):
    return app.state.engines.get("tiny")


@pytest.fixture
def dn():
    """Two windows of 32 x 64 with pixels without data."""
    windows = smooth_numbers(64, 64, bands=4).reshape(4, 2, 32, 64).transpose(1, 0, 2, 3).copy()
    windows[0, :, 3:9, 5:20] = 0
    windows[1, 0] = 0
    return np.ascontiguousarray(windows)
