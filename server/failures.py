"""Every error of the HTTP interface as problem+json (RFC 9457)."""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..db.errors import (
    Conflict,
    DatabaseProblem,
    InvalidExperiment,
    MissingExtra,
    NotFound,
    SearchError,
    ShiftscopeError,
    TooSoon,
    refusal,
    shown,
)
from ..db.plain_json import to_json
from .schemas import ProblemPublic

logger = logging.getLogger(__name__)

STATUS: dict[type[ShiftscopeError], int] = {
    InvalidExperiment: 422,
    SearchError: 400,
    NotFound: 404,
    Conflict: 409,
    TooSoon: 429,
    DatabaseProblem: 503,
    MissingExtra: 501,
}
PROBLEM = "application/problem+json"
NUMBERED = {"run_id": "run", "sweep_id": "sweep"}
"""What parts of a path are the numbers of."""
LONGEST_NUMBER = 20
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"model": ProblemPublic, "description": "Every error"}
}
"""For the OpenAPI document."""


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
    position: int | None = None,
) -> Response:
    """One error; `detail` is made to be shown to a person, `position` is a place in a query."""
    body = ProblemPublic(
        type="about:blank", title=title_of(status), status=status, detail=detail
    ).model_dump(exclude_none=True)
    if errors is not None:
        body["errors"] = errors
    if position is not None:
        body["position"] = position
    return Response(to_json(body), status, headers=headers, media_type=PROBLEM)


def title_of(status: int) -> str:
    """What HTTP calls a status."""
    return "Unprocessable Content" if status == 422 else HTTPStatus(status).phrase


def add_failures(app: FastAPI) -> None:
    """Answer every exception by a problem."""
    app.add_exception_handler(ShiftscopeError, _ours)
    app.add_exception_handler(RequestValidationError, _not_allowed)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(SQLAlchemyError, no_answer)


def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ShiftscopeError)
    status = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 500)
    errors = None
    if isinstance(error, InvalidExperiment):
        errors = [{"field": p.field, "message": p.message} for p in error.problems]
    position = error.position if isinstance(error, SearchError) else None
    headers = None
    if isinstance(error, TooSoon):
        headers = {"Retry-After": str(max(1, math.ceil(error.seconds)))}
    return problem(status, str(error), errors, headers, position)


def _not_allowed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    path = next((detail for detail in details if detail["loc"][0] == "path"), None)
    if path is not None:
        # A number that no run can have: the same as one that no run has.
        kind, asked = NUMBERED.get(path["loc"][-1]), str(path["input"])
        is_number = kind is not None and asked.isdecimal() and len(asked) < LONGEST_NUMBER
        return problem(404, f"There is no {kind} {asked}.") if is_number else _nothing_at(request)
    errors, sentences = explain(details)
    return problem(422, sentences, errors)


def explain(details: Sequence[Any]) -> tuple[list[dict[str, str]], str]:
    """Pydantic's errors as `errors` and `detail`; the first part of each place is left out."""
    errors = [
        {"field": ".".join(str(part) for part in detail["loc"][1:]), "message": _message(detail)}
        for detail in details
    ]
    sentences = [f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors]
    return errors, " ".join(sentences)


def _message(detail: dict[str, Any]) -> str:
    if detail["type"] == "json_invalid":
        return f"This is not JSON: {detail['ctx']['error']}."
    if detail["type"] == "missing":
        return "is required."
    if detail["type"] == "extra_forbidden":
        return "is not known here."
    return f"{detail['msg']}, got {shown(detail['input'])}."


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:  # the framework's own: say more
        if error.status_code == 404:
            return _nothing_at(request)
        if error.status_code == 405:
            return _not_possible(request, (error.headers or {}).get("Allow", ""))
        detail = f"{request.method} {request.url.path}: {detail}."
    return problem(error.status_code, detail, headers=error.headers)


def _nothing_at(request: Request) -> Response:
    """Nothing is there, or nothing for this method."""
    methods: list[str] = request.app.methods_at(request.url.path)
    if methods and request.method not in methods:
        return _not_possible(request, ", ".join(methods))
    return problem(404, f"There is nothing at {request.url.path}.")


def _not_possible(request: Request, allowed: str) -> Response:
    sentence = f"{request.method} {request.url.path} is not possible; expected {allowed}."
    return problem(405, sentence, headers={"Allow": allowed})


def no_answer(_request: Request | None, error: Exception) -> Response:
    """The database does not answer, or refuses what it is asked."""
    logger.error("The database does not do what it is asked: %s", error)
    return problem(503, refusal(error))


class Unforeseen:
    """Answers 500 to a mistake of ours, within the middleware that each answer goes through.

    What starlette makes of one is made outside of them: without their headers, and not in the
    audit. Pure ASGI.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and answer where it has come to nothing; half an answer can't be mended."""
        begun = scope["type"] != "http"

        async def send_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            if begun:
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            await problem(500, "The server made a mistake; its log says more.")(
                scope, receive, send
            )
