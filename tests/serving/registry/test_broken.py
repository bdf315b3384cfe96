"""Bundles that cannot be used, and folders that are half there: they never take down what is good."""

import json
import pickle
import shutil

import pytest

from landcover.errors import BundleInvalid
from serving.registry.words import ModelNotReady
from tests.bundles import tiny_bundle, tiny_graph, tiny_sample
from tests.serving import badgraphs
from tests.serving.registry.versions import (
    Events,
    assert_answers,
    live_models,
    states,
    until,
    write_version,
)


def published(graph):
    """A bundle that holds this graph under its true SHA-256."""
    return lambda root: tiny_bundle(root, version="2", graph=graph, sample=tiny_sample(tiny_graph()))


def overwritten(name, content):
    """A good bundle in which a file is another one."""

    def write(root):
        (write_version(root, "2").path / name).write_bytes(content)

    return write


def flipped(root):
    """One bit of the graph is another one."""
    path = write_version(root, "2").path / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)


def shortened(root):
    """Half of the graph."""
    path = write_version(root, "2").path / "model.onnx"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def added(name):
    """A file that is not in the manifest."""

    def write(root):
        (write_version(root, "2").path / name).write_bytes(pickle.dumps({"weights": 1}))

    return write


def other_labels(root):
    """The classes in the manifest are not those of the legend."""
    path = write_version(root, "2").path / "manifest.json"
    item = json.loads(path.read_bytes())
    classes = item["properties"]["mlm:output"][0]["classification:classes"]
    classes[0]["name"], classes[1]["name"] = classes[1]["name"], classes[0]["name"]
    path.write_text(json.dumps(item))


def other_sample(root):
    """The golden sample is another model's."""
    graph = tiny_graph(seed=3)
    tiny_bundle(root, version="2", graph=graph, sample=tiny_sample(tiny_graph(seed=4)))


BROKEN = {
    "130 empty": (overwritten("model.onnx", b""), "model.onnx"),
    "130 garbage": (published(b"\xff" * 64), "not an ONNX graph"),
    "130 truncated": (shortened, "model.onnx"),
    "131 one bit": (flipped, "sha256"),
    "131 the card": (overwritten("card.md", b"# Tiny\n\nRandom weight.\n"), "card.md"),
    "132 weights elsewhere": (published(badgraphs.changed(badgraphs.external_initializer)), "weights in other files"),
    "132 in a branch": (published(badgraphs.changed(badgraphs.external_in_subgraph)), "weights in other files"),
    "133 custom operators": (published(badgraphs.changed(badgraphs.custom_domain)), "com.example"),
    "134 four tebibytes": (published(badgraphs.changed(badgraphs.four_tebibytes)), "tiny@2"),
    "135 channels last": (published(badgraphs.changed(badgraphs.channels_last)), "tiny@2"),
    "135 classes": (published(tiny_graph(classes=5)), "the manifest promises"),
    "135 bands": (published(tiny_graph(bands=3)), "the manifest promises"),
    "135 operator set": (published(badgraphs.changed(badgraphs.unknown_opset)), "tiny@2"),
    "136 not a number": (published(badgraphs.changed(badgraphs.not_a_number)), "not finite"),
    "137 a pickle beside it": (added("model.pt"), "model.pt"),
    "137 a pickle": (published(pickle.dumps({"weights": 1})), "not an ONNX graph"),
    "138 labels": (other_labels, "tiny@2"),
    "golden sample": (other_sample, "differs from its golden output"),
    "no manifest": (overwritten("manifest.json", b"{}"), "not a Steppe model manifest"),
    "manifest is no JSON": (overwritten("manifest.json", b"\xff"), "not JSON"),
    "manifest of another": (lambda root: write_version(root, "3").path.rename(root / "tiny" / "2"), "rename it"),
}
"""Cases by their number in the list of bad inputs, with what is said of them."""


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_bundle_is_named_and_the_good_one_answers(tmp_path, case):
    write, says = BROKEN[case]
    write_version(tmp_path / "own", "1")
    with live_models(tmp_path, registry_settle_s=0.05) as live:
        until(lambda: states(live) == {"1": "ready"})
        write(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "tiny" / "2").rename(tmp_path / "own" / "tiny" / "2")
        until(lambda: states(live).get("2") == "broken")
        assert says in f"tiny@2 {live.problems()['tiny@2']}"
        assert_answers(live.engine("tiny"), "1")
        with pytest.raises(Exception, match=r"\w") as refused:
            live.engine("tiny@2")
        assert str(refused.value) == live.problems()["tiny@2"]
    fresh = live_models(tmp_path)
    assert_answers(fresh.engine("tiny"), "1")


