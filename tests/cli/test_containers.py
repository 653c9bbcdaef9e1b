"""`candleloop mlflow`, `healthy` and `prepare` on the command line."""

import os
import sys

import pytest

from tests.processes import free_port


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line that this process would have become; its environment is put back."""
    command: list[str] = []

    def become(_: str, arguments: list[str]) -> None:
        command.extend(arguments)
        sys.exit(0)

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return command


def test_mlflow_is_served_to_other_machines_only_with_a_password(candleloop, became, monkeypatch) -> None:
    refused = candleloop("mlflow", "--host", "0.0.0.0")
    assert (refused.returncode, became) == (1, [])
    assert "MLFLOW_AUTH_ADMIN_PASSWORD: found none" in refused.stderr
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", "a long password")
    monkeypatch.setenv("CANDLELOOP_MLFLOW_PORT", "9123")
    assert candleloop("mlflow", "--host", "0.0.0.0").returncode == 0
    assert became[1:] == [
        *("-m", "uvicorn", "--host", "0.0.0.0", "--port", "9123"),
        *("--factory", "mlflow.server.auth:create_app"),
    ]
    assert not any("password" in part for part in became)


def test_what_does_not_answer_is_not_healthy(candleloop, monkeypatch) -> None:
    monkeypatch.setenv("CANDLELOOP_API_PORT", str(free_port()))
    done = candleloop("healthy", "api")
    assert done.returncode == 1
    assert "api at http://127.0.0.1:" in done.stderr


def test_a_worker_that_never_beat_is_not_healthy(candleloop) -> None:
    assert candleloop("keys", "list").returncode == 0  # makes the database
    done = candleloop("healthy", "worker")
    assert done.returncode == 1
    assert "found no sign of life" in done.stderr


def test_the_token_of_the_chart_comes_from_the_environment(candleloop, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_API_KEY", f"cl_{'a1' * 6}_{'0f' * 32}")
    done = candleloop("prepare", "--scope", "annotate")
    assert (done.returncode, done.stderr) == (0, f"Ready. Key {'a1' * 6} for chart: annotate.\n")
    monkeypatch.setenv("INFERENCE_API_KEY", "guess")
    assert "found 5 characters as its token" in candleloop("prepare").stderr


def test_the_console_is_open_to_other_machines_with_a_key_or_a_provider(
    candleloop, became, monkeypatch
) -> None:
    assert "no valid API key" in candleloop("console", "--host", "0.0.0.0").stderr
    settings = {
        "METADATA_URL": "https://id.example/.well-known/openid-configuration",
        "CLIENT_ID": "candleloop",
        "CLIENT_SECRET": "s3cret",
        "REDIRECT_URI": "https://console.example/oauth2callback",
        "COOKIE_SECRET": "c" * 32,
        "ALLOW": "*@example.org=annotate",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CANDLELOOP_OIDC_{name}", value)
    assert candleloop("console", "--host", "0.0.0.0").returncode == 0
    assert became[-2:-1] == ["--secrets.files"]
    assert not any("s3cret" in part for part in became)
