"""GDAL is closed from its first moment, and nothing of the operator's environment reaches it."""

from __future__ import annotations

import json
import subprocess
import sys

from serving.sandbox.gdal import SKIPPED_DRIVERS, closed_environment

ASK = """
import json, rasterio
from rasterio.env import get_gdal_config
names = ["GDAL_DISABLE_READDIR_ON_OPEN", "GDAL_PAM_ENABLED", "CPL_VSIL_CURL_ALLOWED_FILENAME", "GDAL_CACHEMAX"]
with rasterio.Env() as env:
    print(json.dumps({"drivers": sorted(env.drivers()), "config": {name: get_gdal_config(name) for name in names}}))
"""


def test_secrets_and_proxies_stay_outside(monkeypatch):
    for name in ("AWS_SECRET_ACCESS_KEY", "https_proxy", "HTTPS_PROXY", "STEPPE_DATABASE_URL", "GDAL_HTTP_HEADERS"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PROJ_DATA", "/tables")
    environment = closed_environment()
    assert "secret" not in environment.values()
    assert environment["PROJ_DATA"] == "/tables"
    assert environment["PROJ_NETWORK"] == "OFF"
    assert "HOME" not in environment


def test_gdal_takes_the_environment_and_keeps_the_drivers_it_needs():
    run = subprocess.run(
        [sys.executable, "-c", ASK], env=closed_environment(), capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout)
    assert set(found["drivers"]).isdisjoint(SKIPPED_DRIVERS)
    assert {"GTiff", "LIBERTIFF", "JP2OpenJPEG", "MEM"} <= set(found["drivers"])
    assert found["config"] == {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_PAM_ENABLED": "NO",
        "CPL_VSIL_CURL_ALLOWED_FILENAME": "/vsicurl/none",
        "GDAL_CACHEMAX": 64 * 2**20,
    }
