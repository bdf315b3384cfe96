"""Models, their versions, manifests, cards and legends."""

from __future__ import annotations

from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.responses import JSONResponse, PlainTextResponse

from landcover.bundle import Bundle
from landcover.labels import Language
from landcover.manifest import CARD_FILE
from landcover.raster.qml import qml_text
from serving.api.access import principal
from serving.api.conditional import conditional
from serving.api.language import preferred
from serving.api.modeldocuments import item_document, legend_document, model_document, version_document
from serving.api.problems import PROBLEM
from serving.registry.live import LiveModels

GEOJSON: Final = "application/geo+json"
QML: Final = "application/xml"

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such model or version.", "content": PROBLEM},
    410: {"description": "That version is retired.", "content": PROBLEM},
    503: {"description": "That version is broken, or not ready yet.", "content": PROBLEM},
}
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is the one the client has."}, **_ERRORS}

# Models of the own registry may be nobody else's business: any valid key reads them, whatever it is good for.
router = APIRouter(tags=["models"], dependencies=[Security(principal)])


async def _models(request: Request) -> LiveModels:
    models: LiveModels = request.app.state.models
    return models


async def _current(models: Models, name: str) -> Bundle:
    """What answers to the plain name."""
    return models.bundle(_reference(name))


async def _version(models: Models, name: str, version: str) -> Bundle:
    """A version, or ``champion``."""
    return models.bundle(_reference(name, version))


def _reference(name: str, version: str | None = None) -> str:
    """The reference of path segments; ``@`` belongs between them, so that it makes neither of them valid."""
    name = name.replace("@", "?")
    return name if version is None else f"{name}@{version.replace('@', '?') or '?'}"


Models = Annotated[LiveModels, Depends(_models)]
Current = Annotated[Bundle, Depends(_current)]
Versioned = Annotated[Bundle, Depends(_version)]
LanguageQuery = Annotated[Language | None, Query(description="Only this language; default: all six.")]
AcceptLanguage = Annotated[str | None, Header(description="Only the best of these, unless ?language= says which.")]


@router.get("/models", summary="All models and versions")
async def list_models(request: Request, models: Models) -> dict[str, Any]:
    """Models in the zoo and the user's registry, newest version first; broken ones are named with their reason."""
    problems = models.problems()
    return {
        "models": [version_document(entry, str(request.base_url)) for entry in models.entries()],
        **({"problems": problems} if problems else {}),
        "links": [{"rel": "self", "type": "application/json", "href": f"{request.base_url}models"}],
    }


@router.get("/models/{name}", summary="A model and its versions", responses=_ERRORS)
async def show_model(request: Request, models: Models, name: str) -> dict[str, Any]:
    """Its versions with their states, the champion, and what was promoted, rolled back and retired when."""
    entries = [entry for entry in models.entries() if entry.name == name]
    if not entries:
        models.resolve(_reference(name))  # says what there is
    return model_document(name, entries, models.aliases(name), str(request.base_url))


@router.get("/models/{name}/versions/{version}", summary="A version's manifest", responses=_UNCHANGED)
async def show_version(request: Request, bundle: Versioned) -> Response:
    """The manifest: a STAC Item with the Machine Learning Model (MLM) extension; `champion` is a version, too."""
    document = item_document(bundle, str(request.base_url))
    return conditional(request, JSONResponse(document, media_type=GEOJSON), bundle.digest, str(request.base_url))


@router.get("/models/{name}/card", summary="A model's card", response_class=PlainTextResponse, responses=_UNCHANGED)
async def show_current_card(request: Request, bundle: Current) -> Response:
    """What the version that answers now was trained on, how well it does, and where it stops; Markdown."""
    return await _card(request, bundle)


@router.get(
    "/models/{name}/versions/{version}/card",
    summary="A version's card",
    response_class=PlainTextResponse,
    responses=_UNCHANGED,
)
async def show_card(request: Request, bundle: Versioned) -> Response:
    """What the version was trained on, how well it does, and where it stops; Markdown."""
    return await _card(request, bundle)


@router.get("/models/{name}/legend", summary="A model's legend", responses=_UNCHANGED)
async def show_current_legend(
    request: Request, bundle: Current, language: LanguageQuery = None, accept_language: AcceptLanguage = None
) -> Response:
    """Codes, machine names, colours and titles of the classes in a product of the version that answers now."""
    return _legend(request, bundle, language, accept_language)


@router.get("/models/{name}/versions/{version}/legend", summary="A version's legend", responses=_UNCHANGED)
async def show_legend(
    request: Request, bundle: Versioned, language: LanguageQuery = None, accept_language: AcceptLanguage = None
) -> Response:
    """Codes, machine names, colours and titles of the classes in a product of this version."""
    return _legend(request, bundle, language, accept_language)


@router.get("/models/{name}/versions/{version}/legend.qml", summary="The legend for QGIS", responses=_UNCHANGED)
async def show_style(request: Request, bundle: Versioned) -> Response:
    """A style that QGIS loads for a product of this version."""
    headers = {"Content-Disposition": 'attachment; filename="legend.qml"'}
    answer = Response(qml_text(bundle.manifest.legend), media_type=QML, headers=headers)
    return conditional(request, answer, bundle.digest)


async def _card(request: Request, bundle: Bundle) -> Response:
    text = await run_sync(bundle.card)
    return conditional(
        request, PlainTextResponse(text, media_type="text/markdown"), bundle.manifest.files[CARD_FILE].sha256
    )


def _legend(request: Request, bundle: Bundle, language: Language | None, accepted: str | None) -> Response:
    chosen = language or preferred(accepted)
    answer = JSONResponse(legend_document(bundle.manifest.legend, chosen))
    answer.headers["Vary"] = "Accept-Language"
    if chosen is not None:
        answer.headers["Content-Language"] = chosen
    return conditional(request, answer, bundle.digest, chosen or "all")