def test_a_repaired_bundle_is_taken(tmp_path):
    write_version(tmp_path / "own", "1")
    path = write_version(tmp_path / "own", "2").path / "model.onnx"
    good = path.read_bytes()
    path.write_bytes(b"garbage")
    with live_models(tmp_path) as live:
        until(lambda: states(live) == {"2": "broken", "1": "ready"})
        path.write_bytes(good)
        until(lambda: live.resolve("tiny").version == "2")
        assert live.problems() == {}
        assert_answers(live.engine("tiny"), "2")


@pytest.mark.parametrize("last", ["manifest.json", "model.onnx"])
def test_a_folder_that_is_being_copied_is_waited_for(tmp_path, last):
    write_version(tmp_path / "own", "1")
    whole = write_version(tmp_path / "elsewhere", "2").path
    events = Events()
    with live_models(tmp_path, registry_settle_s=30) as live:
        live.observe(events)
        until(lambda: states(live) == {"1": "ready"})
        target = tmp_path / "own" / "tiny" / "2"
        target.mkdir()
        names = sorted((path.name for path in whole.iterdir()), key=lambda name: name == last)
        for name in names:
            content = (whole / name).read_bytes()
            for share in (2, 1):
                live.poll()
                assert_answers(live.engine("tiny"), "1")
                assert states(live)["2"] == "loading"
                with pytest.raises(ModelNotReady, match="tiny@2 is being copied or tested"):
                    live.resolve("tiny@2")
                (target / name).write_bytes(content[: len(content) // share])
        until(lambda: live.resolve("tiny").version == "2")
        assert_answers(live.engine("tiny"), "2")
    assert not [event for event in events.all if event[0] == "failed"]


def test_a_file_that_has_its_size_before_its_content_is_waited_for(tmp_path):
    """Some tools reserve the room first."""
    write_version(tmp_path / "own", "1")
    whole = write_version(tmp_path / "elsewhere", "2").path
    content = (whole / "model.onnx").read_bytes()
    (whole / "model.onnx").write_bytes(bytes(len(content)))
    with live_models(tmp_path, registry_settle_s=30) as live:
        until(lambda: states(live) == {"1": "ready"})
        shutil.copytree(whole, tmp_path / "own" / "tiny" / "2")
        until(lambda: "2" in states(live))
        until(lambda: "sha256" in (live.entries()[0].problem or ""))
        assert states(live) == {"2": "loading", "1": "ready"}
        (tmp_path / "own" / "tiny" / "2" / "model.onnx").write_bytes(content)
        until(lambda: live.resolve("tiny").version == "2")


def test_a_copy_that_stopped_half_way_is_broken_after_a_while(tmp_path):
    write_version(tmp_path / "own", "1")
    whole = write_version(tmp_path / "elsewhere", "2").path
    with live_models(tmp_path, registry_settle_s=0.1) as live:
        until(lambda: states(live) == {"1": "ready"})
        shutil.copytree(whole, tmp_path / "own" / "tiny" / "2", ignore=lambda *_: ["sample.npz"])
        until(lambda: states(live).get("2") == "broken")
        assert "sample.npz missing" in live.problems()["tiny@2"]
        with pytest.raises(BundleInvalid, match=r"sample\.npz missing"):
            live.resolve("tiny@2")
        shutil.copy(whole / "sample.npz", tmp_path / "own" / "tiny" / "2")
        until(lambda: live.resolve("tiny").version == "2")


def test_a_broken_version_that_is_removed_is_forgotten(tmp_path):
    write_version(tmp_path / "own", "1")
    path = write_version(tmp_path / "own", "2").path
    (path / "manifest.json").unlink()
    live = live_models(tmp_path)
    assert list(live.problems()) == ["tiny@2"]
    shutil.rmtree(path)
    live.poll()
    assert (live.problems(), list(states(live))) == ({}, ["1"])


def corrupt(path):
    content = bytearray((path / "model.onnx").read_bytes())
    content[-40] ^= 1
    (path / "model.onnx").write_bytes(content)


def replace(path):
    (path / "model.onnx").write_bytes(tiny_graph(seed=77))


def replace_by_rename(path):
    (path / "new").write_bytes(tiny_graph(seed=77))
    (path / "new").rename(path / "model.onnx")


def truncate(path):
    with (path / "model.onnx").open("r+b") as file:
        file.truncate(100)


def delete(path):
    (path / "model.onnx").unlink()


def replace_all(path):
    shutil.rmtree(path)
    write_version(path.parents[1], "2", title="another")


def delete_all(path):
    shutil.rmtree(path)


@pytest.mark.parametrize("fault", [corrupt, replace, replace_by_rename, truncate, delete, replace_all])
@pytest.mark.parametrize("before", [(), ("1",)], ids=["alone", "beside an older one"])
def test_what_serves_is_not_touched_by_what_happens_to_its_files(tmp_path, fault, before):
    """Fault 14: the copy in memory goes on, the next load is refused."""
    for version in (*before, "2"):
        bundle = write_version(tmp_path / "own", version)
    with live_models(tmp_path) as live:
        until(lambda: set(states(live).values()) == {"ready"})
        engine = live.engine("tiny")
        fault(bundle.path)
        until(lambda: "tiny@2" in live.problems())
        assert live.resolve("tiny").version == "2"
        assert live.engine("tiny") is live.engine("tiny@2") is engine
        assert_answers(engine, "2")
        assert states(live)["2"] == "ready"
        assert live.ready() is engine
    if fault is replace_all:
        return  # to a process that never saw the first one, this is a good bundle
    fresh = live_models(tmp_path)
    with pytest.raises(BundleInvalid):
        fresh.engine("tiny@2")
    if before:
        assert_answers(fresh.engine("tiny"), "1")


@pytest.mark.parametrize("fault", [corrupt, replace, truncate, delete, replace_all, delete_all])
def test_a_version_that_is_not_in_memory_is_not_loaded_again_when_its_files_have_changed(tmp_path, fault):
    write_version(tmp_path / "own", "1")
    bundle = write_version(tmp_path / "own", "2", name="other")
    write_version(tmp_path / "own", "1", name="other")
    live = live_models(tmp_path, kept_models=1)
    live.engine()
    assert_answers(live.engine("other"), "2")
    pinned = live.resolve("other@2")
    live.engine("other@1")
    fault(bundle.path)
    with pytest.raises(BundleInvalid):  # before anybody has looked at the folder
        live.engine(pinned)
    assert_answers(live.engine("other"), "1")


def test_a_folder_that_is_gone_serves_from_memory_until_another_version_can(tmp_path):
    bundle = write_version(tmp_path / "own", "2")
    with live_models(tmp_path) as live:
        until(lambda: states(live) == {"2": "ready"})
        shutil.rmtree(bundle.path)
        until(lambda: "its folder is gone" in live.problems().get("tiny@2", ""))
        assert_answers(live.engine("tiny"), "2")
        write_version(tmp_path / "own", "1")
        until(lambda: live.resolve("tiny").version == "1")
        assert_answers(live.engine("tiny"), "1")


def test_a_folder_that_comes_back_is_as_good_as_before(tmp_path):
    bundle = write_version(tmp_path / "own", "2")
    with live_models(tmp_path) as live:
        until(lambda: states(live) == {"2": "ready"})
        bundle.path.rename(tmp_path / "away")
        until(lambda: "tiny@2" in live.problems())
        (tmp_path / "away").rename(bundle.path)
        until(lambda: live.problems() == {})
        assert_answers(live.engine("tiny"), "2")
