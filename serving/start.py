"""Where the ``steppe`` command begins.

Loading the commands takes a third of a second. Nothing else happens here, so that Ctrl-C is heard before that and ends
in one line, not in a traceback of whatever was just being imported.
"""

from __future__ import annotations

from serving.garbage import leave_to_the_system, uncollected
from serving.signals import end_at_once


def main() -> int:
    """Run the command line of this process; see ``serving.cli.main``."""
    end_at_once()
    with uncollected():
        from serving.cli import main as run  # noqa: PLC0415 - this is what takes its time

    try:
        return run()
    finally:
        leave_to_the_system()
