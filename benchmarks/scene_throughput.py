"""Steppe against the plain loop, in one run on one machine: megapixels per second and peak memory.

Each side runs in a process of its own, in turn, so that neither warms anything up for the other but the disk cache.
The result is printed as JSON and as the Markdown lines of benchmarks/README.md.

    python -m benchmarks.scene_throughput scene.tif --rounds 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from serving.registry.folders import open_registry
from serving.settings import Settings


def main() -> None:
    """Run both sides in turn and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--model", default=Settings().model)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    bundle = open_registry(Settings()).get(options.model).path
    runs: dict[str, list[dict[str, Any]]] = {"steppe": [], "plain loop": []}
    for _ in range(options.rounds):
        runs["plain loop"].append(figures("benchmarks.plain_loop", str(options.scene), str(bundle)))
        runs["steppe"].append(
            figures("serving", "bench", "scene", str(options.scene), "--model", options.model, "--json")
        )
    ratios = [
        ours["end_to_end_mpx_s"] / plain["mpx_s"]
        for ours, plain in zip(runs["steppe"], runs["plain loop"], strict=True)
    ]
    print(json.dumps(runs, indent=2))
    print(f"| plain loop | {_median(runs['plain loop'], 'mpx_s')} | {_median(runs['plain loop'], 'peak_memory_mb')} |")
    print(f"| steppe | {_median(runs['steppe'], 'end_to_end_mpx_s')} | {_median(runs['steppe'], 'peak_memory_mb')} |")
    print(f"ratio, pair by pair: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


def figures(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a module prints, run in a process of its own."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _median(figures: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(entry[key] for entry in figures))


if __name__ == "__main__":
    main()
