"""Nobody comes in from another machine without a token, and one for looking changes nothing."""

import hmac
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import Engine, text

from shiftscope.db import audit, tokens
from shiftscope.db.errors import Conflict, NotFound

GIVEN = "given-by-the-environment"
OPEN_TO_ALL = {"host": "0.0.0.0"}
READING = {
    *("/api/experiments/validate", "/api/sweeps/validate"),
    *("/api/runs/{run_id}/series", "/api/runs/{run_id}/moment"),
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def asking(engine: Engine, connect: Callable[..., httpx.Client]) -> httpx.Client:
    """A client of a server that listens to other machines."""
    return connect(engine, **OPEN_TO_ALL)


def test_a_token_is_random_and_only_its_hash_is_stored(any_engine: Engine) -> None:
    first = tokens.make_first(any_engine)
    assert first is not None and len(first) == 43  # 256 bits in base64
    assert tokens.make_first(any_engine) is None
    looking = tokens.make_token(any_engine, "lab", read_only=True)
    assert first != looking
    with any_engine.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM tokens")).all())
    assert first not in stored and looking not in stored and tokens.hashed(first) in stored
    assert [(one.name, one.read_only) for one in tokens.tokens(any_engine)] == [
        ("first start", False), ("lab", True)]  # fmt: skip
    with pytest.raises(Conflict, match="named lab"):
        tokens.make_token(any_engine, "lab")
    with pytest.raises(Conflict, match="named loopback"):
        tokens.make_token(any_engine, "loopback")
    tokens.revoke(any_engine, "first start")
    with pytest.raises(NotFound, match="first start"):
        tokens.revoke(any_engine, "first start")
    assert tokens.make_first(any_engine) is not None, "one for looking is not enough"
    assert [(line.who, line.what) for line in audit.lines(any_engine, limit=2)] == [
        ("command line", "make token token 3"), ("command line", "revoke token first start")]  # fmt: skip


def test_tokens_are_compared_in_constant_time(
    engine: Engine, asking: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [tokens.make_token(engine) for _ in range(3)]
    compared: list[str] = []

    original = hmac.compare_digest
    monkeypatch.setattr(
        tokens.hmac, "compare_digest", lambda a, b: (compared.append(b), original(a, b))[1]
    )
    assert asking.get("/api/runs", headers=bearer(made[0])).status_code == 200
    assert compared == [tokens.hashed(token) for token in made], "all of them, the first one found"


@pytest.mark.parametrize("path", ["/api/runs", "/api/system", "/api/runs/1/export/evaluations.csv",
                                  "/api/openapi.json", "/api/audit", "/api/nothing", "/api"])  # fmt: skip
@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic eDp5"},
                                     {"Cookie": "shiftscope-1=wrong"}])  # fmt: skip
def test_nothing_is_told_without_a_token(
    asking: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    answer = asking.get(path, headers=headers)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "token" in answer.json()["detail"]
