"""Settings that are none."""

from __future__ import annotations

from serving.settings import unknown_variables


def test_misspelt_settings_are_named():
    given = ["STEPPE_WORKRES", "STEPPE_PORT", "steppe_port", "PATH", "STEPPE_ZZZZ"]
    assert unknown_variables(given) == [
        "STEPPE_WORKRES is no setting and has no effect; is STEPPE_WORKERS meant?",
        "STEPPE_ZZZZ is no setting and has no effect; unset it",
    ]
