"""What importing a room must not load, proved in a fresh interpreter.

An import contract reads the sources; it does not see that importing a sub-module runs its package's ``__init__``, nor
what a third-party package imports in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT
from tests.bundles import tiny_bundle
from tests.service import write_scene

SCHOOL = {"torch", "torchvision", "torchgeo", "lightning", "pytorch_lightning", "timm", "segmentation_models_pytorch"}
HTTP = {"fastapi", "starlette", "uvicorn", "httpx", "httpcore2", "httpx2", "requests", "aiohttp"}

IMPORT_ALL = """
import importlib, json, pkgutil, sys

def fail(name):
    raise ImportError(f"cannot import {name}")

room = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(room.__path__, room.__name__ + ".", onerror=fail):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
ours = sorted(name for name in sys.modules if name.partition(".")[0] == room.__name__)
print(json.dumps({"ours": ours, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def import_all(room: str) -> dict[str, list[str]]:
    """Imports every module of a room in a new interpreter and answers what that loaded."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, room], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, list[str]] = json.loads(run.stdout)
    return answer


@pytest.mark.parametrize(
    ("room", "unwanted"),
    [
        ("landcover", SCHOOL | HTTP | {"onnxruntime", "models", "training", "serving", "indicators"}),
        ("indicators", SCHOOL | HTTP | {"onnxruntime", "models", "training", "serving"}),
        ("serving", SCHOOL | {"models", "training"}),
    ],
)
def test_importing_a_room_loads_only_what_it_may(room, unwanted):
    answer = import_all(room)
    assert room in answer["ours"]
    assert unwanted.isdisjoint(answer["loaded"]), sorted(unwanted.intersection(answer["loaded"]))


def test_every_module_of_the_service_was_imported():
    """The proof is worth something only if the walk reaches each file."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "serving").rglob("*.py")
        if path.stem not in {"__init__", "__main__"}
    }
    assert files <= set(import_all("serving")["ours"])


CLASSIFY = """
import json, sys
from serving.cli import main
code = main(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""

SLOW = {"PIL", "pystac", "urllib3", "rich", "httpx", "fastapi", "uvicorn", "matplotlib", "scipy", "pandas"}
"""What a map alone does not need, and each start would wait for."""


@pytest.mark.parametrize(
    ("provider", "other"),
    [
        ("cpu", "openvino"),
        pytest.param("openvino", "onnxruntime", marks=pytest.mark.needs("openvino")),
    ],
)
def test_mapping_a_scene_loads_only_what_that_takes(tmp_path, provider, other):
    tiny_bundle(tmp_path / "models")
    scene = write_scene(tmp_path / "scene.tif")
    words = ["classify", scene, "-o", tmp_path / "map.tif", "--model", "tiny", "--provider", provider, "--json"]
    run = subprocess.run(
        [sys.executable, "-c", CLASSIFY, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"STEPPE_REGISTRY": str(tmp_path / "models")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert {provider.replace("cpu", "onnxruntime"), "rasterio"} <= loaded
    assert loaded.isdisjoint(SLOW | {other}), sorted(loaded & (SLOW | {other}))
