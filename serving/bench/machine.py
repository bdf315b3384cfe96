"""The machine that figures come from: without it they say nothing."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from landcover.processors import CPU_INFO, available_processors, instructions
from serving.version import VERSION

PACKAGES: Final = ("numpy", "onnxruntime", "onnxruntime-gpu", "openvino", "rasterio")
_NAME: Final = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)


def describe_machine(cpu_info: Path = CPU_INFO) -> dict[str, Any]:
    """Processor, memory, load and versions; nothing that names the machine."""
    import rasterio  # noqa: PLC0415 - loads GDAL

    try:
        text = cpu_info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    name = _NAME.search(text)
    return {
        "processor": name[1].strip() if name else platform.processor() or platform.machine(),
        "cores": available_processors(),
        "instructions": list(instructions(cpu_info)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "steppe": VERSION,
        "gdal": rasterio.__gdal_version__,
        **{package: found for package in PACKAGES if (found := _version(package))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
