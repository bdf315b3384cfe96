"""Models, their manifests and legends."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Security
from fastapi.responses import PlainTextResponse

from landcover.bundle import Bundle
from landcover.labels import LANGUAGES, Language, title
from serving.api.access import principal
from serving.registry import Registry, open_registry

# Models of the own registry may be nobody else's business: any valid key reads them, whatever it is good for.
router = APIRouter(tags=["models"], dependencies=[Security(principal)])

Version = Annotated[str | None, Query(description="Version; default: the newest.", max_length=64)]


def _registry(request: Request) -> Registry:
    return open_registry(request.app.state.settings)


def _bundle(request: Request, name: str, version: str | None) -> Bundle:
    return _registry(request).get(f"{name}@{version}" if version else name)


@router.get("/models", summary="All models and versions")
def list_models(request: Request) -> dict[str, Any]:
    """Models in the zoo and the user's registry, newest version first; broken ones are named with their reason."""
    base = f"{request.base_url}models"
    return {
        "models": [
            {
                "name": entry.name,
                "version": entry.version,
                "title": entry.bundle.manifest.title if entry.bundle else None,
                "problem": entry.problem,
                "links": [
                    {"rel": "item", "href": f"{base}/{entry.name}?version={entry.version}"},
                    {"rel": "legend", "href": f"{base}/{entry.name}/legend?version={entry.version}"},
                    {"rel": "card", "href": f"{base}/{entry.name}/card?version={entry.version}"},
                ],
            }
            for entry in _registry(request).entries()
        ]
    }


@router.get("/models/{name}", summary="A model's manifest")
def show_model(request: Request, name: str, version: Version = None) -> dict[str, Any]:
    """The manifest: a STAC Item with the Machine Learning Model (MLM) extension."""
    return _bundle(request, name, version).manifest.to_item()


@router.get("/models/{name}/card", summary="A model's card", response_class=PlainTextResponse)
def show_card(request: Request, name: str, version: Version = None) -> PlainTextResponse:
    """What the model was trained on, how well it does, and where it stops; Markdown."""
    return PlainTextResponse(_bundle(request, name, version).card(), media_type="text/markdown")


@router.get("/models/{name}/legend", summary="A model's legend")
def show_legend(
    request: Request,
    name: str,
    version: Version = None,
    language: Annotated[Language | None, Query(description="Only this language; default: all six.")] = None,
) -> dict[str, Any]:
    """Codes, machine names, colours and titles of the classes in a product of this model."""
    legend = _bundle(request, name, version).manifest.legend
    languages = (language,) if language else LANGUAGES
    return {
        "id": legend.id,
        "version": legend.version,
        "title": legend.title,
        "nodata": legend.nodata,
        "classes": [
            {
                "code": entry.code,
                "name": entry.name,
                "color": entry.color,
                "titles": {code: title(legend.id, entry.code, code) for code in languages},
            }
            for entry in legend.classes
        ],
    }
