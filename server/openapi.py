"""The OpenAPI document: what FastAPI makes of the routes, and every refusal by its status."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from starlette.routing import compile_path

from .failures import PROBLEM, title_of

ANYWHERE = {401, 403, 503}
"""What every route may answer: a token is asked for, another page asks, the database is silent."""
WITH_BODY = {400, 413, 415, 422}
WITH_QUERY = {422}
WITH_PATH = {404}


class Application(FastAPI):
    """FastAPI, whose OpenAPI document names every refusal by its status."""

    def openapi(self) -> dict[str, Any]:
        """The document, without a word for "any other error": there is none."""
        if self.openapi_schema is None:
            for path in super().openapi()["paths"].values():
                for operation in path.values():
                    _name_refusals(operation)
        assert self.openapi_schema is not None
        return self.openapi_schema

    def methods_at(self, place: str) -> list[str]:
        """The methods that an address has; none where the document has no such address."""
        for path, operations in self.openapi()["paths"].items():
            if compile_path(path)[0].match(place):
                return sorted(method.upper() for method in operations)
        return []


class ModelOf:
    """Describes a value by the model that it is validated against later."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The model's own."""
        return handler(self._model.__pydantic_core_schema__)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what it refuses, besides what all routes of its shape do."""
    return {status: {} for status in statuses}


def _name_refusals(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    problem = responses.pop("default")["content"].popitem()[1]
    for status in sorted(_of_shape(operation) | {int(named) for named in responses}):
        if status >= 400:
            named = {"description": title_of(status), "content": {PROBLEM: problem}}
            responses[str(status)] = named


def _of_shape(operation: Mapping[str, Any]) -> set[int]:
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    refused = set(ANYWHERE)
    if "requestBody" in operation:
        refused |= WITH_BODY
    if "query" in places:
        refused |= WITH_QUERY
    if "path" in places:
        refused |= WITH_PATH
    return refused
