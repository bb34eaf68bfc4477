"""The server keeps to its OpenAPI document, whatever of it is asked: schemathesis, with all checks.

SHIFTSCOPE_FUZZ is how many requests each operation gets at random, and how many sequences of
requests there are; what coverage asks, every boundary of every parameter, does not depend on it.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from every_kind import fill
from schemathesis.engine import events, from_schema
from sqlalchemy import Engine

from shiftscope.server.app import create_app
from shiftscope.server.settings import Settings

EXAMPLES = int(os.environ.get("SHIFTSCOPE_FUZZ", "5"))
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# What the database holds: of numbers and names drawn at random hardly any is there.
KNOWN: dict[str, list[Any]] = {
    "path.run_id": [1, 2, 3, 4, 5, 6, 7, 8, 9],
    "path.sweep_id": [1],
    "query.runs": ["1", "1,2", "1,2,3,5", "7,8"],
    "query.layer": ["hidden1", "hidden2"],
    "query.statistic": ["mean", "test_accuracy", "loss"],
    "query.q": ["status:finished", "tag:lecture -source:watch", "best_accuracy>0.9"],
    "body.series[*].table": ["layer_records", "evaluations", "network_records"],
    "body.series[*].statistics[*]": ["mean", "test_accuracy", "loss"],
    "body.series[*].network_id": [1, 2, 3, 4],
    "body.series[*].layer_id": [1, 2, 3, 4],
}
# Valid by its schema and refused all the same, by rules that a schema can't say.
REFUSED = {
    400: {
        "a query is a language of its own": [
            *("GET /api/runs", "GET /api/runs/numbers", "GET /api/runs.csv"),
            *("GET /api/runs/folded", "GET /api/runs/folded/numbers"),
        ],
    },
    422: {
        "what a setting may be depends on other settings": [
            *("POST /api/experiments/validate", "POST /api/runs"),
            *("POST /api/sweeps/validate", "POST /api/sweeps"),
        ],
        "what there is to group by and to draw depends on the runs": [
            *("GET /api/comparison", "GET /api/comparison.csv"),
            "GET /api/comparison/networks.csv",
            *("GET /api/comparison/lines", "GET /api/comparison/lines.csv"),
        ],
    },
}
HOST = {"Host": "127.0.0.1"}
"""The name that the server goes by; schemathesis would call it testserver."""
TAKEN = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
"""What schemathesis itself takes for an answer to a valid request."""


def configuration(phases: tuple[str, ...]) -> schemathesis.Config:
    """All checks, a fixed seed, and these phases."""
    return schemathesis.Config.from_dict(
        {
            "seed": 1,
            "suppress-health-check": ["too_slow"],  # of a busy machine
            "headers": HOST,
            "cache": {"enabled": False},  # else it does what failed in the run before
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "database": "none"},
            "phases": {name: {"enabled": name in phases} for name in PHASES}
            # It takes the `field` of a problem for one of the body; it is one of the experiment.
            | {"fuzzing": {"enabled": "fuzzing" in phases, "error-feedback": {"enabled": False}}},
            "dictionaries": {f"known{at}": {"values": it} for at, it in enumerate(KNOWN.values())},
            "parameters": {
                place: {"dictionary": f"known{at}", "probability": 0.8}
                for at, place in enumerate(KNOWN)
            },
            "operations": [
                {
                    "include-name": name,
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [*TAKEN, str(status)]}
                    },
                }
                for status, reasons in REFUSED.items()
                for names in reasons.values()
                for name in names
            ],
        }
    )


@dataclass
class Asked:
    """What was wrong, the phases that asked, and how often each route was reached."""

    faults: set[str] = field(default_factory=set)
    phases: set[str] = field(default_factory=set)
    reached: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def ask_all(
    make_run: Callable[..., Any], make_watched: Callable[..., Any]
) -> Callable[..., tuple[Any, Asked]]:
    """Has schemathesis ask a server in this process; returns the document and what came of it."""

    def ask_all(engine: Engine, *phases: str) -> tuple[Any, Asked]:
        fill(engine, make_run, make_watched)
        # No limit to how often it starts something.
        often = Settings(starts=1_000_000, queued=1_000_000)
        app = create_app(engine, settings=often)
        document = schemathesis.openapi.from_asgi(
            "/api/openapi.json", app, config=configuration(phases), headers=HOST
        )
        asked = Asked()
        for event in from_schema(document).execute():
            if isinstance(event, events.ScenarioFinished):
                take(event, asked)
            elif isinstance(event, events.NonFatalError):
                asked.faults.add(f"{event.label}: {event.value!r}")
            elif isinstance(event, events.FatalError):
                raise event.exception
        return document, asked

    return ask_all


def take(event: events.ScenarioFinished, asked: Asked) -> None:
    """Take in what a scenario found."""
    asked.phases.add(event.phase.value)
    recorder = event.recorder
    for case, interaction in recorder.interactions.items():
        status = interaction.response.status_code if interaction.response else 0
        if status in range(200, 300) or status == 409:  # done, or a run's state is not for it
            asked.reached[recorder.cases[case].value.operation.label] += 1
    for check in itertools.chain.from_iterable(recorder.checks.values()):
        if (found := check.failure_info) is not None:
            asked.faults.add(f"{check.name}: {found.failure}\n{found.code_sample}")


def test_every_boundary_is_answered_as_the_document_says(engine: Engine, ask_all: Any) -> None:
    document, asked = ask_all(engine, "examples", "coverage")
    assert not asked.faults, "\n\n".join(sorted(asked.faults))
    operations = {operation.ok().label for operation in document.get_all_operations()}
    assert operations <= asked.reached.keys(), f"never reached: {operations - asked.reached.keys()}"


def test_requests_at_random_and_in_sequence_are_answered_as_the_document_says(
    any_engine: Engine, ask_all: Any
) -> None:
    _, asked = ask_all(any_engine, "fuzzing", "stateful")
    assert not asked.faults, "\n\n".join(sorted(asked.faults))
    assert asked.phases == {"fuzzing", "stateful"}
