"""The container files say what they should; no engine is needed to see that.

The health checks are run as they are written, against a database and a server of the tests.
"""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from shiftscope.db import queue
from shiftscope.db.engine import writing
from shiftscope.db.tables import Worker
from shiftscope.server.cli import app as command_line
from shiftscope.server.settings import PREFIX, Settings
from shiftscope.server.worker_process import END_SECONDS
from shiftscope.trainer.worker import SHUT_DOWN_SECONDS, STOP_SECONDS

yaml = pytest.importorskip("yaml", reason="PyYAML, which reads docker-compose.yml, is missing")

ROOT = Path(__file__).resolve().parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
TEXT = COMPOSE_FILE.read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "postgres"]
SERVERS = [name for name in OURS if name.startswith("server")]
TRAINERS = [name for name in OURS if name.startswith("trainer")]
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
INSTRUCTIONS = [line.split(None, 1) for line in re.findall(r"(?m)^[A-Z]+ .*$", DOCKERFILE)]
LOCKS = ("requirements.lock", "requirements-cuda.lock")
KNOWN = {
    *("build", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck"),
    *("image", "init", "ports", "profiles", "read_only", "restart", "security_opt"),
    *("stop_grace_period", "tmpfs", "volumes"),
}
"""What services say, all of which the Compose specification and its version 3.8 have."""
PORT = str(Settings.model_fields["port"].default)


def test_a_server_and_a_trainer_start_by_default() -> None:
    default = [name for name, service in SERVICES.items() if not service.get("profiles")]
    assert default == ["server", "trainer"]
    profiles = {name for service in SERVICES.values() for name in service.get("profiles", [])}
    assert profiles == {"gpu", "postgres"}


@pytest.mark.parametrize("name", OURS)
def test_commands_are_ones_that_the_command_line_has(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    assert program == "shiftscope"
    assert arguments[0] == ("serve" if name in SERVERS else "worker")
    # --help last: the flags before it are looked at all the same.
    shown = CliRunner().invoke(command_line, [*arguments, "--help"])
    assert shown.exit_code == 0, shown.output


@pytest.mark.parametrize("name", SERVERS)
def test_ports_are_reached_from_this_machine_only(name: str) -> None:
    assert "--no-worker" in SERVICES[name]["command"]
    (published,) = SERVICES[name]["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\$\{SHIFTSCOPE_\w*PORT:-\d+\}:" + PORT, published)


def test_only_the_servers_publish_ports() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == SERVERS


@pytest.mark.parametrize("name", OURS)
def test_whoever_ends_a_run_leaves_it_time_for_its_last_checkpoint(name: str) -> None:
    grace = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert STOP_SECONDS < SHUT_DOWN_SECONDS < END_SECONDS < grace


@pytest.mark.parametrize("name", OURS)
def test_all_share_the_volume_with_the_data(name: str) -> None:
    assert SERVICES[name]["volumes"] == ["data:/data"]
    assert f"{PREFIX}DATA=/data" in DOCKERFILE
    assert "data" in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_containers_have_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service and "privileged" not in service


def test_the_image_runs_as_a_user_by_number() -> None:
    last_stage = INSTRUCTIONS[max(i for i, line in enumerate(INSTRUCTIONS) if line[0] == "FROM") :]
    (user,) = [argument for name, argument in last_stage if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    after = last_stage[last_stage.index(["USER", user]) :]
    assert {name for name, _ in after} <= {"USER", "EXPOSE", "CMD"}


def test_packages_are_installed_before_the_sources_are_copied() -> None:
    lines = [f"{name} {argument}" for name, argument in INSTRUCTIONS]
    installed = next(i for i, line in enumerate(lines) if "--requirement" in line)
    for folder in ("db", "trainer", "server", "web"):
        assert lines.index(f"COPY {folder} {folder}") > installed


def test_nothing_is_installed_but_what_is_locked() -> None:
    uses = [argument for name, argument in INSTRUCTIONS if name == "RUN" and "/pip " in argument]
    assert len(uses) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in uses)
    assert "--no-build-isolation" in next(one for one in uses if "pip wheel" in one)
    for name in OURS:
        gpu = name == "trainer-gpu"
        expected = "${LOCK_GPU:-requirements-cuda.lock}" if gpu else "${LOCK:-requirements.lock}"
        assert SERVICES[name]["build"]["args"]["LOCK"] == expected


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    # docker-compose 1.29 knows no others
    assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}
    assert check["test"][0] == "CMD"


@pytest.mark.parametrize("name", [*TRAINERS, "server-postgres"])
def test_services_wait_until_what_they_need_is_healthy(name: str) -> None:
    (needed,) = SERVICES[name]["depends_on"]
    assert SERVICES[name]["depends_on"][needed] == {"condition": "service_healthy"}
    # One that is in a profile comes along only with services of that profile.
    assert set(SERVICES[needed].get("profiles", [])) <= set(SERVICES[name].get("profiles", []))


def run_check(service: str, replace: tuple[str, str] = ("", ""), **environment: str) -> int:
    """The exit status of a service's health check, run here."""
    _, _, flag, program = SERVICES[service]["healthcheck"]["test"]
    command = [sys.executable, flag, program.replace(*replace) if replace[0] else program]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_a_trainer_is_healthy_while_its_own_worker_is_heard_of(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    for name in TRAINERS:
        assert SERVICES[name]["healthcheck"] == SERVICES["trainer"]["healthcheck"]

    def healthy() -> bool:
        return run_check("trainer", SHIFTSCOPE_DATABASE=url) == 0

    def set_worker(**values: Any) -> None:
        with writing(engine) as connection:
            connection.execute(update(Worker).where(Worker.id == worker).values(**values))

    assert not healthy()
    worker = queue.register(engine)
    assert healthy()
    set_worker(heartbeat_at=datetime.now(UTC) - queue.LEASE - timedelta(seconds=1))
    assert not healthy()
    set_worker(heartbeat_at=datetime.now(UTC), host=f"not-{socket.gethostname()}")
    assert not healthy()


def test_a_server_is_healthy_while_it_answers(engine: Engine, serve: Callable[..., str]) -> None:
    port = serve(engine, host="0.0.0.0").rpartition(":")[2]  # asks for a token, as it does there
    assert f'"127.0.0.1", {PORT},' in SERVICES["server"]["healthcheck"]["test"][3]
    assert run_check("server", (PORT, port)) == 0
    engine.dispose()
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        assert run_check("server", (PORT, str(taken.getsockname()[1]))) != 0


def test_torch_is_for_cpus_unless_the_gpu_profile_asks_for_cuda() -> None:
    default = re.search(r"(?m)^ARG TORCH_INDEX=(\S+)$", DOCKERFILE)
    assert default is not None and default[1].endswith("/cpu")
    for name in OURS:
        argument = SERVICES[name]["build"]["args"]["TORCH_INDEX"]
        gpu = name == "trainer-gpu"
        assert argument == ("${TORCH_INDEX_GPU:-}" if gpu else f"${{TORCH_INDEX:-{default[1]}}}")
        assert ("deploy" in SERVICES[name]) == gpu
    (device,) = SERVICES["trainer-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


def test_the_postgres_profile_is_on_postgresql() -> None:
    postgres = SERVICES["postgres"]
    user = postgres["environment"]["POSTGRES_USER"]
    database = postgres["environment"]["POSTGRES_DB"]
    for name in OURS:
        url = SERVICES[name]["environment"][f"{PREFIX}DATABASE"]
        inside = SERVICES[name].get("profiles") == ["postgres"]
        expected = f"postgresql://{user}@postgres/{database}" if inside else ""
        assert url == (expected or "${SHIFTSCOPE_DATABASE:-}")
    assert "--host=127.0.0.1" in postgres["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVERS)
def test_a_token_comes_from_outside_or_is_made(name: str) -> None:
    assert SERVICES[name]["environment"][f"{PREFIX}TOKEN"] == "${SHIFTSCOPE_TOKEN:-}"
    assert SERVICES[name]["environment"][f"{PREFIX}PROXIES"] == "${SHIFTSCOPE_PROXIES:-}"
    assert SERVICES[name]["command"][-2:] == ["--host", "0.0.0.0"]


def test_passwords_come_from_outside() -> None:
    named = re.findall(r"(?m)^\s*(\w*PASSWORD\w*): (.*?)(?: #.*)?$", TEXT)
    assert named and {value for _, value in named} == {"${POSTGRES_PASSWORD:-}"}


@pytest.mark.parametrize("name", SERVICES)
def test_services_say_only_what_compose_knows_and_name_only_what_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KNOWN and ("image" in service) != ("build" in service)
    for mounted in service["volumes"]:
        volume, _, target = mounted.partition(":")
        assert volume in COMPOSE["volumes"] and target.startswith("/")
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for published in service.get("ports", []):
        assert f"EXPOSE {published.rpartition(':')[2]}\n" in DOCKERFILE
    check = service["healthcheck"]
    assert isinstance(check["retries"], int)
    assert all(re.fullmatch(r"\d+s", check[key]) for key in ("interval", "timeout", "start_period"))
    for variable, value in service["environment"].items():
        assert value is None or isinstance(value, str), variable
        if name in OURS and variable != "PGPASSWORD":
            assert variable.removeprefix(PREFIX).lower() in Settings.model_fields
    if name in OURS:
        stated = {argument.partition("=")[0] for what, argument in INSTRUCTIONS if what == "ARG"}
        assert set(service["build"]["args"]) <= stated


def test_no_key_is_there_twice() -> None:
    """YAML's loader takes the last of them without a word."""

    def see(node: Any) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if key.value != "<<"]
            assert len(keys) == len(set(keys)), node.start_mark
            for _, value in node.value:
                see(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                see(value)

    see(yaml.compose(TEXT))


def test_every_variable_has_a_default() -> None:
    """Without one, compose warns and takes nothing."""
    assert not re.findall(r"\$(?!\{[A-Z_]+:-[^}]*\})", TEXT)


def test_nothing_is_used_that_the_older_docker_compose_refuses() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"services", "volumes"}
    assert "env_file" not in TEXT and "required:" not in TEXT.replace("depends_on.required:", "")


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source.lstrip("/")
        for name, argument in INSTRUCTIONS
        if name == "COPY" and not argument.startswith("--from")
        for source in argument.split()[:-1]
    }
    assert allowed == copied
    assert all((ROOT / path).exists() for path in copied)


def test_the_documents_describe_every_service_and_variable() -> None:
    page = (ROOT / "docs" / "docker.md").read_text("utf-8")
    for name in SERVICES:
        assert f"`{name}`" in page or f"**{name}**" in page, name
    for variable in set(re.findall(r"\$\{(\w+)", TEXT)):
        assert f"| `{variable}` |" in page, variable


@pytest.mark.parametrize("command", ["docker-compose", "docker compose"])
@pytest.mark.parametrize("profile", ["gpu", "postgres"])
def test_compose_accepts_the_file(command: str, profile: str) -> None:
    program, *rest = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")
    if subprocess.run([program, *rest, "version"], capture_output=True, check=False).returncode:
        pytest.skip(f"{command} is not on this machine")
    file = ["--file", str(COMPOSE_FILE), "--profile", profile]
    done = subprocess.run(
        [program, *rest, *file, "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
