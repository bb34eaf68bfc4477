"""Experiments are validated, and every refusal names its setting."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftscope.db import catalog
from shiftscope.db.errors import InvalidExperiment, NotFound
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import parse, put, setting_paths, with_settings


def refused(document: Any) -> dict[str, str]:
    """The problems of a document, by setting."""
    with pytest.raises(InvalidExperiment) as caught:
        parse(document)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_a_document_survives_being_stored_as_json() -> None:
    experiment = Experiment(name="Mine", seeds=[3, 1])
    assert parse(json.loads(experiment.model_dump_json())) == experiment


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a setting may have by its own JSON Schema; rules between settings it has not."""
    if "anyOf" in schema:
        return st.one_of(*[values_of(one) for one in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    least, most = schema.get("minimum"), schema.get("maximum")
    match schema.get("type"):
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(0 if least is None else least, 10**4 if most is None else most)
        case "number":
            return st.floats(1e-6 if least is None else least, 0.99)
        case "array":
            some = schema.get("minItems", 0)
            return st.lists(values_of(schema["items"]), min_size=some, max_size=some + 2)
        case "string":
            return st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
        case _:
            return st.none()


SCHEMA = Experiment.model_json_schema()


def schema_at(path: str) -> dict[str, Any]:
    """The JSON Schema of a setting."""
    part = SCHEMA
    for name in path.split("."):
        reference = part.get("$ref")
        part = SCHEMA["$defs"][reference.rpartition("/")[2]] if reference else part
        part = part["properties"][name]
    return part


SIMPLE = [path for path in setting_paths() if path != "arms" and "$ref" not in str(schema_at(path))]


@settings(deadline=None, max_examples=100)
@given(
    chosen=st.dictionaries(st.sampled_from(SIMPLE), st.none(), max_size=4).flatmap(
        lambda paths: st.fixed_dictionaries({path: values_of(schema_at(path)) for path in paths})
    )
)
def test_any_experiment_survives_and_any_refusal_names_a_setting(chosen: dict[str, Any]) -> None:
    document = Experiment().model_dump(mode="json")
    for path, value in chosen.items():
        put(document, path, value)
    try:
        experiment = parse(document)
    except InvalidExperiment as error:
        assert error.problems and all(problem.message for problem in error.problems)
        named = {problem.field.partition(".")[0] for problem in error.problems}
        assert named <= Experiment.model_fields.keys()
    else:
        stored = json.loads(json.dumps(experiment.model_dump(mode="json")))
        assert parse(stored) == experiment
        assert parse(stored).model_dump(mode="json") == stored


@pytest.mark.parametrize(
    ("document", "binary", "shape"),
    [
        ({}, True, (1, 28, 28)),
        ({"dataset": "digits"}, True, (1, 28, 28)),
        ({"dataset": "fashion_mnist"}, False, (1, 28, 28)),
        ({"dataset": "synthetic", "binary": True}, True, (1, 28, 28)),
        ({"dataset": "cifar10"}, False, (3, 32, 32)),
        ({"dataset": "cifar10", "gray": True, "binary": True}, True, (1, 32, 32)),
        ({"dataset": "folder", "folder": " my photos "}, False, (3, 32, 32)),
        ({"dataset": "folder", "folder": "a", "image_size": 64, "gray": True}, False, (1, 64, 64)),
    ],
)
def test_images_are_binary_where_that_is_usual_and_have_a_shape(
    document: dict[str, Any], binary: bool, shape: tuple[int, int, int]
) -> None:
    experiment = parse(document)
    assert experiment.binary is binary
    assert experiment.input_shape == shape


def test_a_path_on_the_command_line_is_text_whatever_it_looks_like() -> None:
    settings = ["dataset=folder", "folder=2024", "binary=false"]
    assert with_settings(Experiment(), settings).folder == "2024"


def arm(norm: str, **settings: Any) -> dict[str, Any]:
    return {"name": "a", "norm": norm, **settings}


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"optimizer": {"lr": True}}, "optimizer.lr", "neither true nor false"),
        ({"seeds": [0, True]}, "seeds", "neither true nor false"),
        ({"speed": 9}, "speed", "is not a setting; expected one of name, dataset"),
        ({"optimizer": {"lr": 0}}, "optimizer.lr", "greater than 0, got 0"),
        (
            {"optimizer": {"algorithm": "lion"}},
            "optimizer.algorithm",
            "'sgd' or 'adam', got 'lion'",
        ),
        ({"optimizer": {"beta2": 1}}, "optimizer.beta2", "less than 1, got 1"),
        ({"optimizer": {"weight_decay": -1}}, "optimizer.weight_decay", "or equal to 0, got -1"),
        ({"network": {"dropout": 1}}, "network.dropout", "less than 1, got 1"),
        ({"train_examples": 59}, "train_examples", "a batch needs 60 examples, got 59"),
        (
            {"optimizer": {"algorithm": "adam", "momentum": 0.9}},
            "optimizer.momentum",
            "adam has β₁ in its place; expected 0, got 0.9",
        ),
        (
            {"optimizer": {"algorithm": "adam"}, "arms": [arm("none", momentum=0.5)]},
            "arms.0.momentum",
            "adam has β₁",
        ),
        ({"arms": [arm("none", decay=0.5)]}, "arms.0.decay", "constant has no such factor"),
        ({"arms": [arm("none", hidden=[])]}, "arms.0.hidden", "at least 1 item"),
        ({"arms": [arm("group", hidden=[7])]}, "arms.0.hidden", "can't be made of 7 units"),
        ({"arms": [arm("none", activation="elu")]}, "arms.0.activation", "'tanh' or 'relu'"),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr", "finite number, got nan"),
        ({"network": {"hidden": [100, 0]}}, "network.hidden.1", "greater than or equal to 1"),
        ({"network": {"hidden": []}}, "network.hidden", "at least 1 item"),
        ({"device": "gpu"}, "device", "expected auto, cpu, mps, cuda or cuda:N, got gpu"),
        ({"arms": [{"norm": "batch"}]}, "arms.0.name", "is required"),
        ({"arms": [{"name": "a"}, {"name": " a "}]}, "arms", "a name of its own, got a, a"),
        ({"seeds": [1, 1]}, "seeds", "may appear once"),
        ({"dataset": "imagenet"}, "dataset", "'cifar10', 'digits', 'synthetic' or 'folder'"),
        ({"dataset": "folder"}, "folder", "is required for the dataset folder"),
        ({"folder": "photos"}, "folder", "mnist does not come from it"),
        ({"dataset": "folder", "folder": "a\0b"}, "folder", "no control characters"),
        ({"dataset": "folder", "folder": "a", "image_size": 7}, "image_size", "equal to 8, got 7"),
        ({"dataset": "cifar10", "binary": True}, "binary", "cifar10 is in colour"),
        (
            {"dataset": "folder", "folder": "a", "binary": True},
            "binary",
            "Set binary to false, or gray to true",
        ),
        ({"standardize": "image"}, "standardize", "'none', 'channel' or 'pixel'"),
        ({"batch_size": 1}, "batch_size", "BatchNorm needs at least 2"),
        ({"batch_size": 1, "arms": [arm("iternorm")]}, "batch_size", "at least 2 examples"),
        ({"arms": [arm("Batch")]}, "arms.0.norm", "'none', 'batch', 'batch_explicit'"),
        ({"arms": [arm("instance")]}, "arms.0.norm", "instance normalizes each unit of an example"),
        ({"arms": [arm("batch", bn_epsilon=0)]}, "arms.0.bn_epsilon", "greater than 0, got 0"),
        ({"arms": [arm("batch", bn_momentum=2)]}, "arms.0.bn_momentum", "less than or equal to 1"),
        ({"arms": [arm("batch", norm_place="left")]}, "arms.0.norm_place", "'before' or 'after'"),
        (
            {"arms": [arm("layer")], "network": {"hidden": [8, 1]}},
            "network.hidden",
            "needs at least 2 of them",
        ),
        (
            {"arms": [arm("group")], "network": {"hidden": [8, 7]}},
            "network.hidden",
            "2 groups of one size, of at least 2 units each, can't be made of 7 units",
        ),
        (
            {"arms": [arm("group")], "network": {"hidden": [8], "norm_groups": 8}},
            "network.hidden",
            "8 groups",
        ),
        ({"recording": {"overhead": 0}}, "recording.overhead", "greater than 0, got 0"),
        ({"recording": {"overhead": 101}}, "recording.overhead", "less than or equal to 100"),
        ({"name": "tab\tname"}, "name", "no control characters"),
        ({"name": "  "}, "name", "at least 1 character"),
    ],
)
def test_what_is_not_allowed_is_named_by_its_path(
    document: dict[str, Any], field: str, says: str
) -> None:
    problems = refused(document)
    assert list(problems) == [field] and says in problems[field]


