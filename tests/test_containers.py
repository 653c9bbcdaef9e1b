"""What docker-compose.yml and the Dockerfile promise, and the services started as the containers would."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import httpx2 as httpx
import pytest
import typer

from mllib import web_app
from mllib.cli import app
from mllib.pipeline.runs import request_training, resolve_config
from mllib.pipeline.workspace import open_workspace
from tests.compose import FILE, ROOT, Host, host, services, variables_used, written_env
from tests.e2e.consoles import import_sample
from tests.processes import wait_until

ONE_SHOT = {"setup"}
OURS = {"setup", "api", "console", "worker", "mlflow"}
NUMBERED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?")
SECRET = re.compile(r"PASSWORD|SECRET|KEY")


def test_the_compose_file_is_what_the_specification_allows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_has_nothing_that_its_linter_finds() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_chart_and_console_alone_are_published_and_to_this_machine_unless_told() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert published.keys() == {"web", "console"}
    assert all(port.startswith("${CANDLELOOP_BIND:-127.0.0.1}:") for (port,) in published.values())
    networks = {name: set(one["networks"]) for name, one in services().items()}
    assert {name for name, of in networks.items() if of != {"inside"}} == published.keys()


def test_no_secret_has_a_default_and_the_example_holds_none() -> None:
    used = variables_used()
    assert all(ways <= {"?", "-"} for name, ways in used.items() if SECRET.search(name))
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(example.values()) == {""}
    assert example.keys() == used.keys()


def test_random_secrets_are_written_for_this_user_alone_and_never_over_others(tmp_path: Path) -> None:
    first, second = written_env(tmp_path / "a"), written_env(tmp_path / "b")
    needed = {name for name, ways in variables_used().items() if "?" in ways}
    assert first.keys() == needed
    assert not set(first.values()) & set(second.values())
    file = tmp_path / "a" / ".env"
    assert file.stat().st_mode & 0o777 == 0o600
    again = ["sh", tmp_path / "a" / "scripts" / "make_env.sh"]
    refused = subprocess.run(again, capture_output=True, text=True)
    assert (refused.returncode, "found it there, expected none" in refused.stderr) == (1, True)
    assert first["INFERENCE_API_KEY"] in file.read_text()


@pytest.mark.parametrize("name", services())
def test_a_container_has_few_rights_and_is_watched(name) -> None:
    one = services()[name]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    user, group = one["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert one["deploy"]["resources"]["limits"]["memory"]
    assert one.get("read_only", False) or name == "objects"
    assert not one.keys() & {"privileged", "network_mode", "pid", "cap_add", "devices"}
    if name in ONE_SHOT:
        assert one["restart"] == "no"
    else:
        assert one["restart"] == "unless-stopped"
        assert one["healthcheck"]["test"]


def test_every_service_waits_for_the_ones_it_needs() -> None:
    for one in services().values():
        for other, condition in one.get("depends_on", {}).items():
            ended = "service_completed_successfully"
            assert condition == {"condition": ended if other in ONE_SHOT else "service_healthy"}


def test_images_have_full_versions() -> None:
    taken = {one["image"] for one in services().values() if "build" not in one}
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in {*taken, *bases} if not NUMBERED.fullmatch(image)] == []
    built = {one["build"]["target"] for one in services().values() if "build" in one}
    assert built == {"service", "web"}
    assert built <= stages


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_command_is_one_that_candleloop_has(name, monkeypatch) -> None:
    one = services()[name]
    for variable, value in one["environment"].items():
        monkeypatch.setenv(variable, str(value))
    group = typer.main.get_command(app)
    tests = [one["healthcheck"]["test"][2:]] if name not in ONE_SHOT else []
    for command, *arguments in (one["command"], *tests):
        found = group.get_command(None, command)
        assert found is not None, command
        found.make_context(command, arguments)


def test_the_environment_of_a_service_is_read_by_something() -> None:
    import botocore.credentials
    import mlflow

    sources = [*(ROOT / "mllib").rglob("*.py"), *(ROOT / "app").rglob("*.py")]
    sources += [*(ROOT / "web" / "candleloop").rglob("*.ts"), ROOT / "web" / "proxy.ts"]
    botocore_folder = Path(botocore.credentials.__file__).parent
    sources += [*botocore_folder.glob("*.py"), *Path(mlflow.__file__).parent.glob("*.py")]
    read = "\n".join(source.read_text(errors="replace") for source in sources)
    openid = (ROOT / "mllib" / "pipeline" / "openid.py").read_text()
    for name in (*OURS, "web"):
        for variable in services()[name]["environment"]:
            if variable.startswith("CANDLELOOP_OIDC_"):
                field = variable.removeprefix("CANDLELOOP_OIDC_").lower()
                assert re.search(rf"^    {field}: ", openid, re.MULTILINE), variable
            else:
                assert variable in read, f"{name}: {variable}"


def test_a_build_gets_what_it_copies_and_no_secrets() -> None:
    ignored, *kept = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    assert ignored == "*"
    kept = [line.removeprefix("!") for line in kept if line.startswith("!")]
    assert not {name for name in kept if name.startswith((".env", ".git", "var", "tests"))}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for path in " ".join(copied).split():
        assert (ROOT / path).exists(), path
        assert any(path == one or path.startswith(f"{one}/") for one in kept), path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, initdb_path: str, redis_path: str) -> Iterator[Host]:
    """Every service of the image `service`, set up and started as the containers would be."""
    folder = tmp_path_factory.mktemp("host")
    with host(folder, written_env(folder / "checkout"), initdb=initdb_path, redis=redis_path) as started:
        started.start("mlflow")  # begins at once, as it takes longest
        prepared = started.run("setup")
        assert prepared.returncode == 0, prepared.stderr
        for name in ("api", "console", "worker"):
            started.start(name)
        yield started


@pytest.mark.needs("postgres", "redis")
@pytest.mark.parametrize("name", ["console", "worker", "api", "mlflow"])
def test_a_service_becomes_healthy_with_the_environment_of_its_container(running: Host, name) -> None:
    running.wait_for(name)


@pytest.mark.needs("postgres", "redis")
def test_setting_up_again_changes_nothing(running: Host) -> None:
    again = running.run("setup")
    assert again.returncode == 0, again.stderr
    environment = running.environment("setup")
    command = [sys.executable, "-m", "mllib.cli", "keys", "list", "--json"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (key,) = json.loads(listed.stdout)
    assert (key["name"], key["scopes"]) == ("chart", ["read", "annotate", "train"])


@pytest.mark.needs("postgres", "redis")
def test_the_key_of_the_chart_opens_the_api_and_nothing_else_does(running: Host) -> None:
    running.wait_for("api")
    address = running.environment("web")["INFERENCE_API_URL"]
    token = running.environment("web")["INFERENCE_API_KEY"]
    assert asked(f"{address}/models").status_code == 401
    assert asked(f"{address}/models", headers={"X-API-Key": token}).status_code == 200


def asked(address: str, **more: Any) -> httpx.Response:
    """The answer of a process that may have been asked for the first time."""
    return httpx.get(address, timeout=60, **more)


@pytest.mark.needs("postgres", "redis")
def test_mlflow_answers_nobody_without_the_password_that_the_worker_has(running: Host) -> None:
    worker = running.environment("worker")
    address = f"{worker['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/search?max_results=1"
    login = worker["MLFLOW_TRACKING_USERNAME"], worker["MLFLOW_TRACKING_PASSWORD"]
    assert asked(address).status_code == 401
    assert asked(address, auth=(login[0], "password1234")).status_code == 401
    assert asked(address, auth=login).status_code == 200
    as_inside = {"Host": "mlflow:5000"}
    assert asked(address, auth=login, headers=as_inside).status_code == 200
    assert asked(address, auth=login, headers={"Host": "elsewhere"}).status_code == 403


@pytest.mark.needs("postgres", "redis")
def test_a_training_goes_through_worker_mlflow_and_object_storage(
    running: Host, monkeypatch, tmp_path: Path
) -> None:
    running.wait_for("mlflow")
    environment = running.environment("worker")
    for variable, value in environment.items():
        if variable not in ("PATH", "HOME"):
            monkeypatch.setenv(variable, value)
    with open_workspace() as ws:
        import_sample(ws, tmp_path)
        overrides = {
            "stages.training.hyperparameters.n_estimators": 8,
            "stages.training.validation_folds": 0,
            "stages.annotation_ingestion.talib_patterns": ["CDLENGULFING"],
        }
        config = resolve_config(ws.config, overrides=overrides)
        run_id = request_training(ws, pairs=["EURUSD"], config=config).run_id
        over = ("ready", "rejected", "failed", "cancelled")
        run = wait_until(
            lambda: (run := ws.store.runs.get(run_id)).status in over and run,
            within_s=90,
            what="the training is over",
        )
    assert run.status == "ready", run
    login = environment["MLFLOW_TRACKING_USERNAME"], environment["MLFLOW_TRACKING_PASSWORD"]
    api = f"{environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow"
    logged = asked(f"{api}/runs/get?run_id={run.mlflow_run_id}", auth=login).json()["run"]
    assert logged["info"]["artifact_uri"].startswith("mlflow-artifacts:/")
    kept = fsspec.filesystem("s3", skip_instance_cache=True).find("candleloop/shared/mlflow")
    assert any(run.mlflow_run_id in path and path.endswith("metrics.json") for path in kept)


@pytest.mark.needs("postgres", "redis", "node")
def test_the_chart_becomes_healthy_and_reaches_the_api_with_its_key(running: Host, node_path: str) -> None:
    folder = web_app.web_folder()
    assert folder is not None
    running.start_web(node_path, web_app.build(folder, web_app.find_node()))
    running.wait_for("api")
    running.wait_for("web")
    chart = f"http://127.0.0.1:{running.ports['web']}"
    assert asked(f"{chart}/api/models").status_code == 200


@pytest.mark.needs("postgres", "redis")
def test_a_service_that_is_gone_is_not_healthy(running: Host) -> None:
    running.wait_for("worker")
    running.end("console")
    assert not running.is_healthy("console")
    running.start("console")
