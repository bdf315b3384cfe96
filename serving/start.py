"""Where the ``steppe`` command begins.

Loading the commands takes a third of a second. Nothing else happens here, so that Ctrl-C is heard before that and ends
in one line, not in a traceback of whatever was just being imported.
"""

from __future__ import annotations

import sys

from serving.garbage import leave_to_the_system, uncollected
from serving.signals import end_at_once
from serving.streams import open_closed_streams


def main() -> int:
    """Run the command line of this process; see ``serving.cli.main``."""
    open_closed_streams()
    end_at_once()
    with uncollected():
        from serving import cli  # noqa: PLC0415 - this is what takes its time

    try:
        return cli.main()
    finally:
        if cli.is_own(sys.argv[1:]):  # libraries of training list what was not cleared, as if it were an error
            leave_to_the_system()
