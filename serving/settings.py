"""Settings of the service and the command line, from the environment (prefix ``STEPPE_``) with working defaults."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from landcover.augmentation import Augmentation
from landcover.errors import ConfigError
from landcover.precision import Precision

PREFIX: Final = "STEPPE_"
ZOO: Final = Path(__file__).resolve().parent.parent / "models" / "zoo"
"""The bundles that ship with the project; found by path, because the service never imports the networks' package."""


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several values in one variable, with commas between."""


def _state_folder() -> Path:
    """Where the XDG base directory specification puts what a program keeps; a relative path there does not count."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "steppe"


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
    scratch: Path | None = Field(
        default=None, description="Folder for what a job needs while it runs; default: in the state folder."
    )
    max_upload_bytes: Annotated[int, Field(ge=1)] = Field(
        default=512 * 1024**2, description="Largest body of POST /classify and POST /uploads."
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
    max_waiting: Annotated[int, Field(ge=1)] = Field(
        default=5, description="Scenes in work or waiting whose sender waits, too; further ones are answered 503."
    )

    # Jobs
    workers: Annotated[int, Field(ge=0)] = Field(
        default=1, description="Processes that do jobs; one already uses all processors. 0 = elsewhere."
    )
    lease_s: Annotated[float, Field(ge=2)] = Field(
        default=30.0, description="Seconds without a sign of life after which another worker takes a job."
    )
    sync_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=900.0, description="Most seconds that the answer of a request is waited for; longer work needs a job."
    )
    keep_jobs_s: Annotated[float, Field(gt=0)] = Field(
        default=7 * 86400.0, description="Seconds that jobs and results are kept after their end."
    )
    upload_keep_s: Annotated[float, Field(gt=0)] = Field(
        default=86400.0, description="Seconds that uploads are kept after a request named them last."
    )
    upload_bytes_per_key: Annotated[int, Field(ge=1)] = Field(
        default=8 * 1024**3, description="Most bytes of uploads that a key may have stored at a time."
    )
    data_folder: Path | None = Field(
        default=None, description="Folder of scenes that requests may name by path; default: none."
    )
    public_url: str | None = Field(
        default=None, description="Address of the service as its clients see it, where a proxy hides it."
    )

    # Fetching what callers refer to, and finding scenes.
    allowed_hosts: str = Field(
        default="",
        description="Hosts that may be fetched from, with commas: names, *.example.org, name:port; empty = none.",
    )
    fetch_max_bytes: Annotated[int, Field(ge=1)] = Field(
        default=2 * 1024**3, description="Most bytes one job may fetch from other hosts."
    )
    fetch_seconds: Annotated[float, Field(gt=0)] = Field(
        default=600.0, description="Seconds one job may wait for other hosts, all its requests together."
    )
    fetch_idle_s: Annotated[float, Field(gt=0)] = Field(
        default=10.0, description="Seconds another host may be silent; slower ones fail with 504."
    )
    fetch_connect_s: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Seconds for resolving a name, for connecting and for the TLS handshake, each."
    )
    stac_api: str | None = Field(default=None, description="Address (https) of the STAC API in which scenes are found.")
    stac_catalog: str | None = Field(
        default=None, description="Folder or https address of a static STAC catalogue, instead of an API."
    )
    stac_collection: str | None = Field(
        default=None, description="Collection in which scenes are found, for example sentinel-2-l2a."
    )
    max_area_km2: Annotated[float, Field(gt=0)] = Field(
        default=13_000.0, description="Largest area for which scenes are found; a Sentinel-2 tile has 12 056 km2."
    )

    # Who may do what
    keys_file: Path | None = Field(
        default=None,
        description="File with the digests of further API keys, one JSON object a line; read again when changed.",
    )
    oidc_issuer: str | None = Field(default=None, description="Issuer of tokens that are taken instead of API keys.")
    oidc_audience: str | None = Field(default=None, description="Audience those tokens must be made for.")
    oidc_jwks: str | None = Field(default=None, description="The issuer's public keys: an https address, or a file.")
    pixels_per_minute: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Most pixels a key may ask for in a minute, where it has no limit of its own."
    )
    max_jobs_per_key: Annotated[int, Field(ge=1)] = Field(
        default=20, description="Most jobs of a key that wait or run, where it has no limit of its own."
    )

    # The door
    cors_origins: Words = Field(
        default=(), description="Origins (https://maps.example.org) whose pages may call the service from a browser."
    )
    hosts: Words = Field(
        default=(), description="Names under which clients reach the service; requests for other names are refused."
    )
    trusted_proxies: Words = Field(
        default=(), description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed."
    )
    request_patience_s: Annotated[float, Field(gt=0)] = Field(
        default=10.0, description="Seconds in which a request's head must come, and between two pieces of its body."
    )
    max_json_bytes: Annotated[int, Field(ge=1024)] = Field(default=1024**2, description="Largest JSON body.")
    max_requests: Annotated[int, Field(ge=1)] = Field(
        default=256, description="Requests in the service at the same time; further ones are answered 503 at once."
    )
    max_connections: Annotated[int, Field(ge=1)] = Field(
        default=1000, description="Open connections; further ones are answered 503 and closed."
    )

    # What the service keeps: jobs, keys, uploads and results.
    state: Path = Field(
        default_factory=_state_folder,
        description="Folder of the database, uploads, results and work in progress; on a local disk with SQLite.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://...; default: a SQLite file in the state folder."
    )
    database_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = Field(
        default="steppe", description="PostgreSQL schema of Steppe's tables; made where it is missing."
    )
    database_wait_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=5.0, description="Seconds to wait for a locked or absent database before a request is answered 503."
    )
    database_connections: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=8, description="Most connections of one process to PostgreSQL."
    )

    # Models that come and go
    registry_poll_s: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="Seconds between two looks at the folders with bundles."
    )
    registry_settle_s: Annotated[float, Field(ge=0)] = Field(
        default=5.0, description="Seconds without change after which a bundle that is not whole is broken."
    )
    kept_models: Annotated[int, Field(ge=1)] = Field(
        default=2,
        description="Engines kept in memory beyond those in use; one takes its weights and some hundred megabytes.",
    )

    # Readers: the processes that open foreign rasters.
    reader_memory_bytes: Annotated[int, Field(ge=256 * 1024**2)] = Field(
        default=1_500_000_000, description="Address space of a process that reads one input."
    )
    reader_cpu_s: Annotated[int, Field(ge=1)] = Field(
        default=900, description="Processor time of a process that reads one input, in seconds."
    )
    reader_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="Seconds that a reader has to open an input, or to read one piece of it."
    )
    require_landlock: bool = Field(
        default=False, description="Refuse to start where the kernel has no Landlock of ABI 4 (Linux 6.7)."
    )

    # What the service says of itself.
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Level from which steppe serve and its workers log."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="Log lines: json, text for people, or auto: text where standard error is a terminal.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector for traces, http://host:4318 (steppe[telemetry]); default: no traces.",
    )
    min_free_bytes: Annotated[int, Field(ge=0)] = Field(
        default=256 * 1024**2,
        description="Free bytes below which uploads are refused, and /readyz says that the service is not ready.",
    )

    # Commands that use a service: --server
    api_key: SecretStr | None = Field(default=None, description="Key that steppe ... --server shows to the service.")
    server_patience_s: Annotated[float, Field(ge=0)] = Field(
        default=300.0,
        description="Seconds for which steppe ... --server tries again where the service is away or busy.",
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
        description="Longest wait for a fuller call in milliseconds; only while fewer requests are there than were.",
    )
    batch_queue_pixels: Annotated[int, Field(ge=1024)] = Field(
        default=4_194_304, description="Pixels that may wait for one model; further ones are answered 503."
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

    # Map tiles
    tile_blocks: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=36, description="Blocks of 192 x 192 pixels that a tile of a source may need; decides its least zoom."
    )
    tile_block_bytes: Annotated[int, Field(ge=0)] = Field(
        default=64 * 1024**2, description="Bytes of classified blocks of sources that are kept; a block has 73 kB."
    )
    tile_png_bytes: Annotated[int, Field(ge=0)] = Field(
        default=32 * 1024**2, description="Bytes of drawn tiles that are kept; a tile has a few kB."
    )
    tile_sources: Annotated[int, Field(ge=1, le=64)] = Field(
        default=4, description="Sources that readers hold open, each in a process of its own."
    )
    tile_idle_s: Annotated[float, Field(gt=0)] = Field(
        default=300.0, description="Seconds after which a source that nobody looks at is closed."
    )
    tile_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="Seconds within which a tile is answered, or 504."
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


def unknown_variables(given: Iterable[str]) -> list[str]:
    """A sentence about each variable that looks like a setting and is none: a misspelt one would go unnoticed.

    Args:
        given: names of variables.
    """
    known = [name.upper() for name in Settings.model_fields]
    said = {name.upper().removeprefix(PREFIX) for name in given if name.upper().startswith(PREFIX)}
    return [_doubt(name, get_close_matches(name, known, n=1)) for name in sorted(said.difference(known))]


def _doubt(name: str, alike: list[str]) -> str:
    meant = f"is {PREFIX}{alike[0]} meant?" if alike else "unset it"
    return f"{PREFIX}{name} is no setting and has no effect; {meant}"


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings in it, for processes that load them anew."""
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set}
    told = {f"{PREFIX}{name.upper()}": _written(value) for name, value in chosen.items() if value is not None}
    return {**os.environ, **told}


def _written(value: Any) -> str:
    """A setting as a variable has it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)
