"""A batcher for each engine, and real engines behind them."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from serving.batching.pool import KEPT, Batchers, limits_for
from serving.batching.rate import LONGEST_RETRY_S, Rate
from serving.engine import Engine
from tests.bundles import pair_bundle, tiny_bundle
from tests.scenes import smooth_numbers


@pytest.fixture
def engine(tmp_path):
    return Engine(tiny_bundle(tmp_path), provider="cpu", threads=2)


@pytest.fixture
def batchers(settings):
    batchers = Batchers(settings)
    yield batchers
    batchers.close()


def windows(count, side=32, bands=4):
    scene_BHW = smooth_numbers(side, side * count, bands=bands)
    return np.ascontiguousarray(scene_BHW.reshape(bands, side, count, side).transpose(2, 0, 1, 3))


def test_answers_are_those_of_windows_alone_bit_for_bit(engine, batchers):
    batcher = batchers.get(engine)
    asked = [
        windows(count, side)[:count] + index for index, (count, side) in enumerate([(1, 32), (3, 32), (1, 64)] * 8)
    ]

    async def test():
        return await asyncio.gather(*(batcher.submit(dn, owner=str(index % 3)) for index, dn in enumerate(asked)))

    for dn, answer in zip(asked, asyncio.run(test()), strict=True):
        for window, found in zip(dn, answer, strict=True):
            assert np.array_equal(found, engine.run(window[None])[0])


def test_models_that_take_an_overview(tmp_path, batchers):
    engine = Engine(pair_bundle(tmp_path), provider="cpu", threads=1)
    dn, overviews = windows(2, bands=8), [windows(1, 64, bands=8) + shift for shift in (0, 500)]

    async def test():
        batcher = batchers.get(engine)
        return await asyncio.gather(*(batcher.submit(dn, overview_1BHW=overview) for overview in overviews))

    for overview, answer in zip(overviews, asyncio.run(test()), strict=True):
        assert np.array_equal(answer, engine.run(dn, overview))


def test_an_engine_keeps_its_batcher_until_it_is_discarded(engine, batchers):
    batcher = batchers.get(engine)
    assert batchers.get(engine) is batcher
    batchers.discard(engine)
    batchers.discard(engine)
    assert batcher._closing
    assert batchers.get(engine) is not batcher


def test_engines_not_asked_for_longest_give_back_their_threads(tmp_path, batchers):
    bundle = tiny_bundle(tmp_path)
    engines = [Engine(bundle, provider="cpu", threads=1) for _ in range(KEPT + 1)]
    first, *others = [batchers.get(engine) for engine in engines]
    assert first._closing
    assert not any(batcher._closing for batcher in others)


def test_limits_follow_the_runtime_and_the_settings(engine, settings):
    assert limits_for(engine, settings).sizes[-1] == 64
    assert limits_for(engine, settings.model_copy(update={"batch_windows": 1})).sizes == (1,)

    class Elsewhere:
        bundle = engine.bundle

        def __init__(self, provider):
            self.provider = provider

    assert limits_for(Elsewhere("openvino"), settings).sizes == tuple(range(1, 65))
    gpu = limits_for(Elsewhere("cuda"), settings.model_copy(update={"batch_size": 8}))
    assert gpu.most_windows(256 * 256) == 8


def test_the_rate_says_when_there_is_room_again():
    rate = Rate()
    assert rate.retry_after_s(10**6, 2) == 5
    rate.add(1000, 2.0)
    assert rate.retry_after_s(4000, 2) == 4
    assert rate.retry_after_s(1, 2) == 1
    assert rate.retry_after_s(10**9, 2) == LONGEST_RETRY_S
