"""Tiles of finished jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from rasterio.errors import RasterioError

from serving.access.principal import Principal
from serving.api.access import Viewer
from serving.api.addresses import base_of
from serving.api.conditional import conditional
from serving.api.language import preferred
from serving.api.ogc.desk import desk_of
from serving.api.problems import NotAcceptable
from serving.api.refusals import OutputNotFound, ResultNotReady
from serving.api.tiles.answers import in_time, legend_answer, point_document, tile_answer
from serving.api.tiles.documents import Layer, tilejson
from serving.api.tiles.parameters import (
    PNG_ANSWER,
    LanguageQuery,
    Latitude,
    Longitude,
    OfMatrixSet,
    TileAsked,
    refusals,
)
from serving.api.tiles.state import tiles_of
from serving.jobs.record import State
from serving.tiles.drawing import draw, empty
from serving.tiles.maps import ResultMap
from serving.tiles.matrix import Tile

router = APIRouter(tags=["tiles"])

_HERE: Final = "/jobs/{job}/tiles/{tms}"
_GONE: Final = "the result is being removed; ask for the job again"


@router.get(
    f"{_HERE}/{{z}}/{{x}}/{{y}}.png",
    summary="A tile of a job's map",
    response_class=Response,
    responses=PNG_ANSWER | refusals(304, 404, 410, 504),
)
async def job_tile(request: Request, job: str, tile: TileAsked, who: Viewer) -> Response:
    """256 x 256 pixels in the colours of the legend; the nearest pixel of the map, or of an overview by mode."""
    tiles = tiles_of(request)
    found = await run_sync(_map_of, request, job, who)

    async def make() -> bytes:
        return await run_sync(_draw, found, tile, limiter=tiles.sources.threads)

    return await tile_answer(request, tiles, who, make, found.digest, f"{tile.zoom}/{tile.x}/{tile.y}")


@router.get(f"{_HERE}/{{z}}/{{x}}/{{y}}.{{extension}}", include_in_schema=False)
async def job_tile_otherwise(request: Request, job: str, who: Viewer, extension: str) -> Response:  # noqa: ARG001
    """Formats that are not made."""
    raise NotAcceptable("tiles are made as PNG only; ask for .png")


@router.get(
    f"{_HERE}/tilejson.json",
    summary="TileJSON of a job's map",
    dependencies=[OfMatrixSet],
    responses=refusals(304, 404, 410),
)
async def job_tilejson(request: Request, job: str, who: Viewer) -> Response:
    """What a map viewer needs to show the map."""
    found = await run_sync(_map_of, request, job, who)
    base = f"{base_of(request)}jobs/{job}"
    layer = Layer(
        name=f"{found.legend.title}, job {job}",
        description=f"Made by {found.model or 'Steppe'}" + (f" of {found.datetime}" if found.datetime else ""),
        attribution=found.attribution,
        placing=found.placing,
        zooms=found.placing.zooms,
    )
    document = await run_sync(tilejson, request, base, layer, {})
    return conditional(request, JSONResponse(document), found.digest, str(document["tiles"]))


@router.get("/jobs/{job}/legend", summary="Legend of a job's map", responses=refusals(304, 404, 406, 410))
async def job_legend(request: Request, job: str, who: Viewer, language: LanguageQuery = None) -> Response:
    """Codes, names, colours and titles as JSON; a picture for `Accept: image/png`."""
    found = await run_sync(_map_of, request, job, who)
    return await run_sync(legend_answer, request, found.legend, language)


@router.get("/jobs/{job}/point/{lon},{lat}", summary="The class at a place", responses=refusals(404, 410, 504))
async def job_point(
    request: Request, job: str, lon: Longitude, lat: Latitude, who: Viewer, *, language: LanguageQuery = None
) -> dict[str, Any]:
    """Code, name, title and, where the job made that raster, confidence of the pixel in which a place lies."""
    found = await run_sync(_map_of, request, job, who)
    tongue = language or preferred(request.headers.get("accept-language"))

    def look() -> dict[str, Any]:
        here = found.placing.point(lon, lat)
        with _reading():
            return point_document((lon, lat), found.legend, found.at(*here), tongue) | {"model": found.model}

    return await in_time(request, tiles_of(request), run_sync(look))


def _map_of(request: Request, job: str, who: Principal) -> ResultMap:
    """The map of a job.

    Raises:
        JobNotFound: when there is no such job, or it is another owner's.
        JobGone: when it was dismissed.
        ResultNotReady: when it has no results.
        OutputNotFound: when they are being removed.
    """
    found = desk_of(request).store.get(job, who.sees)
    if found.state is not State.SUCCESSFUL or found.result is None:
        raise ResultNotReady(f"the job is {found.state.value}, it has no map; GET /jobs/{job} says more")
    with _reading():
        return tiles_of(request).maps.get(found.result)


def _draw(found: ResultMap, tile: Tile) -> bytes:
    with _reading():
        index_HW = found.index(tile)
    return empty() if index_HW is None else draw(index_HW, found.legend)


@contextmanager
def _reading() -> Iterator[None]:
    """A result may be removed at any time; what is open then still reads.

    Raises:
        OutputNotFound: when it is gone.
    """
    try:
        yield
    except (OSError, RasterioError) as error:
        raise OutputNotFound(_GONE) from error