def test_every_offending_setting_is_named_at_once() -> None:
    assert list(refused({"steps": 0, "optimizer": {"lr": -1}})) == ["optimizer.lr", "steps"]


@pytest.mark.parametrize("document", [[], "text", None, 7])
def test_what_is_no_document_is_refused(document: Any) -> None:
    assert refused(document)


def test_settings_are_given_by_path_or_last_word_in_the_shells_words() -> None:
    changed = with_settings(
        Experiment(),
        ["lr=0.5", "network.hidden=8, 16", "seeds=[4]", "dataset=digits", "name=7", "binary=false"],
    )
    assert with_settings(changed, ["overhead=2"]).recording.overhead == 2
    assert changed.recording.overhead is None
    assert changed.optimizer.lr == 0.5 and changed.network.hidden == [8, 16]
    assert (changed.seeds, changed.dataset, changed.name) == ([4], "digits", "7")
    assert changed.binary is False and Experiment().binary is True


def test_one_arms_setting_is_given_by_its_number() -> None:
    changed = with_settings(
        Experiment(),
        ["arms.1.lr=0.5", "arms.0.hidden=8, 16", "arms.1.name=7", "schedule=step",
         "arms.1.decay=0.5", "arms.0.dropout=null"],
    )  # fmt: skip
    none, batch = changed.arms
    assert changed.network_of(none).hidden == [8, 16] and none.dropout is None
    assert (batch.name, batch.norm, changed.optimizer_of(batch).decay) == ("7", "batch", 0.5)
    assert changed.optimizer_of(none) == changed.optimizer
    assert changed.optimizer_of(batch).lr == 0.5 and changed.network_of(batch) == changed.network
    for setting, says in (("arms.2.lr=1", "they are 0 to 1"), ("arms.0.speed=1", "not a setting")):
        with pytest.raises(InvalidExperiment, match=says):
            with_settings(Experiment(), [setting])


def test_every_setting_can_be_given_its_own_default() -> None:
    document = Experiment().model_dump(mode="json")
    for path in setting_paths():
        value: Any = document
        for part in path.split("."):
            value = value[part]
        text = value if isinstance(value, str) else json.dumps(value)
        assert with_settings(Experiment(), [f"{path}={text}"]) == Experiment()


def test_a_catalog_name_that_is_not_there_is_answered_by_those_that_are() -> None:
    with pytest.raises(NotFound, match="expected one of mnist-sigmoid"):
        catalog.entry("mnist")
    names = [entry.name for entry in catalog.entries()]
    assert len(set(names)) == len(names)
