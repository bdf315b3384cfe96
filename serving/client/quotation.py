"""The answer of a dry run in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serving.client.answers import Quotation, read_as
from serving.sentence import sentence


def quotation_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What work would cost, what is allowed, and which scenes would be mapped.

    Raises:
        AnswerNotUnderstood: when the service answered something else.
    """
    quoted = read_as(Quotation, told)
    limits, cost = quoted.limits, quoted.cost
    if cost.pixels is None:
        yield f"{quoted.process} with {quoted.model}: how many pixels is known when the scene is there"
    else:
        about = "" if cost.exact else "about "
        yield f"{quoted.process} with {quoted.model}: {about}{cost.pixels:,} pixels of at most {limits.max_pixels:,}"
    rate = "no limit" if limits.pixels_per_minute is None else f"{limits.pixels_per_minute:,}"
    yield f"pixels a minute: {rate}; unfinished jobs: {limits.jobs_waiting} of at most {limits.max_jobs}"
    for scene in quoted.scenes:
        yield f"scene: {scene_words(scene)}"


def quotation_warnings(told: Mapping[str, Any]) -> list[str]:
    """What should be known beforehand."""
    return [sentence(str(warning)) for warning in told.get("warnings", ())]


def scene_words(scene: Mapping[str, Any]) -> str:
    """One scene, as far as it is known."""
    clouds = scene.get("cloud_cover")
    size = f"{scene['width']} x {scene['height']} pixels" if "width" in scene and "height" in scene else None
    words = (
        scene.get("id") or scene.get("href") or scene.get("path"),
        str(scene.get("datetime") or "")[:10] or None,
        None if clouds is None else f"{clouds:g} % clouds",
        scene.get("level"),
        size,
    )
    return sentence(", ".join(str(word) for word in words if word) or "nothing is known of it yet")
