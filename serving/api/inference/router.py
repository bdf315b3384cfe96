"""Addresses of the protocol, and their description."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.access import principal
from serving.api.counting import counting
from serving.api.inference import models
from serving.api.inference.contract import contract_of
from serving.api.inference.failures import failure, refusal
from serving.api.inference.infer import Inference
from serving.api.inference.models import Models
from serving.api.problems import PROBLEM, Kind
from serving.batching.pool import Batchers
from serving.settings import Settings
from serving.version import VERSION

NOT_FOUND: Final = Kind("not-found", 404, "There is nothing at this address; GET / lists what there is")
NOT_ALLOWED: Final = Kind(
    "method-not-allowed", 405, "This address does not answer that method; the Allow header lists those it does"
)
INFER: Final = ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "content": PROBLEM}
    for status, text in (
        (404, "No such model."),
        (503, "The model does not run, or too much waits for it; try again after Retry-After seconds."),
    )
}
_INFER_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    **_REFUSALS,
    **{
        status: {"description": text, "content": PROBLEM}
        for status, text in (
            (400, "The request is not as the protocol and the model's metadata say."),
            (408, "The body came too slowly."),
            (413, "The request is too large."),
            (415, "The body is compressed, or declared as another type."),
            (504, "The answer was not ready in time."),
        )
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["inputs"]}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    "security": [{"key": ["run"]}, {"token": ["run"]}],
}


class ProtocolRoute(APIRoute):
    """Answers errors as the protocol has them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, and what becomes of its errors."""
        usual = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await usual(request)
            except Exception as error:  # noqa: BLE001 - every error is an answer
                return failure(error)

        return handler


router = APIRouter(tags=["inference"], route_class=ProtocolRoute)

_KNOWN: Final = [Security(principal)]
"""Models of the own registry may be nobody else's business: any valid key reads what they take and give."""


def install(app: FastAPI, settings: Settings) -> Batchers:
    """Offer the protocol; what is returned is to be closed with the application.

    Args:
        app: has ``state.models``, ``state.pixels`` and ``state.metrics``.
        settings: limits.
    """
    batchers = Batchers(settings, counting(app.state.metrics))
    app.state.batchers = batchers
    app.state.inference = Inference(settings, Models(app.state.models, batchers.discard), batchers, app.state.pixels)
    # Before all others, and without what FastAPI does for functions: the requests that come most often.
    app.router.routes[:0] = [
        Route(path, app.state.inference, methods=["POST"], include_in_schema=False) for path in INFER
    ]
    app.include_router(router)
    return batchers


def _models(request: Request) -> Models:
    inference: Inference = request.app.state.inference
    return inference.models


@router.get("/v2", summary="The server's name, version and extensions")
async def server_metadata() -> dict[str, Any]:
    """Server metadata of the Open Inference Protocol."""
    return {"name": "steppe", "version": VERSION, "extensions": ["binary_tensor_data"]}


@router.get("/v2/health/live", summary="Is the server alive")
async def live() -> dict[str, bool]:
    """Always 200 while the process answers."""
    return {"live": True}


@router.get("/v2/health/ready", summary="Does the default model run", responses={503: _REFUSALS[503]})
async def ready(request: Request) -> Response:
    """200 once the default model answers; further models do not change it."""
    try:
        await _models(request).get()
    except Exception as error:  # noqa: BLE001 - a model that is not found does not run
        answer = failure(error)
        return JSONResponse({"ready": False}, 503, {"Retry-After": answer.headers.get("Retry-After", "10")})
    return JSONResponse({"ready": True})


@router.get("/v2/models/{model}", summary="What a model takes and gives", responses=_REFUSALS, dependencies=_KNOWN)
@router.get(
    "/v2/models/{model}/versions/{version}",
    summary="What a version takes and gives",
    responses=_REFUSALS,
    dependencies=_KNOWN,
)
async def model_metadata(request: Request, model: str, version: str | None = None) -> dict[str, Any]:
    """Inputs and outputs with their types and shapes; -1 is any length, of rows and columns any multiple of 32."""
    engine = await _models(request).get(models.reference(model, version))
    return {**contract_of(engine).described(), "versions": _models(request).versions(model)}


@router.get("/v2/models/{model}/ready", summary="Does a model run", responses=_REFUSALS, dependencies=_KNOWN)
@router.get(
    "/v2/models/{model}/versions/{version}/ready",
    summary="Does a version run",
    responses=_REFUSALS,
    dependencies=_KNOWN,
)
async def model_ready(request: Request, model: str, version: str | None = None) -> dict[str, Any]:
    """200 when it answers."""
    await _models(request).get(models.reference(model, version))
    return {"name": model, "ready": True}


class Passed(Response):
    """Lets an application answer."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._app(scope, receive, send)


# The description of what the routes of `install` answer; their parameters are in the address alone.
@router.post(INFER[0], summary="Run a model", responses=_INFER_REFUSALS, openapi_extra=_BODY)
@router.post(INFER[1], summary="Run a version of a model", responses=_INFER_REFUSALS, openapi_extra=_BODY)
async def infer(request: Request, model: str, version: str | None = None) -> Response:  # noqa: ARG001
    """Probabilities of windows, and on request class codes and confidence; JSON or binary tensors."""
    return Passed(request.app.state.inference)


@router.api_route(
    "/v2/{rest:path}",
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    include_in_schema=False,
)
async def elsewhere(request: Request) -> Response:
    """Whatever else is asked for under this address."""
    path = request.scope["path"]
    routes = [route for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    methods = {method for route in routes if route.path_regex.fullmatch(path) for method in route.methods or ()}
    if methods:
        return refusal(NOT_ALLOWED, NOT_ALLOWED.title, {"Allow": ", ".join(sorted(methods))})
    return refusal(NOT_FOUND, NOT_FOUND.title)
