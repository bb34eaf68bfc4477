"""Normalizing the input alone: what it leaves to happen behind it (§2 of Ioffe & Szegedy, 2015)."""

import math

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import diverged, undecided
from ..experiment import Experiment
from ..intervals import OverSeeds, geometric_mean
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

COMPARED_AT = 2_000
MOVED = 3.0
OUTPUT = "output"


def hidden_layers_move(evidence: Evidence) -> Outcome:
    """E28: the mean std of a hidden layer's units changes by a factor of 3 without BatchNorm."""
    none = evidence.arms[0]
    ended_early = diverged(evidence, COMPARED_AT, [none])
    if ended_early:
        return ended_early
    if evidence.step < COMPARED_AT:
        return undecided(evidence, f"stds are compared at step {COMPARED_AT:,}")
    changes: dict[str, list[float]] = {}
    for record in evidence.records("unit_records", "std"):
        if record.arm == none and record.layer and record.layer != OUTPUT:
            at = dict(zip(record.steps, record.values, strict=True))
            if not {0, COMPARED_AT} <= at.keys():
                why = f"at step 0 and at step {COMPARED_AT:,} (recording.probe_every)"
                return Outcome("inconclusive", f"The probe was not looked at {why}.")
            first, last = at[0], at[COMPARED_AT]
            if first is None or last is None or not (0 < first < math.inf and 0 < last < math.inf):
                return Outcome(
                    "not reproduced", f"The std of {record.layer} was {first}, then {last}."
                )
            changes.setdefault(record.layer, []).append(last / first)
    if not changes:
        return Outcome("inconclusive", "Nothing was recorded of the probe (recording.probe_every).")
    found: dict[str, OverSeeds] = {name: geometric_mean(of) for name, of in changes.items()}
    words = ", ".join(f"{name} {estimated(of, factor, ' ×', MOVED)}" for name, of in found.items())
    moved = any(abs(math.log(of.value)) >= math.log(MOVED) for of in found.values())
    return Outcome(
        "reproduced" if moved else "not reproduced",
        f"From step 0 to step {COMPARED_AT:,} the units’ mean std without BatchNorm became: "
        f"{words}.",
    )


ENTRIES = (
    CatalogEntry(
        name="normalized-inputs",
        title="MNIST, sigmoid, standardized inputs, with and without BatchNorm (paper §2)",
        claim=(
            "Inputs that are normalized, and stay so, do not keep the inputs of the layers behind "
            "from changing."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §1 and §2",
        stated=(
            "networks train faster where inputs are whitened: zero mean, unit variance",
            "each layer sees the outputs of those below, so its inputs should be normalized too",
        ),
        left_open=(
            "how inputs are normalized: each pixel to mean 0 and std 1 over the training set here, "
            "without whitening",
            "the network: that of §4.1, Xavier, learning rate 0.5, 2,000 steps here",
            "how much change is much: the std of a preactivation over 2,000 test images, the mean "
            "over the units of one hidden layer, by a factor of 3 here",
        ),
        experiment=Experiment(
            name="MNIST sigmoid: inputs standardized",
            standardize="pixel",
            network=Network(initialization="xavier"),
            optimizer=Optimizer(lr=0.5),
            steps=COMPARED_AT,
            recording=Recording(record_every=5),
            arms=[Arm(name="none"), Arm(name="BatchNorm", norm="batch")],
        ),
        claims=(
            Claim(
                number="E28",
                statement="Normalizing the input does not keep the hidden layers from shifting.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §2",
                criterion=(
                    "Without BatchNorm and with standardized inputs, each unit’s std over the "
                    "probe, the mean over the units of a layer, changes by a factor of 3 or more "
                    "from step 0 to step 2,000 in at least one hidden layer. Geometric mean over "
                    "the seeds."
                ),
                expected="reproduced",
                decide=hidden_layers_move,
            ),
        ),
    ),
)
