"""Every runtime and precision of a model that works here on one scene, in one run on one machine.

Each runs in a process of its own, in turn, several rounds; the Markdown table has medians, megapixels of the scene per
second. "Of the model alone" is the end-to-end rate, GeoTIFF in and map out, by that of the runtime on arrays that are
ready. Decoding alone is the limit that no runtime can pass: on a GPU the end-to-end rate is to be read beside it.

    python -m benchmarks.providers scene.tif --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scene_throughput import figures
from serving.bench.engines import Kind, engine_kinds
from serving.registry.folders import open_registry
from serving.settings import Settings


def main() -> None:
    """Run all in turn and print medians and ratios to ONNX Runtime in fp32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--model", default=Settings().model)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds = engine_kinds(open_registry(Settings()).get(options.model).manifest)
    runs: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _ in range(options.rounds):
        for kind in list(runs):
            words = ["--model", options.model, "--provider", kind.provider, "--precision", kind.precision, "--json"]
            try:
                runs[kind].append(figures("serving", "bench", "scene", str(options.scene), *words))
            except subprocess.CalledProcessError:  # it has said why
                del runs[kind]
    print(
        "| runtime | precision | decoding | model | end to end | of the model alone | to the first | peak memory, MB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for (provider, precision), found in runs.items():
        whole, alone = rates(found, "end_to_end_mpx_s"), rates(found, "model_mpx_s")
        share = statistics.median(one / other for one, other in zip(whole, alone, strict=True))
        gain = statistics.median(
            one / other for one, other in zip(whole, rates(runs[kinds[0]], "end_to_end_mpx_s"), strict=True)
        )
        peak = statistics.median(rates(found, "peak_memory_mb"))
        decoding = statistics.median(rates(found, "decode_mpx_s"))
        print(
            f"| {provider} | {precision} | {decoding:.1f} | {statistics.median(alone):.2f} "
            f"| {statistics.median(whole):.2f} | {share:.2f} | {gain:.2f} | {peak:.0f} |"
        )


def rates(found: Sequence[dict[str, Any]], name: str) -> list[float]:
    """One figure of every round."""
    return [float(entry[name]) for entry in found]


if __name__ == "__main__":
    main()
