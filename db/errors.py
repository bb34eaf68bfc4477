"""Every exception of shiftscope.

ShiftscopeError                 its text is one or two sentences made to be shown to a person
├── InvalidExperiment           an experiment or a setting is not allowed; names the fields
├── SearchError                 a query for runs is not understood; names the place in it
├── NotFound                    a run, table, layer or catalog entry that is not there
├── Conflict                    the run's status does not allow what was asked
├── TooSoon                     it was asked for too often; says when to ask again
├── DatabaseProblem             the database cannot be opened, written or understood
│   └── DatabaseIsNewer         it was written by a later version of shiftscope
├── DatasetProblem              a dataset is missing, truncated, corrupt or foreign
├── DeviceProblem               the device that was asked for is not here
├── MissingEvidence             a run lacks what a claim is decided by; the claim is inconclusive
├── RecordingFailed             what a loop gave could not be recorded to its end
│   └── RecorderLost            the recorder was killed: the run may go on from a checkpoint
├── CannotResume                a checkpoint does not fit what would be trained, or can't be read
├── RunTakenOver                another process trains the run by now: this one has to end
├── InvalidImport               a file to import is damaged or not what it should be; says where
├── CannotTwin                  a model's normalization cannot be taken out or put in
└── SetupProblem                a setting, port, folder or file is not usable
    └── MissingExtra            what was asked for needs a package that is installed on request
"""

import re
from dataclasses import dataclass
from typing import Any

LONGEST_SHOWN = 60


class ShiftscopeError(Exception):
    """The base of all our exceptions; `str(error)` may be shown to the person as it is."""


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one setting: its dotted path and a sentence."""

    field: str
    message: str


class InvalidExperiment(ShiftscopeError):
    """An experiment breaks its own rules.

    Attributes:
        problems: One entry per offending setting, in the order of the form.
    """

    def __init__(self, problems: list[FieldProblem]) -> None:
        self.problems = problems
        super().__init__(" ".join(f"{p.field}: {p.message}" for p in problems))


class SearchError(ShiftscopeError):
    """A query for runs is not understood.

    Attributes:
        position: Where in the query, counted in characters from 0.
    """

    def __init__(self, position: int, sentence: str) -> None:
        self.position = position
        super().__init__(sentence)


class NotFound(ShiftscopeError):
    """Something was asked for by a name or number that nothing has."""


class Conflict(ShiftscopeError):
    """The state of the run does not allow what was asked."""


class TooSoon(ShiftscopeError):
    """Too much was asked for in a short time.

    Attributes:
        seconds: After which there is room again.
    """

    def __init__(self, sentence: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(sentence)


class DatabaseProblem(ShiftscopeError):
    """The database cannot be opened, written or understood."""


class DatabaseIsNewer(DatabaseProblem):
    """The database was written by a later version of shiftscope than this one."""


class DatasetProblem(ShiftscopeError):
    """A dataset is missing, truncated, corrupt or not what its name says."""


class DeviceProblem(ShiftscopeError):
    """The device that was asked for is not present on this machine."""


class MissingEvidence(ShiftscopeError):
    """A run does not have what a criterion reads; `judge` makes it an inconclusive outcome."""


class RecordingFailed(ShiftscopeError):
    """The recorder could not write everything that a training loop gave it."""


class RecorderLost(RecordingFailed):
    """The recorder ended without a word, as by a kill; nothing is wrong with what it recorded."""


class CannotResume(ShiftscopeError):
    """A checkpoint was made of another experiment, device or version, or can't be read now."""


class RunTakenOver(ShiftscopeError):
    """The run was taken for interrupted, and another process goes on with it."""


class InvalidImport(ShiftscopeError):
    """What is to be imported is not there, damaged or not what it should be; says where."""


class CannotTwin(ShiftscopeError):
    """A model's normalization cannot be taken out or put in.

    Attributes:
        path: Of the module that stands in the way, as `named_modules` has it; "" is the model.
    """

    def __init__(self, path: str, why: str, what_to_do: str) -> None:
        self.path = path
        super().__init__(f"{path or 'The model'}: {why}. {what_to_do}")


class SetupProblem(ShiftscopeError):
    """A setting, port, folder or file that a command needs is not usable."""


class MissingExtra(SetupProblem):
    """What was asked for needs an optional package that is not installed; names the extra."""


def cause(error: Exception) -> str:
    """What a database's driver said, without what SQLAlchemy adds: statement and links."""
    return str(getattr(error, "orig", None) or error).strip()


REFUSALS = {
    r"locked|lock timeout": "It is locked by another program: close that, or wait until it is done",
    r"read-?only": "It is read-only: make its file and its folder writable",
    r"full|no space left": "Its disk is full: free some space",
}
"""By words of a driver what a person can do; SQLite's and PostgreSQL's."""


def refusal(error: Exception) -> str:
    """Why the database does not do what it was asked, and what to do about it."""
    words = cause(error)
    for known, sentence in REFUSALS.items():
        if re.search(known, words, re.IGNORECASE):
            return f"The database refuses this. {sentence}, then try again; what it holds is kept."
    return (
        "The database does not answer. Check that it is running and that its disk is not full; "
        "what was recorded is kept."
    )


def records_refused(error: Exception) -> str:
    """What a person reads when the database did not take a run's records."""
    return (
        f"The database did not take the records: {cause(error)}. Free some space or see "
        "what blocks it, and press Run again; what had been recorded is kept."
    )


def shown(value: Any) -> str:
    """A value as a sentence quotes it: cut when it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "…"
