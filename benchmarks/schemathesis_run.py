"""Many requests from the OpenAPI document against a real server; run: python -m benchmarks.schemathesis_run.

Starts ``steppe serve`` on a free port of loopback with a state folder of its own, or takes a running server by --url
(with --key where it needs one). Every operation gets --examples requests that fit the description, and as many that do
not. Ends with 1 and the request, when an answer is a defect of the service or an error is no problem document.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import schemathesis

from benchmarks.server import steppe
from tests.serving.api.fuzz import operations_of, try_operation


def run(url: str, key: str | None, *, examples: int, number: int) -> None:
    """Try every operation, and print what was answered."""
    headers = {"X-API-Key": key} if key else {}
    described = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers, wait_for_schema=60)
    total: Counter[int] = Counter()
    for operation in operations_of(described):
        began = time.monotonic()
        answers = try_operation(operation, examples=examples, number=number, headers=headers)
        total += answers
        counts = " ".join(f"{status}:{count}" for status, count in sorted(answers.items()))
        print(f"{operation.method.upper():6} {operation.path:40} {time.monotonic() - began:6.1f} s  {counts}")
    counts = " ".join(f"{status}:{count}" for status, count in sorted(total.items()))
    print(f"{total.total()} requests, none answered 5xx but 503, all errors problem documents: {counts}")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--url", help="a running server; default: one is started")
    parser.add_argument("--key", help="API key for it")
    parser.add_argument("--examples", type=int, default=300, help="requests for each operation, of each kind")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.url:
        run(chosen.url.rstrip("/"), chosen.key, examples=chosen.examples, number=chosen.seed)
        return
    with tempfile.TemporaryDirectory() as state, steppe(Path(state)) as running:
        run(running.url, None, examples=chosen.examples, number=chosen.seed)


if __name__ == "__main__":
    main()
