"""The whole loop with a network: trained, judged, logged, loaded and served."""

from pathlib import Path

import pytest

from mllib.pipeline.mirroring import is_mirrored
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.serving import Champion
from mllib.pipeline.workspace import open_workspace
from mllib.spans import Annotation, ReviewedRange
from tests.fitted import SMALL_NETWORK
from tests.hills import hills_of
from tests.pipeline.conftest import small_config, store_candles


@pytest.mark.needs("torch")
def test_a_network_goes_through_the_whole_loop_without_pickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    hills = hills_of(1_200)
    time = hills.candles.time
    with open_workspace(tmp_path / "home", config=small_config()) as ws:
        store_candles(ws, hills.candles)
        spans = [Annotation("hill", s.start_time, s.end_time, id=f"h{i}") for i, s in enumerate(hills.spans)]
        everywhere = ReviewedRange(int(time[0]), int(time[-1]), frozenset({"hill"}))
        ws.store.annotations.add("HILLS", "1h", spans, reviewed=[everywhere])
        given = {f"stages.training.hyperparameters.{key}": value for key, value in SMALL_NETWORK.items()}
        config = resolve_config(
            ws.config, model_type="gru", encoder="combined", layers=["human"], overrides=given
        )
        told: list[str] = []
        queued = request_training(ws, pairs=["HILLS"], config=config)
        run = execute_run(ws, queued.run_id, progress=lambda _, what: told.append(what))
        assert (run.status, run.model_version) == ("ready", 1), run.error
        assert "epoch 3 of at most 12" in told
        assert is_mirrored(ws)
        served = Champion(ws)
        served.refresh()
        predictor = served.require()
        assert predictor.info.model_type == "gru"
        found = predictor.predict(hills.candles).spans
        assert len(found) > 0.8 * len(hills.spans)
        files = {path.name for path in (ws.home / "mlflow" / "artifacts").rglob("*") if path.is_file()}
        assert {"network.npz", "network.json", "requirements.txt"} <= files
        assert not {name for name in files if name.endswith((".pkl", ".pickle", ".pth", ".pt"))}
