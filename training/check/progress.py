"""A bar on standard error that counts pixels."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def pixel_bar(what: str, pixels: int, *, shown: bool) -> Generator[Callable[[int], None]]:
    """A bar while pixels are read.

    Args:
        what: What is done.
        pixels: Pixels in all.
        shown: Whether there is somebody to see it.

    Yields:
        To be called with the pixels that were read since the last call.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=pixels)
        yield lambda read: bar.advance(task, read)
