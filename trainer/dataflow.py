"""Where the outputs of a model's modules go, read off its forward without running it.

torch.fx calls `forward` with stand-ins for tensors and notes every operation. Functional
activations, in-place ones, skip connections and modules called twice are all seen. A forward that
branches on the values or shapes of its input cannot be read like this; then its children are, each
by itself, and what happens between them stays unknown.
"""

import copy
import inspect
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..db.errors import CannotTwin
from .feature_norm import LAYERS, Affine

# By torch's own files, so that every activation is one, whatever it is called. Softmax makes
# probabilities of logits and weights of attention scores: no layer's nonlinearity.
_ACTIVATIONS = "torch.nn.modules.activation"
_NO_ACTIVATIONS = (nn.MultiheadAttention, nn.Softmin, nn.Softmax, nn.Softmax2d, nn.LogSoftmax)
_PASSING = re.compile(
    r"torch\.nn\.modules\."
    r"(channelshuffle|dropout|flatten|padding|pixelshuffle|pooling|upsampling)"
)
_ACTIVATION_CALLS = re.compile(
    r"[cgs]?elu|(p|r|leaky_)?relu6?|glu|silu|mish|erf|sin|threshold|clamp(_min)?|"
    r"(hard|log)?sigmoid|(hard)?tanh|hardswish|(hard|soft|tanh)shrink|soft(plus|sign)"
)
_LAYER_CALLS = re.compile(r"linear|conv(_transpose)?[123]d")
_PASSING_CALLS = re.compile(
    r"i?(add|sub|mul|div|truediv)|neg|cat|concat|chunk|split|getitem|clone|contiguous|"
    r"(un)?flatten|view|reshape|permute|transpose|(un)?squeeze|mean|pad|interpolate|pixel_shuffle|"
    r"((feature_)?alpha_)?dropout([123]d)?|(adaptive_)?(avg|max)_pool[123]d"
)


