"""Dropout slows training down and BatchNorm does not: §3.4 of Ioffe & Szegedy (2015)."""

from collections.abc import Sequence

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import diverged, undecided
from ..experiment import Experiment
from ..intervals import mean
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from ..verdict import Crossing, Curve, crossing
from ..verdict_words import estimated, percent, steps
from .entry import CatalogEntry

TARGET = 0.9
STEPS = 3_000
NEVER = float("inf")


def dropout_slows(evidence: Evidence) -> Outcome:
    """E13b: BatchNorm reaches 90 % before none does, and none before dropout of 0.2 and of 0.5.

    Evaluations between which two arms both get there leave their order open.
    """
    if len(evidence.curves) == 0 or any(not curve.steps for curve in evidence.curves):
        return undecided(evidence, "no network was evaluated")
    ended_early = diverged(evidence, STEPS, evidence.arms)
    if ended_early:
        return ended_early
    none, *dropouts, batch = (_crossings(evidence.curves, arm) for arm in evidence.arms)
    if evidence.step < STEPS and any(c.by is None for arm in (none, *dropouts, batch) for c in arm):
        return undecided(evidence, f"not every network has reached {percent(TARGET)}")
    words = ", ".join(
        f"{arm} {_reached(found)}"
        for arm, found in zip(evidence.arms, (none, *dropouts, batch), strict=True)
    )
    order = [_sooner(batch, none), *(_sooner(none, dropout) for dropout in dropouts)]
    if False in order:
        return Outcome("not reproduced", f"{percent(TARGET)} was reached thus: {words}.")
    if None in order:
        why = "too few evaluations to say who was first"
        return Outcome("inconclusive", f"{percent(TARGET)} was reached thus: {words}; {why}.")
    return Outcome("reproduced", f"{percent(TARGET)} was reached thus: {words}.")


def _crossings(curves: Sequence[Curve], arm: str) -> list[Crossing]:
    found = [crossing(curve, TARGET) for curve in curves if curve.arm == arm]
    return [each for each in found if each is not None]


def _sooner(first: Sequence[Crossing], second: Sequence[Crossing]) -> bool | None:
    """Whether the first is there sooner, on the mean over the seeds; None: it cannot be told."""
    if _latest(first) <= _earliest(second):
        return True
    return False if _latest(second) <= _earliest(first) else None


def _earliest(crossings: Sequence[Crossing]) -> float:
    return mean([crossing.after for crossing in crossings]).value


def _latest(crossings: Sequence[Crossing]) -> float:
    return mean([NEVER if crossing.by is None else crossing.by for crossing in crossings]).value


def _reached(crossings: Sequence[Crossing]) -> str:
    found = [crossing.step for crossing in crossings if crossing.step is not None]
    if len(found) < len(crossings):
        return f"not in {steps(STEPS)}"
    return f"after {estimated(mean(found), '{:,.0f}'.format)} steps"


ENTRIES = (
    CatalogEntry(
        name="speed-of-dropout",
        title="MNIST, ReLU: dropout slows training, BatchNorm speeds it up (paper §3.4)",
        claim=(
            "Dropout makes training take more steps; BatchNorm, which is said to make it "
            "unnecessary, makes it take fewer."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.4 and §4.2.1",
        stated=(
            "in a network with BatchNorm dropout can be removed or reduced in strength",
            "removing it speeds up training, without more overfitting",
        ),
        left_open=(
            "dataset and network: those of §4.1 here, with ReLU and He’s first weights",
            "the share that is dropped: 20 % and 50 % of every hidden layer here",
            "the learning rate: 0.1 here",
            "what is fast: few steps until 90 % of the test set are right, here",
        ),
        experiment=Experiment(
            name="MNIST ReLU: none, dropout, BatchNorm",
            network=Network(activation="relu", initialization="he"),
            optimizer=Optimizer(lr=0.1),
            steps=STEPS,
            recording=Recording(record_every=10, evaluate_every=25),
            arms=[
                Arm(name="none"),
                Arm(name="dropout 0.2", dropout=0.2),
                Arm(name="dropout 0.5", dropout=0.5),
                Arm(name="BatchNorm", norm="batch"),
            ],
        ),
        quick=("steps=1500",),
        claims=(
            Claim(
                number="E13b",
                statement="Dropout slows training down, BatchNorm speeds it up.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.4",
                criterion=(
                    "At learning rate 0.1, steps until 90 % of the test set are right, means over "
                    "the seeds: fewer with BatchNorm than with none, and fewer with none than with "
                    "dropout of 0.2 and of 0.5."
                ),
                expected="reproduced",
                decide=dropout_slows,
            ),
        ),
    ),
)
