"""What `observers.py` compares: each looks at two networks while one and the same loop trains them.

Every one is used as its documentation says. Those that look at activations are given the layers
that shiftscope finds: what each linear map or convolution hands on, after its BatchNorm.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shiftscope.trainer import Pair

Networks = Mapping[str, nn.Module]
Optimizers = list[torch.optim.Optimizer]
PERCENTILES = torch.tensor([0.01, 0.05, 0.15, 0.25, 0.5, 0.75, 0.85, 0.95, 0.99])


class Observer:
    """Nothing: the bare loop, and what the others have in common.

    Attributes:
        title: Its name in the table.
        default: Steps from one look to the next if nobody says otherwise; `because` says where that
            comes from.
        activations: What is recorded of each layer's output; "" is nothing.
        gradients: Likewise of gradients; `buffers` of BatchNorm's.
    """

    title, default, because = "bare eager loop", 1, ""
    activations, gradients, buffers = "", "", ""

    def __init__(
        self, networks: Networks, optimizers: Optimizers, folder: Path, every: int
    ) -> None:
        self.networks, self.optimizers = networks, optimizers
        self.folder, self.every = folder, every
        self.step = 1
        self.open()

    def open(self) -> None:
        """Ahead of the first step."""

    @property
    def is_due(self) -> bool:
        """Whether to look at the current step."""
        return self.step % self.every == 0

    def hook(self, see: Callable[..., None]) -> None:
        """Make a function a forward hook of every layer, with the layer's name before the rest."""
        for name, layer in layers(self.networks):
            layer.register_forward_hook(partial(see, name))

    def after_backward(self) -> None:
        """The gradients of both networks are there."""

    def after_update(self, losses: list[Tensor]) -> None:
        """Both have stepped."""
        self.step += 1

    def close(self) -> None:
        """Everything is on the disk when this returns."""


class Shiftscope(Observer):
    """`Pair`, in the loop as a person writes it."""

    title, because = "shiftscope `Pair`", "its default"
    activations = "percentiles, mean, std, saturation, shift"
    gradients = "norms: of activations, of weights, of updates"
    buffers = "drift, γ, β"

    def open(self) -> None:
        (first, second), (a, b) = self.networks.items(), self.optimizers
        self.run = Pair(
            first[1], second[1], optimizers=(a, b), names=(first[0], second[0]),
            database=f"sqlite:///{self.folder / 'shiftscope.db'}",
            record_every=self.every, quiet=True,
        )  # fmt: skip

    def after_update(self, losses: list[Tensor]) -> None:
        self.run.log(losses)
        super().after_update(losses)

    def close(self) -> None:
        self.run.close()
        if self.run.not_recorded:
            raise SystemExit(f"Nothing was measured: {self.run.not_recorded}")


