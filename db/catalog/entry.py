"""One card of the catalog."""

from dataclasses import dataclass

from ..claims import Claim
from ..experiment import Experiment
from ..study import Quantity, Study


@dataclass(frozen=True)
class CatalogEntry:
    """An experiment that comes with the product, and what its source says of it.

    Attributes:
        name: What the command line calls it.
        title: What its card says.
        claim: What should be seen, in a sentence.
        source: Where the claim is made.
        stated: The facts that the source states and the experiment keeps.
        left_open: What the source does not state, so that it is a free setting here.
        experiment: The experiment with its defaults, or a study; its settings are the claims'.
        claims: What a run of it decides, each with its criterion.
        quantities: What a study measures, in the order of its charts.
        quick: `key=value` settings of the shortest run that decides every claim, beside seed 0; of
            settings that no claim fixes, such as `steps` or `evaluate_every`.
    """

    name: str
    title: str
    claim: str
    source: str
    stated: tuple[str, ...]
    left_open: tuple[str, ...]
    experiment: Experiment | Study
    claims: tuple[Claim, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    quick: tuple[str, ...] = ()
