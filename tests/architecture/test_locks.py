"""The lock files: names, versions and hashes only, free of unwanted packages, in step with pyproject and each other."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.locks import FOLDER, lock_names, logical_lines, pins
from tests.architecture.tree import pyproject

LOCKS = ["all", "build", "demo", "serve", "serve-gpu", "serve-test", "train"]
SERVICE_LOCKS = ["serve", "serve-gpu", "serve-test"]
EXTRAS = {
    "all": ["serve", "bench", "train", "dev"],
    "train": ["serve", "train"],
    "serve": ["serve"],
    "serve-test": ["serve"],
    "serve-gpu": ["serve-gpu"],
}
SCHOOL = {"torch", "torchvision", "torchgeo", "lightning", "pytorch-lightning", "timm", "segmentation-models-pytorch"}
MALICIOUS = {("lightning", Version("2.6.2")), ("lightning", Version("2.6.3"))}


def test_the_lock_files_are_these():
    assert lock_names() == LOCKS


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_version_with_hashes(lock):
    assert len(pins(lock)) == len(logical_lines(lock))  # so each name once as well


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_host_an_index_or_a_path(lock):
    text = (FOLDER / f"{lock}.lock").read_text()
    assert not [word for word in ("://", "/", "--index", "--extra-index", "--find-links", "@") if word in text]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_a_malicious_release(lock):
    assert MALICIOUS.isdisjoint((name, pin.version) for name, pin in pins(lock).items())


@pytest.mark.parametrize("lock", SERVICE_LOCKS)
def test_the_service_installs_nothing_of_the_school(lock):
    assert SCHOOL.isdisjoint(pins(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_never_both_runtimes(lock):
    """onnxruntime and onnxruntime-gpu own the same import name; the later one silently wins."""
    assert not {"onnxruntime", "onnxruntime-gpu"} <= set(pins(lock))


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock not in {"all", "demo"}])
def test_locks_agree_on_what_they_share(lock):
    other = pins("all")
    different = {name for name, pin in pins(lock).items() if name in other and other[name].version != pin.version}
    assert different == set()


@pytest.mark.parametrize(("lock", "extras"), EXTRAS.items())
def test_a_lock_holds_what_pyproject_asks_for(lock, extras):
    """Fails after an edit of pyproject.toml without ``make lock``."""
    project = pyproject()["project"]
    wanted = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    assert unmet(wanted, lock) == []


def test_the_build_lock_holds_what_the_build_asks_for():
    assert unmet(pyproject()["build-system"]["requires"], "build") == []


def unmet(wanted, lock):
    """Requirements that a lock does not hold."""
    locked = pins(lock)
    requirements = [Requirement(line) for line in wanted]
    return [
        str(requirement)
        for requirement in requirements
        if (pin := locked.get(canonicalize_name(requirement.name))) is None or pin.version not in requirement.specifier
    ]


def test_both_services_ask_for_the_same_but_the_runtime():
    extras = pyproject()["project"]["optional-dependencies"]
    only_one = {Requirement(line).name for line in set(extras["serve"]) ^ set(extras["serve-gpu"])}
    assert only_one == {"onnxruntime", "onnxruntime-gpu"}
