"""What the Open Inference Protocol costs beside the model, what batching gains, and LitServe beside both; in one run.

Servers and clients share this machine with the model. Everything that is compared runs in turn, several rounds; the
table has medians of the ratios inside each round, because rates of different minutes do not compare.

- Bare: ``session.run`` of the same session on arrays that are ready, as many calls at a time as the service makes, in
  batches of 8 windows or of 1, whichever is faster in that round.
- v2: `steppe serve`, 32 clients with kept connections, binary tensors, one window per request.
- Batching off: the same with STEPPE_BATCH_WINDOWS=1.
- LitServe: the same ONNX file behind LitServe's own batching (8 windows, 5 ms), base64 in JSON, as its examples do it.
- Half load: requests that come by chance, at half of the rate of the clients before, against one client alone.

    python -m benchmarks.v2_throughput --litserve FOLDER        # about 5 minutes

LitServe is installed from PyPI into that folder at first; without the option it is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.server import ROOT, Running, steppe, wait_for
from benchmarks.v2_clients import Load, closed_loop, open_loop, post, v2_request, warm
from benchmarks.v2_models import write_small_models
from landcover.bundle import Bundle, load_bundle
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.settings import ZOO, Settings

CLIENTS = 32
LITSERVE = Path(__file__).with_name("v2_litserve.py")


def main() -> None:
    """Measure everything in turn and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="steppe-s2-landcover")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement of the model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--litserve", type=Path, help="folder for an environment with LitServe, made at first")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        print(json.dumps(bare_rates(options.bare, options.seconds)))
        return
    import uvloop  # noqa: PLC0415

    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with ExitStack() as stack, runner:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small = write_small_models(folder)
        zoo = open_registry(Settings(registry=None, zoo=ZOO)).get(options.model)
        on = stack.enter_context(arrays_only(folder, options.model)).url
        off = stack.enter_context(arrays_only(folder, options.model, STEPPE_BATCH_WINDOWS="1")).url
        large_table(runner, zoo, on, options)
        for name, bundle in small.items():
            small_table(runner, bundle, (on, off), options.rounds, name)


def large_table(runner: asyncio.Runner, bundle: Bundle, url: str, options: argparse.Namespace) -> None:
    """Windows of 256 x 256 of the published model."""
    windows = numbers(bundle, 256)
    request = v2_request(url, bundle.manifest.name, windows)
    runner.run(warm(url, [request]))
    rows: list[dict[str, float]] = []
    for _ in range(options.rounds):
        bare = run_bare(bundle, options.seconds)
        load = runner.run(closed_loop(url, request, clients=CLIENTS, seconds=options.seconds))
        alone = runner.run(closed_loop(url, request, clients=1, seconds=options.seconds / 3))
        half = runner.run(open_loop(url, request, rate=load.rate / 2, seconds=2 * options.seconds))
        rows.append(
            {
                "bare": max(bare.values()),
                "v2": load.rate,
                "v2 of bare": load.rate / max(bare.values()),
                "alone, ms": alone.median_ms,
                "half load p99, ms": half.quantile_ms(0.99),
                "p99 of alone": half.quantile_ms(0.99) / alone.median_ms,
                "half load refused": half.refused,
                **litserve_row(runner, bundle, windows, load, options),
            }
        )
    table(f"{bundle.manifest.identifier}, 256 x 256, fp32, {CLIENTS} clients; windows per second", rows)


def small_table(runner: asyncio.Runner, bundle: Bundle, urls: tuple[str, str], rounds: int, name: str) -> None:
    """Windows of 32 x 32 of a small model, with batching and without."""
    windows = numbers(bundle, 32)
    requests = [v2_request(url, bundle.manifest.name, windows) for url in urls]
    for url, request in zip(urls, requests, strict=True):
        runner.run(warm(url, [request]))
    rows: list[dict[str, float]] = []
    for _ in range(rounds):
        on, off = (
            runner.run(closed_loop(url, request, clients=CLIENTS, seconds=2.0))
            for url, request in zip(urls, requests, strict=True)
        )
        alone = runner.run(closed_loop(urls[0], requests[0], clients=1, seconds=1.0))
        half = runner.run(open_loop(urls[0], requests[0], rate=on.rate / 2, seconds=3.0))
        rows.append(
            {
                "v2": on.rate,
                "batching off": off.rate,
                "gain": on.rate / off.rate,
                "alone, ms": alone.median_ms,
                "half load p99, ms": half.quantile_ms(0.99),
                "p99 of alone": half.quantile_ms(0.99) / alone.median_ms,
                "half load refused": half.refused,
            }
        )
    table(f"{name}, 32 x 32, {CLIENTS} clients; windows per second", rows)


