"""Models in a running process: what answers to which name, and when."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from landcover.errors import BundleInvalid, ModelNotFound, ProviderUnavailable
from serving.engines import open_engine
from serving.registry.live import LiveModels
from serving.registry.words import ModelNotReady, ModelRetired, Resolved
from tests.serving.registry.versions import (
    Events,
    aliases_of,
    assert_answers,
    drop_in_broken,
    live_models,
    live_settings,
    promote,
    states,
    until,
    write_version,
)


class Gate:
    """Makes engines, and those of some versions only when it is opened."""

    def __init__(self, *versions):
        self.versions, self.opened, self.asked, self.count = versions, threading.Event(), threading.Event(), 0

    def __call__(self, bundle, settings):
        self.count += 1
        if bundle.manifest.version in self.versions:
            self.asked.set()
            assert self.opened.wait(20)
        return open_engine(bundle, settings)


def test_the_newest_version_answers_with_its_own_bytes(tmp_path):
    for version in ("0.2.0", "0.10.0", "0.9.0"):
        bundle = write_version(tmp_path / "own", version)
    live = live_models(tmp_path)
    model = live.resolve("tiny")
    assert (model.name, model.version, model.identifier) == ("tiny", "0.10.0", "tiny@0.10.0")
    assert live.resolve() == model
    assert live.resolve("tiny@0.9.0") == Resolved.of(bundle) == Resolved.pinned("tiny@0.9.0", bundle.digest)
    for reference, version in (("tiny", "0.10.0"), ("tiny@0.9.0", "0.9.0"), (None, "0.10.0")):
        assert_answers(live.engine(reference), version)
    assert_answers(live.engine(Resolved.of(bundle)), "0.9.0")
    assert live.engine() is live.engine("tiny@0.10.0")


def test_the_old_version_answers_until_the_new_one_is_tested(tmp_path):
    write_version(tmp_path / "own", "1")
    gate, events = Gate("2"), Events()
    live = LiveModels(live_settings(tmp_path), opened=gate)
    live.observe(events)
    with live:
        until(lambda: states(live) == {"1": "ready"})
        write_version(tmp_path / "own", "2")
        assert gate.asked.wait(20)
        assert states(live) == {"2": "loading", "1": "ready"}
        assert_answers(live.engine("tiny"), "1")
        before = live.engine("tiny")
        gate.opened.set()
        until(lambda: live.resolve("tiny").version == "2")
        assert_answers(live.engine("tiny"), "2")
        assert_answers(before, "1")
    assert events.all == [
        ("switched", None, "1"),
        ("loaded", "tiny@1"),
        ("loaded", "tiny@2"),
        ("switched", "1", "2"),
    ]


def test_the_log_says_who_answers_when_it_does_and_once(tmp_path, caplog):
    """A version that is being loaded does not answer; processes that look at the same folders do not repeat it."""
    caplog.set_level("INFO", "serving.registry")
    write_version(tmp_path / "own", "1")
    gate = Gate("1")
    with LiveModels(live_settings(tmp_path), opened=gate) as live:
        assert gate.asked.wait(20)
        live.poll()
        assert caplog.messages == []
        gate.opened.set()
        until(lambda: states(live) == {"1": "ready"})
        live.poll()
    assert [message.partition(" in ")[0] for message in caplog.messages] == [
        "tiny@1 was loaded",
        "tiny is answered by tiny@1",
    ]
    caplog.clear()
    drop_in_broken(tmp_path, "2")
    with LiveModels(live_settings(tmp_path), eager=False) as aside:
        aside.engine("tiny@1")
    assert [message.partition(" in ")[0] for message in caplog.messages] == ["tiny@1 was loaded"]


def test_those_who_want_the_same_wait_for_one_load_and_hold_nobody_else_up(tmp_path):
    for version in ("1", "2"):
        write_version(tmp_path / "own", version)
    gate = Gate("2")
    live = LiveModels(live_settings(tmp_path, kept_models=5), opened=gate)
    assert_answers(live.engine("tiny@1"), "1")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(live.engine, "tiny@2") for _ in range(4)]
        assert gate.asked.wait(20)
        assert_answers(live.engine("tiny@1"), "1")
        assert not any(future.done() for future in waiting)
        gate.opened.set()
        engines = {id(future.result(20)) for future in waiting}
    assert (len(engines), gate.count) == (1, 2)


def test_all_who_waited_are_told_why_a_load_failed(tmp_path):
    write_version(tmp_path / "own", "1")
    started = threading.Barrier(3)

    def fail(*_):
        raise MemoryError("no room")

    live = LiveModels(live_settings(tmp_path), opened=fail)

    def ask():
        started.wait(20)
        return live.engine("tiny")

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(ask) for _ in range(3)]
        errors = [future.exception(20) for future in futures]
    assert all(isinstance(error, ProviderUnavailable) and "MemoryError" in str(error) for error in errors)
    assert states(live) == {"1": "broken"}
    assert "no room" not in live.problems()["tiny@1"]


def test_what_failed_for_want_of_memory_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.registry.proof.RETRY_S", 0.0)
    write_version(tmp_path / "own", "1")
    failures = iter([MemoryError()])

    def fails_once(bundle, settings):
        for error in failures:
            raise error
        return open_engine(bundle, settings)

    with LiveModels(live_settings(tmp_path), opened=fails_once) as live:
        until(lambda: states(live) == {"1": "ready"})


def test_an_engine_in_use_is_not_dropped_and_one_that_is_not_makes_room(tmp_path):
    for name in ("one", "two", "three", "tiny"):
        write_version(tmp_path / "own", "1", name=name)
    live, events = live_models(tmp_path, kept_models=1), Events()
    live.observe(events)
    with live.lease("one") as engine:
        live.engine("two")
        live.engine("three")
        with live.lease("one") as same:
            assert same is engine
        assert ("dropped", "one@1") not in events.all
    live.engine("two")
    assert ("dropped", "one@1") in events.all
    with live.lease("one") as other:
        assert other is not engine
        assert_answers(other, "1")


def test_what_is_held_is_answered_without_a_load(tmp_path):
    for name in ("one", "two", "tiny"):
        write_version(tmp_path / "own", "1", name=name)
    live = live_models(tmp_path, kept_models=1)
    assert live.held(live.resolve("one")) is None
    engine = live.engine("one")
    assert live.held(live.resolve("one")) is engine
    live.engine("two")
    assert live.held(live.resolve("one")) is None


def test_the_default_model_is_always_in_memory(tmp_path):
    for name in ("one", "two", "tiny"):
        write_version(tmp_path / "own", "1", name=name)
    live = live_models(tmp_path, kept_models=1)
    engine = live.engine()
    for name in ("one", "two", "one"):
        live.engine(name)
    assert live.engine() is engine
    assert live.ready() is engine


def test_what_is_loaded_only_to_be_tested_does_not_push_out_what_is_used(tmp_path):
    for version in ("1", "2", "3", "4"):
        write_version(tmp_path / "own", version)
    live, events = live_models(tmp_path, kept_models=2), Events()
    live.observe(events)
    live.engine()
    engine = live.engine("tiny@2")
    with live:
        until(lambda: set(states(live).values()) == {"ready"})
    assert live.engine("tiny@2") is engine


def test_nothing_is_loaded_before_it_is_asked_for_in_a_worker(tmp_path):
    for version in ("1", "2"):
        write_version(tmp_path / "own", version)
    gate = Gate()
    with LiveModels(live_settings(tmp_path), eager=False, opened=gate) as live:
        model = live.resolve("tiny@1")
        write_version(tmp_path / "own", "3")
        until(lambda: live.resolve("tiny").version == "3")
        assert gate.count == 0
        assert_answers(live.engine(model), "1")
        assert gate.count == 1
        assert live.resolve("tiny").version == "3"
        drop_in_broken(tmp_path, "4")
        until(lambda: states(live).get("4") == "broken")
        assert_answers(live.engine("tiny"), "3")


def test_a_champion_answers_whatever_is_newer(tmp_path):
    for version in ("1", "2", "3"):
        write_version(tmp_path / "own", version)
    with live_models(tmp_path) as live:
        until(lambda: set(states(live).values()) == {"ready"})
        with pytest.raises(ModelNotFound, match="tiny has no champion"):
            live.resolve("tiny@champion")
        for version in ("1", "2"):
            promote(tmp_path, version)
            until(lambda version=version: live.resolve("tiny").version == version)
            assert live.resolve("tiny@champion") == live.resolve("tiny") == live.resolve(f"tiny@{version}")
        write_version(tmp_path / "own", "4")
        until(lambda: states(live).get("4") == "ready")
        assert [(entry.version, entry.champion, entry.current) for entry in live.entries()] == [
            ("4", False, False),
            ("3", False, False),
            ("2", True, True),
            ("1", False, False),
        ]
        for version in ("1", "4"):  # back to the champion before, then to none
            aliases_of(tmp_path).change("tiny", lambda said: said.rolled_back(["1", "2", "3", "4"]))
            until(lambda version=version: live.resolve("tiny").version == version)
            assert_answers(live.engine("tiny"), version)


def test_what_answered_goes_on_until_the_champion_is_tested(tmp_path):
    for version in ("1", "3"):
        write_version(tmp_path / "own", version)
    gate = Gate("2")
    promote(tmp_path, "1")
    with LiveModels(live_settings(tmp_path), opened=gate) as live:
        until(lambda: set(states(live).values()) == {"ready"})
        write_version(tmp_path / "own", "2")
        promote(tmp_path, "2")
        assert gate.asked.wait(20)
        until(lambda: live.aliases("tiny").champion == "2")
        assert_answers(live.engine("tiny@champion"), "1")
        gate.opened.set()
        until(lambda: live.resolve("tiny@champion").version == "2")


def test_a_champion_that_is_broken_takes_nothing_down(tmp_path):
    write_version(tmp_path / "own", "1")
    with live_models(tmp_path) as live:
        until(lambda: states(live) == {"1": "ready"})
        drop_in_broken(tmp_path, "2")
        promote(tmp_path, "2")
        until(lambda: states(live).get("2") == "broken")
        assert_answers(live.engine("tiny"), "1")
        assert "model.onnx" in live.problems()["tiny@2"]
        promote(tmp_path, "9")
        until(lambda: "tiny" in live.problems())
        assert "champion 9" in live.problems()["tiny"]
        assert_answers(live.engine("tiny"), "1")


def test_broken_versions_do_not_hide_that_the_good_one_is_retired(tmp_path):
    write_version(tmp_path / "own", "1")
    drop_in_broken(tmp_path, "2")
    with live_models(tmp_path) as live:
        until(lambda: states(live) == {"1": "ready", "2": "broken"})
        aliases_of(tmp_path).change("tiny", lambda said: said.with_retired("1"))
        until(lambda: states(live) == {"1": "retired", "2": "broken"})
        with pytest.raises(BundleInvalid, match=r"tiny no version that works is in service: 1 retired.*2.*restore"):
            live.ready()


def test_a_retired_version_is_gone_but_whoever_has_it_pinned_may_finish(tmp_path):
    for version in ("1", "2"):
        write_version(tmp_path / "own", version)
    live = live_models(tmp_path)
    pinned = live.resolve("tiny@2")
    aliases_of(tmp_path).change("tiny", lambda said: said.with_retired("2"))
    live.poll()
    assert live.resolve("tiny").version == "1"
    with pytest.raises(ModelRetired, match="tiny@2 is retired since 20"):
        live.resolve("tiny@2")
    assert_answers(live.engine(pinned), "2")
    aliases_of(tmp_path).change("tiny", lambda said: said.with_retired("1"))
    live.poll()
    with pytest.raises(ModelRetired, match="tiny is retired"):
        live.engine("tiny")
    assert states(live) == {"1": "retired", "2": "retired"}
    aliases_of(tmp_path).change("tiny", lambda said: said.with_restored("2"))
    live.poll()
    assert_answers(live.engine("tiny"), "2")


@pytest.mark.parametrize(
    "reference", ["other", "tiny@9", "../tiny", "tiny@../1", "", "@", "tiny\0", "x" * 300, "TINY", " ", "tiny@1@1"]
)
def test_unknown_models_are_named_with_what_there_is(tmp_path, reference):
    write_version(tmp_path / "own", "1")
    with pytest.raises(ModelNotFound, match="there is: tiny@1") as refused:
        live_models(tmp_path).resolve(reference)
    assert len(str(refused.value)) < 300


def test_a_pinned_version_is_given_with_these_bytes_or_not_at_all(tmp_path):
    bundle = write_version(tmp_path / "own", "1")
    live = live_models(tmp_path)
    with pytest.raises(BundleInvalid, match="not the one that was asked for"):
        live.engine(Resolved("tiny", "1", "0" * 64))
    with pytest.raises(ModelNotFound, match="not in the registry any more"):
        live.engine(Resolved("tiny", "2", bundle.digest[::-1]))


def test_a_pinned_version_that_another_process_saw_first_is_found(tmp_path):
    """A job may be accepted for a version that its worker has not looked for yet."""
    write_version(tmp_path / "own", "1")
    api, worker = live_models(tmp_path), LiveModels(live_settings(tmp_path), eager=False)
    assert worker.resolve("tiny").version == "1"
    write_version(tmp_path / "own", "2")
    api.poll()
    assert_answers(worker.engine(api.resolve("tiny@2")), "2")


def test_models_that_only_ship_with_steppe_have_champions_too(tmp_path):
    for version in ("1", "2"):
        write_version(tmp_path / "zoo", version)
    live = live_models(tmp_path)
    assert live.resolve("tiny").version == "2"
    promote(tmp_path, "1")
    live.poll()
    assert live.resolve("tiny").version == "1"
    assert [path.name for path in (tmp_path / "own").iterdir()] == [".aliases"]


def test_a_broken_copy_in_the_own_folder_does_not_hide_what_ships(tmp_path):
    write_version(tmp_path / "zoo", "1")
    bundle = write_version(tmp_path / "own", "1", title="mine")
    live = live_models(tmp_path)
    assert live.engine("tiny").bundle.manifest.title == "mine"
    (bundle.path / "model.onnx").write_bytes(b"garbage")
    fresh = live_models(tmp_path)
    assert fresh.engine("tiny").bundle.manifest.title == "Tiny model for tests"


def test_a_damaged_alias_file_changes_nothing_that_is_known(tmp_path):
    for version in ("1", "2"):
        write_version(tmp_path / "own", version)
    promote(tmp_path, "1")
    live, events = live_models(tmp_path), Events()
    live.observe(events)
    assert live.resolve("tiny").version == "1"
    path = tmp_path / "own" / ".aliases" / "tiny.json"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    live.poll()
    assert live.resolve("tiny@champion").version == "1"
    assert "cannot be read" in live.problems()["tiny"]
    assert ("failed", "tiny") in events.all
    fresh = live_models(tmp_path)
    assert fresh.resolve("tiny").version == "2"
    assert "cannot be read" in fresh.problems()["tiny"]
    path.write_bytes(good)
    for models in (live, fresh):
        models.poll()
        assert models.resolve("tiny").version == "1"
        assert models.problems() == {}


def test_a_registry_that_cannot_be_seen_for_a_moment_takes_nothing_down(tmp_path):
    write_version(tmp_path / "own", "1")
    live = live_models(tmp_path)
    assert live.resolve("tiny").version == "1"
    (tmp_path / "own").rename(tmp_path / "away")
    live.poll()
    assert live.resolve("tiny").version == "1"
    (tmp_path / "away").rename(tmp_path / "own")
    live.poll()
    assert_answers(live.engine("tiny"), "1")


def test_no_version_may_be_called_champion(tmp_path):
    write_version(tmp_path / "own", "1")
    write_version(tmp_path / "own", "champion")
    live = live_models(tmp_path)
    assert states(live) == {"1": "loading", "champion": "broken"}
    assert "no version may be called champion" in live.problems()["tiny@champion"]


def test_an_observer_that_fails_harms_nothing(tmp_path, caplog):
    class Broken(Events):
        def loaded(self, *_):
            raise ZeroDivisionError

        switched = failed = dropped = loaded

    write_version(tmp_path / "own", "1")
    live = live_models(tmp_path)
    live.observe(Broken())
    assert_answers(live.engine(), "1")
    assert "telling of a loaded model failed" in caplog.text


def test_not_ready_before_the_default_model_is_tested(tmp_path):
    write_version(tmp_path / "own", "1")
    live = live_models(tmp_path)
    with pytest.raises(ModelNotReady, match="tiny@1 is being copied or tested"):
        live.ready()
    live.engine()
    assert live.ready().bundle.manifest.version == "1"
