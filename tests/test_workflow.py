"""The workflow is one that GitHub takes, and covers what the project says it supports."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def gate() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"][
        "gate"
    ]
    return job


def test_the_workflows_are_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_supported_python_is_tested(gate: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least, below = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups())
    assert gate["strategy"]["matrix"]["python-version"] == [f"3.{minor}" for minor in range(least, below)]


def test_it_runs_the_gate_that_can_be_run_anywhere(gate: dict[str, Any]) -> None:
    assert [step["run"] for step in gate["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_a_workflow_may_only_read(workflow: Path) -> None:
    written = yaml.safe_load(workflow.read_text())
    assert written["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in written["jobs"].values())
