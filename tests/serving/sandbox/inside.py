"""Runs code in a fresh interpreter, because what closes a process in cannot be undone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

from tests.architecture.tree import ROOT

PREAMBLE = """
import json, os, signal, socket, sys, threading
from pathlib import Path

def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "done"
"""


def run_inside(code, *arguments, expected=0):
    """Runs code that has ``tried``; answers the JSON that it prints last, or None."""
    run = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(code), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == expected, run.stderr
    return json.loads(run.stdout.splitlines()[-1]) if run.stdout else None
