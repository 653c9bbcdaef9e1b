"""How long a server takes from its process's start to `/ready`, and what it imports for that."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from benchmarks import servers
from benchmarks.figures import Report
from benchmarks.homes import PAIR, config_file, history
from benchmarks.load import Blocking, Charts
from mllib.pipeline.workspace import Workspace

MOST_READY_S = 4.0
NOT_WANTED = ("mlflow", "pandas", "streamlit")
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


def measure(ws: Workspace, starts: int, report: Report) -> None:
    """Starts with warm disk caches, after one that warms them and says what a serving process imports."""
    config = config_file(ws, "start", {})
    log = ws.home.with_name("imports.log")
    with servers.api(ws.home, config, log=log, profile=True) as server, Blocking(server.port) as one:
        one.post("/predict", Charts(history(ws), 500).body(2_000, PAIR))
    ready_s, first_ms, charts = [], [], Charts(history(ws), 500)
    for i in range(starts):
        with servers.api(ws.home, config) as server, Blocking(server.port) as one:
            ready_s.append(server.ready_s)
            first_ms.append([one.post_ms("/predict", charts.body(i + j, PAIR)) for j in (2_000, 3_000)])
    report.claim("process start to /ready, s (median)", float(np.median(ready_s)), most=MOST_READY_S)
    loaded = loaded_of(NOT_WANTED, log.read_text(errors="replace"))
    report.claim(f"of {', '.join(NOT_WANTED)} loaded once it has predicted", len(loaded), most=0)
    first, second = np.median(first_ms, axis=0)
    report.note(
        f"Starts: {', '.join(f'{s:.2f}' for s in ready_s)} s. The first /predict with stored context after "
        f"it: {first:.0f} ms, the second {second:.0f} ms. {importing()}"
    )


def importing() -> str:
    """What `import api.main` takes, and which packages take most of it."""
    command = [sys.executable, "-X", "importtime", "-c", "import api.main"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = imported(done.stderr)
    most = ", ".join(f"{name} {us / 1e6:.2f}" for name, us in found.most_common(5))
    loaded = loaded_of(NOT_WANTED, done.stderr)
    return (
        f"`import api.main`: {sum(found.values()) / 1e6:.2f} s in all (with -X importtime), most of it "
        f"{most}. Of {', '.join(NOT_WANTED)} it loads {', '.join(loaded) or 'none'}."
    )


def imported(text: str) -> "Counter[str]":
    """Microseconds of their own of each top-level package in what `-X importtime` writes."""
    found: Counter[str] = Counter()
    for own_us, module in _LINE.findall(text):
        found[module.partition(".")[0]] += int(own_us)
    return found


def loaded_of(packages: Sequence[str], text: str) -> list[str]:
    """Those of the packages that were loaded; one that was only looked for shows no modules inside it."""
    modules = [module for _, module in _LINE.findall(text)]
    return [name for name in packages if any(module.startswith(f"{name}.") for module in modules)]
