"""Which GPU and which of NVIDIA's libraries run a model: kernels are picked by them, and round differently."""

from __future__ import annotations

import ctypes
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

DRIVER: Final = "libcuda.so.1"
CUDNN: Final = ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12")
"""Packages that bring cuDNN, newest first."""

UNKNOWN: Final = "unknown"
_LONGEST: Final = 256


def device_name(driver: Any | None = None) -> str:
    """Name of the first GPU that this process sees, by the driver.

    https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__DEVICE.html

    Args:
        driver: the driver's library; default: the machine's.
    """
    try:
        driver = driver or ctypes.CDLL(DRIVER)
    except OSError:
        return UNKNOWN
    number, name = ctypes.c_int(), ctypes.create_string_buffer(_LONGEST)
    failed = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(number), 0)
    failed = failed or driver.cuDeviceGetName(name, _LONGEST, number)
    return UNKNOWN if failed else name.value.decode(errors="replace")


def cudnn_version() -> str:
    """Version of the package that brings cuDNN; libraries that the system brings do not say it."""
    for package in CUDNN:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return UNKNOWN