@dataclass
class Dataflow:
    """What was read of a model's forward.

    Attributes:
        calls: Each call of a module without a forward of ours to read: layers, norms, activations.
        module: The module that a call is of.
        reads: Modules whose parameters are read past their call, as tied weights are.
        functions: The names of functions and methods that are called.
        unread: Path → why, of each module whose forward could not be read.
    """

    calls: dict[nn.Module, list[fx.Node]] = field(default_factory=dict)
    module: dict[fx.Node, nn.Module] = field(default_factory=dict)
    reads: set[nn.Module] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    unread: dict[str, str] = field(default_factory=dict)
    _before_a_layer: set[fx.Node] = field(default_factory=set)
    _called_elsewhere: set[nn.Module] = field(default_factory=set)  # perhaps, where nobody can read

    @classmethod
    def of(cls, model: nn.Module, foreign: Collection[nn.Module] = ()) -> "Dataflow":
        """Read the forward of a model, in training and in inference mode, into one.

        Arguments with a default have it. The model itself is not called.

        Raises:
            CannotTwin: Its forward calls one of the `foreign` modules.
        """
        flow = cls()
        for training in (True, False):
            readable = copy.deepcopy(model).train(training)  # a forward may store what it is given
            for module in readable.modules():
                module._forward_hooks.clear()  # somebody's, and made for tensors
                module._forward_pre_hooks.clear()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for path, graph in _graphs(readable, "", flow.unread, foreign):
                    flow._add(model, path, graph)
        return flow

    def _add(self, model: nn.Module, path: str, graph: fx.Graph) -> None:
        for node in graph.nodes:
            if node.op == "call_module":
                module = model.get_submodule(f"{path}.{node.target}".strip("."))
                self.module[node] = module
                self.calls.setdefault(module, []).append(node)
                if path:
                    self._called_elsewhere.add(module)
            elif node.op == "get_attr":
                owner = f"{path}.{node.target}".strip(".").rpartition(".")[0]
                self.reads.add(model.get_submodule(owner))
            else:
                self.functions.add(_name(node))
        for node in reversed(graph.nodes):
            # outside of the part that was read, a layer may always follow
            if any(user in self._before_a_layer or self._is_layer(user) for user in node.users) or (
                path and any(user.op == "output" for user in node.users)
            ):
                self._before_a_layer.add(node)

    def _is_layer(self, node: fx.Node) -> bool:
        """Whether a call has a matrix of weights: layers, F.linear, recurrent nets, attention."""
        module = self.module.get(node)
        if module is None:
            return _LAYER_CALLS.fullmatch(_name(node)) is not None
        return any(p.dim() > 1 for p in module.parameters())

    def follower(self, module: nn.Module) -> nn.Module | None:
        """The one module that takes all this module puts out, while nothing else does, nor does it
        take anything else; None if there is no such module, or that much is not known."""
        users = [set(call.users) for call in self.calls.get(module, ())]
        takers = set().union(*users)
        followers = {self.module.get(taker) for taker in takers}
        follower = followers.pop() if len(followers) == 1 else None
        if follower is None or not all(users) or takers != set(self.calls[follower]):
            return None
        return None if {module, follower} & self._called_elsewhere else follower

    def is_hidden(self, layer: nn.Module) -> bool:
        """Whether a layer's output reaches a nonlinearity, and another layer after that.

        On the way there may be sums, products, pooling, dropout and reshaping, but no other layer
        and no norm. A layer with none behind it puts out the model's logits (or what its last
        sigmoid takes for them).
        """
        ahead = [user for call in self.calls.get(layer, ()) for user in call.users]
        seen: set[fx.Node] = set()
        while ahead:
            node = ahead.pop()
            if node in seen:
                continue
            seen.add(node)
            if self._is_nonlinearity(node):
                if node in self._before_a_layer:
                    return True
            elif self._passes(node):
                ahead.extend(node.users)
        return False

    def _is_nonlinearity(self, node: fx.Node) -> bool:
        module = self.module.get(node)
        if module is None:
            return _ACTIVATION_CALLS.fullmatch(_name(node)) is not None
        return type(module).__module__ == _ACTIVATIONS and not isinstance(module, _NO_ACTIVATIONS)

    def _passes(self, node: fx.Node) -> bool:
        module = self.module.get(node)
        if module is None:
            return _PASSING_CALLS.fullmatch(_name(node)) is not None
        simple = isinstance(module, (nn.Identity, Affine))
        return simple or _PASSING.fullmatch(type(module).__module__) is not None


class _Tracer(fx.Tracer):
    """Looks into all modules but torch's own, and into no layer or norm derived from them."""

    def __init__(self, foreign: Collection[nn.Module]) -> None:
        super().__init__()
        self._foreign = foreign

    def path_of_module(self, mod: nn.Module) -> str:
        if mod in self._foreign:
            raise CannotTwin(
                "",
                f"its copy still calls the {type(mod).__name__} of the original, as a lambda or a "
                "function inside __init__ that uses self does",
                "Make it a method.",
            )
        return super().path_of_module(mod)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        closed = isinstance(m, (*LAYERS, _BatchNorm, Affine))
        return closed or super().is_leaf_module(m, module_qualified_name)


def _graphs(
    module: nn.Module, path: str, unread: dict[str, str], foreign: Collection[nn.Module]
) -> list[tuple[str, fx.Graph]]:
    """The graph of a module's forward with its path; where it has none, those of its children."""
    tracer = _Tracer(foreign)
    if tracer.is_leaf_module(module, path):
        return []
    try:
        parameters = inspect.signature(module.forward).parameters.items()
        defaults = {k: p.default for k, p in parameters if p.default is not inspect.Parameter.empty}
        return [(path, tracer.trace(module, defaults))]
    except CannotTwin:
        raise
    except Exception as error:  # whatever a forward raises when given stand-ins
        unread[path] = f"{type(error).__name__}: {error}".splitlines()[0]
    return [
        graph
        for name, child in module.named_children()
        for graph in _graphs(child, f"{path}.{name}".strip("."), unread, foreign)
    ]


def _name(node: fx.Node) -> str:
    """`relu` of F.relu, F.relu_, torch.relu and x.relu_(); `add` of x + y."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.strip("_")
