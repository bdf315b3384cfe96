"""Settings of the service and the command line, from the environment (prefix ``STEPPE_``) with working defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from landcover.augmentation import Augmentation
from landcover.errors import ConfigError
from landcover.precision import Precision

PREFIX: Final = "STEPPE_"
ZOO: Final = Path(__file__).resolve().parent.parent / "models" / "zoo"
"""The bundles that ship with the project; found by path, because the service never imports the networks' package."""


class Settings(BaseSettings):
    """Everything that can be set; each field is ``STEPPE_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8080, description="Port; 0 lets the system choose.")
    registry: Path | None = Field(default=None, description="Folder with your own bundles, <name>/<version>.")
    zoo: Path = Field(default=ZOO, description="Folder with the bundles that ship with Steppe.")
    model: str = Field(default="steppe-s2-landcover", description="Model used when a request names none.")
    degradation_model: str = Field(
        default="steppe-s2-degradation", description="Model of steppe degradation when none is named."
    )
    provider: str = Field(default="auto", description="Execution provider: auto, cpu, openvino, cuda or tensorrt.")
    precision: Precision = Field(
        default=Precision.FP32, description="fp32, int8 where a bundle has it, bf16 (OpenVINO) or fp16 (GPUs)."
    )
    tta: Augmentation = Field(
        default=Augmentation.NONE, description="Test-time augmentation: none, flips (4 runs) or d4 (8 runs)."
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Threads of one engine call; default: all processors this process may use."
    )
    tile: Annotated[int, Field(ge=32, multiple_of=32)] | None = Field(
        default=None, description="Window side in pixels; default: the model's."
    )
    overlap: Annotated[int, Field(ge=0, multiple_of=32)] | None = Field(
        default=None, description="Pixels shared by neighbouring windows; default: the model's."
    )
    batch_size: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="Windows per engine call; default: the model's."
    )
    tensorrt_cache: Path | None = Field(
        default=None, description="Folder for TensorRT's engines; default: they are built anew in every process."
    )
    scratch: Path | None = Field(default=None, description="Folder for uploads in the making; default: the system's.")
    max_upload_bytes: Annotated[int, Field(ge=1)] = Field(
        default=512 * 1024**2, description="Largest body of POST /classify."
    )
    max_pixels: Annotated[int, Field(ge=1)] = Field(
        default=130_000_000,
        description="Most pixels of a scene sent to POST /classify; a Sentinel-2 tile has 120.6 million.",
    )
    upload_grace_s: Annotated[float, Field(gt=0)] = Field(
        default=20.0, description="Seconds a body of POST /classify may be late, by the pace of upload_min_rate."
    )
    upload_min_rate: Annotated[float, Field(gt=0)] = Field(
        default=16 * 1024, description="Slowest pace of a body, in bytes per second; slower ones are answered 408."
    )
    max_concurrent: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Scenes classified at the same time; one already uses all processors."
    )
    max_waiting: Annotated[int, Field(ge=0)] = Field(
        default=4, description="Scenes that may wait for their turn; further ones are answered 503 with Retry-After."
    )

    # Batching of concurrent requests, and the Open Inference Protocol
    batch_windows: Annotated[int, Field(ge=1, le=64)] = Field(
        default=64, description="Most windows of concurrent requests in one engine call; 1 switches batching off."
    )
    batch_pixels: Annotated[int, Field(ge=1024)] = Field(
        default=65_536, description="Most pixels of such a call on a processor; larger calls are no faster per pixel."
    )
    batch_wait_ms: Annotated[float, Field(ge=0, le=100)] = Field(
        default=1.0,
        description="Longest wait for a fuller call in milliseconds; only while fewer requests are there than lately.",
    )
    batch_queue_pixels: Annotated[int, Field(ge=1024)] = Field(
        default=16_777_216, description="Pixels that may wait for one model; further ones are answered 503."
    )
    batch_queue_requests: Annotated[int, Field(ge=1)] = Field(
        default=1024, description="Requests that may wait for one model; further ones are answered 503."
    )
    v2_max_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=64 * 1024**2, description="Largest body of a request under /v2."
    )
    v2_max_json_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=8 * 1024**2, description="Largest JSON of a request under /v2; large arrays belong into binary tensors."
    )
    v2_max_pixels: Annotated[int, Field(ge=1024)] = Field(
        default=4_194_304, description="Most pixels of a request under /v2, all windows together."
    )
    v2_memory_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=1024**3, description="Bytes that requests under /v2 and their answers may take together."
    )
    v2_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="Seconds within which a request under /v2 is answered; it may ask for less."
    )


def load_settings(**chosen: Any) -> Settings:
    """Settings from the environment; ``chosen`` ones win.

    Raises:
        ConfigError: naming the variables that cannot be used.
    """
    try:
        return Settings(**chosen)
    except ValidationError as error:
        # What was given is not repeated: variables also carry what is nobody's business in a log.
        faults = [f"{PREFIX}{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError(f"settings cannot be used: {'; '.join(faults)}; correct or unset them") from error
