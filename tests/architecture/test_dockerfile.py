"""The Dockerfile fits the tree it builds from and runs nobody as root."""

from __future__ import annotations

import re

import pytest

from serving.settings import Settings
from tests.architecture.dockerfile import Dockerfile
from tests.architecture.locks import pins
from tests.architecture.tree import ROOT, pyproject, rooms

TARGETS = ["serve-cpu", "serve-gpu", "train"]
SERVICES = ["serve-cpu", "serve-gpu"]
DOCKERFILE = Dockerfile.read(ROOT / "Dockerfile")
STAGES = DOCKERFILE.stages


def copied(stage):
    """(stage copied from or None, sources, destination) of each COPY."""
    for arguments in stage.all("COPY"):
        words = arguments.split()
        flags = [word for word in words if word.startswith("--")]
        *sources, destination = [word for word in words if not word.startswith("--")]
        origin = next((flag.removeprefix("--from=") for flag in flags if flag.startswith("--from=")), None)
        yield origin, sources, destination


def test_the_targets_are_there_and_the_service_is_the_default():
    assert set(TARGETS) <= set(STAGES)
    assert list(STAGES)[-1] == "serve-cpu"


def test_base_images_have_a_fixed_tag():
    images = {stage.parent for stage in STAGES.values()} - set(STAGES)
    assert images == {"python:3.12-slim-trixie"}


@pytest.mark.parametrize("target", TARGETS)
def test_nobody_runs_as_root(target):
    user = DOCKERFILE.in_force(target, "USER")
    assert user is not None
    assert user.isdecimal()  # a name cannot be checked by a cluster's "must not run as root"
    assert int(user) >= 10000


@pytest.mark.parametrize("target", SERVICES)
def test_the_services_say_whether_they_live(target):
    check = DOCKERFILE.in_force(target, "HEALTHCHECK")
    assert check is not None
    assert "/livez" in check
    assert DOCKERFILE.in_force(target, "EXPOSE") == "8080"
    assert DOCKERFILE.in_force(target, "CMD") == '["serve"]'


def test_training_says_that_it_has_no_health_check():
    assert DOCKERFILE.in_force("train", "HEALTHCHECK") == "NONE"


@pytest.mark.parametrize("target", TARGETS)
def test_settings_named_in_the_image_exist(target):
    """A misspelt variable would be passed over in silence."""
    named = {name for name in DOCKERFILE.environment(target) if name.startswith("STEPPE_")}
    known = {f"STEPPE_{field}".upper() for field in Settings.model_fields}
    assert named <= known


@pytest.mark.parametrize("target", SERVICES)
def test_the_services_listen_beyond_the_container(target):
    environment = DOCKERFILE.environment(target)
    assert (environment["STEPPE_HOST"], environment["STEPPE_PORT"]) == ("0.0.0.0", "8080")  # noqa: S104


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_copy_sources_exist_and_reach_the_build(stage):
    admitted = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for origin, sources, _ in copied(stage):
        assert origin is None or origin in STAGES
        for source in sources if origin is None else []:
            assert list(ROOT.glob(source)), f"{source} is not in the tree"
            assert source.split("/")[0] in {pattern.split("/")[0] for pattern in admitted}, f"{source} is kept out"


def test_the_wheel_holds_every_room():
    sources = {source.split("/")[0] for _, names, _ in copied(STAGES["wheel"]) for source in names}
    assert set(rooms()) <= sources


def test_every_lock_named_exists_and_is_used_with_hashes():
    runs = [run for stage in STAGES.values() for run in stage.all("RUN")]
    installs = [part for run in runs for part in run.split("&&") if "pip install" in part]
    for install in installs:
        locks = re.findall(r"requirements/([\w-]+)\.lock", install)
        assert all(pins(lock) for lock in locks)
        assert "--require-hashes" in install if locks else "--no-index" in install


@pytest.mark.parametrize("target", SERVICES)
def test_the_services_install_no_torch(target):
    locks = re.findall(r"requirements/([\w-]+)\.lock", " ".join(STAGES[f"build-{target}"].all("RUN")))
    assert locks == ["serve" if target == "serve-cpu" else "serve-gpu"]
    assert "torch" not in pins(locks[0])


def test_the_gpu_service_finds_the_cuda_libraries_of_its_lock():
    """CUDA's packages put their libraries into nvidia/cu<major>/lib; cuDNN's into nvidia/cudnn/lib."""
    locked = pins("serve-gpu")
    major = locked["nvidia-cuda-runtime"].version.major
    folders = DOCKERFILE.environment("serve-gpu")["LD_LIBRARY_PATH"].split(":")
    site_packages = "/opt/steppe/lib/python3.12/site-packages/nvidia"
    assert folders == [f"{site_packages}/cu{major}/lib", f"{site_packages}/cudnn/lib"]
    assert f"nvidia-cudnn-cu{major}" in locked


def test_the_image_says_the_project_s_version():
    labels = " ".join(STAGES["base"].all("LABEL"))
    assert f'image.version="{pyproject()["project"]["version"]}"' in labels


def test_no_secrets_enter_an_image():
    words = [name for stage in STAGES.values() for keyword in ("ARG", "ENV") for name in stage.all(keyword)]
    assert not [word for word in words if re.search(r"token|password|secret|_key|credential", word, re.IGNORECASE)]
