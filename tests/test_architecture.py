"""The house keeps its order: imports, packaging, names, and documents that match the code."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shiftscope.db.document import Document
from shiftscope.server.app import create_app
from shiftscope.server.cli import app as command_line
from shiftscope.server.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"db": set(), "trainer": {"db"}, "server": {"db"}}
PARTS = (*MAY_IMPORT, "web")


def modules(part: str) -> list[Path]:
    return [file for file in (ROOT / part).rglob("*.py") if "__pycache__" not in file.parts]


def imported_by(file: Path, *, at_once: bool = False) -> set[str]:
    """Dotted names that a module imports, relative ones resolved: `shiftscope.db.read`.

    `at_once` leaves out what it imports later or for type checkers only.
    """
    package = ("shiftscope", *file.relative_to(ROOT).parent.parts)
    names: set[str] = set()
    tree = ast.parse(file.read_text("utf-8"))
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_data_flows_one_way(part: str) -> None:
    for file in modules(part):
        for name in imported_by(file):
            parts = name.split(".")
            assert parts[0] not in PARTS, f"{file}: {name} is imported without shiftscope"
            if parts[0] == "shiftscope":
                assert parts[1] in MAY_IMPORT[part] | {part}, f"{file} imports {name}"


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_inside_the_product_are_relative(part: str) -> None:
    for file in modules(part):
        if file.name == "env.py":  # Alembic runs it as a script
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module and node.module.split(".")[0] != "shiftscope", file


def test_every_folder_is_packaged() -> None:
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
            "packages"
        ]
    )
    on_disk = {
        ".".join(("shiftscope", *file.parent.relative_to(ROOT).parts))
        for part in PARTS
        for kind in ("*.py", "*.js", "*.css", "*.html")
        for file in (ROOT / part).rglob(kind)
    }
    assert on_disk | {"shiftscope.docs"} == listed


def test_no_two_modules_have_the_same_file_name() -> None:
    files = [
        file.name
        for part in PARTS
        for kind in ("*.py", "*.js")
        for file in (ROOT / part).rglob(kind)
        if file.name != "__init__.py" and file.parent.name != "versions"
    ]
    assert [name for name, count in Counter(files).items() if count > 1] == []


def test_nothing_that_would_break_the_import_name_is_at_the_root() -> None:
    assert not (ROOT / "shiftscope").exists() and not (ROOT / "__init__.py").exists()


def test_the_server_starts_without_torch() -> None:
    program = (
        "import sys, shiftscope.server.cli, shiftscope.server.app\n"
        "print([name for name in ('torch', 'sklearn', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def closure(module: str) -> set[str]:
    """Everything that a module of ours imports, by way of modules of ours as well."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        path = ROOT.joinpath(*waiting.pop().split(".")[1:])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if file.exists():
            names = imported_by(file, at_once=True)
            # `from .a import b` names shiftscope.trainer.a.b: a is imported too, and its packages
            names |= {name.rsplit(".", ends)[0] for name in names for ends in (1, 2)}
            waiting += [name for name in names - found if name.split(".")[0] == "shiftscope"]
            found |= names
    return found


HEAVY = ("torch", "sklearn", "scipy")


def test_the_recorder_starts_without_torch() -> None:
    """It starts beside every run, which waits for it once its ring is full."""
    program = (
        "import sys, shiftscope.trainer.recorder\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nothing_that_the_recorder_imports_imports_torch() -> None:
    imported = closure("shiftscope.trainer.recorder")
    assert {"shiftscope.trainer.statistics", "shiftscope.db.write"} <= imported
    assert [name for name in imported if name.split(".")[0] in HEAVY] == []
    assert "torch" in closure("shiftscope.trainer.feeder"), "the closure is not what it says"


def test_every_message_between_loop_and_recorder_is_described() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    described = re.findall(r'^\| `\{"(\w+)":', page, re.M)
    to_recorder = (ROOT / "trainer" / "recorder.py").read_text("utf-8")
    from_recorder = (ROOT / "trainer" / "recorder_process.py").read_text("utf-8")
    understood = re.findall(r'case \{"(\w+)":', to_recorder + from_recorder)
    assert sorted(described) == sorted([*understood, "open", "finish"])  # the first and the last


def test_the_protocol_describes_every_endpoint(engine: Engine) -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    for path, methods in create_app(engine).openapi()["paths"].items():
        for method in methods:
            # A query may follow the path in the table.
            assert f"`{method.upper()} {path}" in protocol, f"{method.upper()} {path}"
    assert "`/api/live`" in protocol


def test_the_protocol_describes_every_field_that_is_sent(engine: Engine) -> None:
    protocol = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    settings = {part.__name__ for part in Document.__subclasses__()}  # docs/settings.md has them
    for name, schema in create_app(engine).openapi()["components"]["schemas"].items():
        kinds = [schema, *schema.get("anyOf", ())]
        fields = [field for kind in kinds for field in kind.get("properties", {})]
        for field in fields if name not in settings else ():
            assert f'"{field}"' in protocol or f"`{field}" in protocol or f" {field}" in protocol, (
                f"{name}.{field}"
            )


def test_the_pages_types_mirror_the_servers_schemas(engine: Engine) -> None:
    declared = dict(
        re.findall(
            r"^export interface (\w+)(?: extends \w+)? \{\n(.*?)^\}",
            (ROOT / "web" / "types.d.ts").read_text("utf-8"),
            re.M | re.S,
        )
    )
    fields = {name: set(re.findall(r"^  (\w+)\??:", body, re.M)) for name, body in declared.items()}
    fields["RunDetail"] |= fields["Run"]
    for name, schema in create_app(engine).openapi()["components"]["schemas"].items():
        if name.endswith("Public") and name not in {"HealthPublic", "CatalogPublic"}:
            assert fields[name.removesuffix("Public")] == set(schema["properties"]), name


def test_the_documents_describe_every_setting_and_every_command() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`{PREFIX}{name.upper()}`" in commands and str(field.description) in commands
    for command in command_line.registered_commands:
        assert command.callback is not None
        assert f"## `shiftscope {command.name or command.callback.__name__}" in commands
