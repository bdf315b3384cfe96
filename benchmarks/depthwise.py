"""A training step in bfloat16 with depthwise convolutions in float32 against one with all of them in bfloat16.

Both networks start alike and see the same random batch; blocks of steps alternate, so that both meet the same machine
at the same minute. It prints the median ratio and both times as JSON.

    python -m benchmarks.depthwise --steps 12
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time

import torch
from torch import Tensor, nn

from models.depthwise import depthwise_in_float32
from models.networks import NETWORKS, build_network

CLASSES, BANDS, BATCH, SIDE = 7, 9, 8, 256
BLOCK = 2


def step(network: nn.Module, images_NBHW: Tensor, labels_NHW: Tensor) -> None:
    """Forward and backward, no optimiser."""
    with torch.autocast("cpu", torch.bfloat16):
        logits_NKHW = network(images_NBHW)
    nn.functional.cross_entropy(logits_NKHW.float(), labels_NHW).backward()
    network.zero_grad()


def seconds(network: nn.Module, batch: tuple[Tensor, Tensor], steps: int) -> float:
    """Wall clock of a step, a mean over several."""
    start = time.perf_counter()
    for _ in range(steps):
        step(network, *batch)
    return (time.perf_counter() - start) / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=sorted(NETWORKS), default="unet-lite2")
    parser.add_argument("--steps", type=int, default=12, help="steps of each network")
    options = parser.parse_args()
    torch.manual_seed(0)
    plain = build_network(options.network, BANDS, CLASSES).to(memory_format=torch.channels_last)
    exact = copy.deepcopy(plain)
    depthwise_in_float32(exact)
    images_NBHW = torch.randn(BATCH, BANDS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    batch = images_NBHW, torch.randint(CLASSES, (BATCH, SIDE, SIDE))
    for network in (plain, exact):
        seconds(network, batch, 2)  # kernels are chosen on the first steps
    pairs = [
        (seconds(plain, batch, BLOCK), seconds(exact, batch, BLOCK)) for _ in range(max(1, options.steps // BLOCK))
    ]
    print(
        json.dumps(
            {
                "network": options.network,
                "threads": torch.get_num_threads(),
                "seconds_bfloat16": round(statistics.median(one for one, _ in pairs), 3),
                "seconds_depthwise_float32": round(statistics.median(other for _, other in pairs), 3),
                "ratio": round(statistics.median(one / other for one, other in pairs), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