class TensorBoard(Observer):
    """Histograms of activations and of the weights' gradients."""

    title, default = "TensorBoard `add_histogram`", 50
    because = "it has none; Lightning's `log_every_n_steps`"
    activations, gradients = "histograms", "histograms, of weights"

    def open(self) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (slow to load)

        self.writer = SummaryWriter(str(self.folder))
        self.hook(self._see)

    def _see(self, name: str, _layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self.is_due:
            self.writer.add_histogram(f"activations/{name}", output, self.step)

    def after_backward(self) -> None:
        for name, parameter in weights(self.networks) if self.is_due else ():
            assert parameter.grad is not None
            self.writer.add_histogram(f"gradients/{name}", parameter.grad, self.step)

    def after_update(self, losses: list[Tensor]) -> None:
        for arm, loss in zip(self.networks, losses, strict=True) if self.is_due else ():
            self.writer.add_scalar(f"loss/{arm}", loss, self.step)
        super().after_update(losses)

    def close(self) -> None:
        self.writer.close()


class Wandb(Observer):
    """`wandb.watch(log="all")`, offline."""

    title, default, because = '`wandb.watch(log="all")`', 1000, "its `log_freq`"
    gradients = "histograms, of weights; and of the weights themselves"

    def open(self) -> None:
        import wandb  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  (not in every set-up)

        settings = wandb.Settings(silent=True, console="off")
        self.run = wandb.init(mode="offline", dir=str(self.folder), settings=settings)
        for at, network in enumerate(self.networks.values()):
            self.run.watch(network, log="all", log_freq=self.every, idx=at)

    def after_update(self, losses: list[Tensor]) -> None:
        # what `watch` saw is sent along with what is logged
        self.run.log({f"loss/{arm}": loss for arm, loss in zip(self.networks, losses, strict=True)})
        super().after_update(losses)

    def close(self) -> None:
        self.run.unwatch()
        self.run.finish()


class Handmade(Observer):
    """Hooks as one writes them in five minutes: `.item()` and `torch.quantile`, into a CSV file."""

    title, default = "hooks with `.item()` and `torch.quantile`", 100
    because = "it has none; 100 is common"
    activations, gradients = "percentiles, mean, std", "norms, of weights"

    def open(self) -> None:
        self.file = (self.folder / "records.csv").open("w", newline="")
        self.rows = csv.writer(self.file)
        self.hook(self._see)

    @torch.no_grad()
    def _see(self, name: str, _layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self.is_due:
            percentiles = torch.quantile(output.flatten(), PERCENTILES).tolist()
            moments = output.mean().item(), output.std().item()
            self.rows.writerow([self.step, name, *moments, *percentiles])

    def after_backward(self) -> None:
        for name, parameter in weights(self.networks) if self.is_due else ():
            assert parameter.grad is not None
            self.rows.writerow([self.step, name, parameter.grad.norm().item()])

    def after_update(self, losses: list[Tensor]) -> None:
        if self.is_due:
            self.rows.writerow([self.step, "loss", *(loss.item() for loss in losses)])
        super().after_update(losses)

    def close(self) -> None:
        self.file.close()


class LightningNorms(Observer):
    """Lightning's `grad_norm`, logged by its CSVLogger; without the Trainer around it."""

    title, default = "Lightning's `grad_norm`, CSVLogger", 50
    because = "its `log_every_n_steps`"
    gradients = "norms, of weights"

    def open(self) -> None:
        from lightning.pytorch.loggers import CSVLogger  # noqa: PLC0415  (slow to load)
        from lightning.pytorch.utilities import grad_norm  # noqa: PLC0415

        self.grad_norm, self.logger = grad_norm, CSVLogger(str(self.folder))

    def after_backward(self) -> None:
        if self.is_due:
            self.found: dict[str, Any] = {}
            for arm, network in self.networks.items():
                norms = self.grad_norm(network, norm_type=2)
                self.found |= {f"{arm}/{name}": norm for name, norm in norms.items()}

    def after_update(self, losses: list[Tensor]) -> None:
        if self.is_due:
            self.found |= {f"{arm}/loss": x for arm, x in zip(self.networks, losses, strict=True)}
            self.logger.log_metrics(self.found, self.step)
        super().after_update(losses)

    def close(self) -> None:
        self.logger.save()


OBSERVERS: dict[str, type[Observer]] = {
    "bare": Observer,
    "shiftscope": Shiftscope,
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "handmade": Handmade,
    "lightning": LightningNorms,
}


def layers(networks: Networks) -> Iterator[tuple[str, nn.Module]]:
    """The modules whose outputs are looked at: linear maps, or what stands behind them as norm."""
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Identity)
    for arm, network in networks.items():
        modules = [(name, module) for name, module in network.named_modules() if name]
        for (name, module), after in zip(modules, [*modules[1:], ("", None)], strict=True):
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                yield f"{arm}/{name}", after[1] if isinstance(after[1], norms) else module


def weights(networks: Networks) -> Iterator[tuple[str, nn.Parameter]]:
    """All parameters."""
    for arm, network in networks.items():
        for name, parameter in network.named_parameters():
            yield f"{arm}/{name}", parameter