def litserve_row(
    runner: asyncio.Runner,
    bundle: Bundle,
    windows: NDArray[np.uint16],
    ours: Load,
    options: argparse.Namespace,
) -> dict[str, float]:
    """The same file behind LitServe."""
    if options.litserve is None:
        return {}
    with litserve(options.litserve, bundle) as url:
        body = json.dumps({"shape": windows.shape[1:], "data": base64.b64encode(windows.tobytes()).decode()}).encode()
        request = post(url, "/predict", body, {"Content-Type": "application/json"})
        runner.run(warm(url, [request]))
        load = runner.run(closed_loop(url, request, clients=CLIENTS, seconds=options.seconds))
    return {"LitServe": load.rate, "v2 of LitServe": ours.rate / load.rate}


def numbers(bundle: Bundle, side: int) -> NDArray[np.uint16]:
    """One window of random digital numbers."""
    shape = (1, bundle.manifest.channels, side, side)
    return np.random.default_rng(0).integers(1, 4000, shape).astype(np.uint16)


def run_bare(bundle: Bundle, seconds: float) -> dict[str, float]:
    """Rates of the session alone, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.v2_throughput", "--bare", str(bundle.path), "--seconds", str(seconds)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    rates: dict[str, float] = json.loads(done.stdout)
    return rates


def bare_rates(path: Path, seconds: float) -> dict[str, float]:
    """Windows per second of ``session.run``, by batch."""
    bundle = load_bundle(path)
    engine = Engine(bundle, provider="cpu")
    session: onnxruntime.InferenceSession = engine._backend._session  # type: ignore[union-attr] # noqa: SLF001
    rates = {}
    for batch in (8, 1):
        dn_NBHW = np.repeat(numbers(bundle, 256), batch, axis=0)
        session.run(None, {"dn": dn_NBHW})
        calls = repeated(partial(session.run, None, {"dn": dn_NBHW}), engine.parallel, seconds / 2)
        rates[str(batch)] = calls * batch
    return rates


def repeated(call: Callable[[], object], parallel: int, seconds: float) -> float:
    """Calls per second, so many at a time."""
    counts, spans = [0] * parallel, [0.0] * parallel

    def work(index: int) -> None:
        started = time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds:
            call()
            counts[index] += 1
            spans[index] = spent
        spans[index] = time.perf_counter() - started

    threads = [threading.Thread(target=work, args=(index,)) for index in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(count / span for count, span in zip(counts, spans, strict=True))


def arrays_only(registry: Path, model: str, **changes: str) -> AbstractContextManager[Running]:
    """A service without workers, on processors."""
    settings = {
        "STEPPE_REGISTRY": str(registry),
        "STEPPE_MODEL": model,
        "STEPPE_PROVIDER": "cpu",
        "STEPPE_WORKERS": "0",
    }
    return steppe(registry.parent / f"{registry.name}-state{''.join(changes.values())}", **settings, **changes)


@contextmanager
def litserve(folder: Path, bundle: Bundle) -> Generator[str]:
    """The model behind LitServe; yields its address."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        packages = ["litserve", f"onnxruntime=={onnxruntime.__version__}", "numpy", "uvloop", "httptools"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    words = [python, LITSERVE, bundle.path / "model.onnx"]
    # It has children that do not end with it.
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            wait_for("http://127.0.0.1:18321/health")
            yield "http://127.0.0.1:18321"
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def table(title: str, rows: list[dict[str, float]]) -> None:
    """Medians over the rounds, and the range of the ratios."""
    print(f"\n{title}\n\n| figure | median | rounds |\n| --- | --- | --- |")
    for name in rows[0]:
        values = [row[name] for row in rows]
        digits = 2 if " of " in name or name == "gain" else 1
        shown = ", ".join(f"{value:.{digits}f}" for value in values)
        print(f"| {name} | {statistics.median(values):.{digits}f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
