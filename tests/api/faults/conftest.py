"""A real server over a copy of the trained home, and what it has stored when a fault is over."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from mllib.candles import Candles
from mllib.config import Config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.servers import Server, server
from tests.processes import wait_until

IMPAIRED = Path(__file__).with_name("impaired.py")
UNSHARED = httpx.Limits(max_connections=None, max_keepalive_connections=0)
Serve = Callable[..., Any]


@dataclass
class Client:
    """A client of one server, with a connection of its own for each request."""

    server: Server
    candles: Candles
    http: httpx.Client = field(default_factory=lambda: httpx.Client(limits=UNSHARED, timeout=30))
    predictions: int = 0

    @property
    def home(self) -> Path:
        return self.server.home

    def get(self, path: str) -> httpx.Response:
        return self.http.get(f"{self.server.url}{path}")

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(f"{self.server.url}{path}", json=body, headers=headers)

    def restart(self) -> None:
        self.server.restart()

    def predict(self) -> httpx.Response:
        """Never the same candles twice, so that nothing comes from the cache."""
        self.predictions += 1
        part = self.candles[self.predictions : self.predictions + 300]
        rows = part.to_frame().drop(columns="volume", errors="ignore").to_dict("records")
        return self.post("/predict", {"pair": "EURUSD", "timeframe": "1h", "candles": rows})

    def judge(self, client_id: str) -> httpx.Response:
        bars = self.candles.time
        prediction = {"label": "doji", "start_time": int(bars[500]), "end_time": int(bars[502])}
        said = {"client_id": client_id, "pair": "EURUSD", "timeframe": "1h", "action": "confirm"}
        return self.post("/feedback", {**said, "prediction": prediction})

    def import_candles(self, pair: str, first: int, last: int, *, raised_by: float = 0.0) -> httpx.Response:
        """Stores a range of candles under another symbol, their highs somewhat higher."""
        frame = self.candles[first:last].to_frame()
        frame["high"] += raised_by
        content = frame.to_csv(index=False)
        where = f"{self.server.url}/candles/import?pair={pair}&timeframe=1h"
        return self.http.post(where, content=content)

    def stored(self) -> Counter[str]:
        """How often each client's verdict is in the database."""
        with self.workspace() as ws:
            return Counter(verdict.client_id for verdict in ws.store.verdicts.list())

    def runs(self) -> list[str]:
        """The runs of the ledger, the champion's first."""
        with self.workspace() as ws:
            move = ws.store.champions.current("candleloop")
            assert move is not None
            others = [run.run_id for run in ws.store.runs.list() if run.run_id != move.run_id]
            return [move.run_id, *others]

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        with open_workspace(self.home, config=Config()) as ws:
            yield ws

    def serves(self, run_id: str, *, within_s: float = 10) -> dict[str, Any]:
        """What `/ready` says once that run's model serves."""

        def ready() -> Any:
            answer = self.get("/ready")
            return answer if answer.status_code == 200 and answer.json()["run_id"] == run_id else None

        answer: dict[str, Any] = wait_until(ready, within_s=within_s, what=f"run {run_id} serves").json()
        return answer

    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def surprises(self) -> list[str]:
        """What the log tells of that nobody had thought of."""
        return [line for line in self.log().splitlines() if "Traceback" in line or '"status": 500' in line]


@pytest.fixture(scope="module")
def serve(trained_home: Path, history: Candles, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Starts a server over a home of its own, with options of `impaired.py`."""

    @contextmanager
    def start(*options: str, workers: int = 1, **limits: Any) -> Iterator[Client]:
        home = tmp_path_factory.mktemp("faulty") / "home"
        shutil.copytree(trained_home, home)
        command = [sys.executable, str(IMPAIRED), *options, "--workers", str(workers)]
        with server(home, workers=workers, command=command, **limits) as running:
            client = Client(running, history)
            wait_until(lambda: client.get("/ready").status_code == 200, within_s=30, what="a model serves")
            try:
                yield client
            finally:
                client.http.close()

    return start


@pytest.fixture
def refused() -> Callable[[httpx.Response, str], None]:
    """Checks that an answer is a 503 that says what to do, and when to ask again."""

    def check(answer: httpx.Response, said: str) -> None:
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert said in answer.json()["error"]
        assert answer.json()["error"] == answer.json()["detail"]

    return check
