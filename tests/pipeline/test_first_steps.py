"""What `candleloop up` adds by itself, and where it adds nothing."""

from pathlib import Path

from mllib.deployment import Deployment
from mllib.pipeline.first_steps import add_samples
from mllib.pipeline.workspace import open_workspace
from tests.pipeline.conftest import small_config


def test_samples_come_once_and_none_to_the_servers_of_others(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    shared = Deployment(storage=f"file://{tmp_path}/share")
    with open_workspace(tmp_path / "home", config=small_config(), deployment=shared) as ws:
        assert add_samples(ws) == []
        assert ws.candles.list() == []
    with open_workspace(tmp_path / "home", config=small_config()) as ws:
        assert [name.split()[0] for name in add_samples(ws)] == ["AAPL", "BTCUSDT", "EURUSD"]
        assert add_samples(ws) == []
