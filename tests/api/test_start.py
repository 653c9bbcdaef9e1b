"""What a serving process loads: it is to be ready within seconds."""

import os
import subprocess
import sys
from pathlib import Path

_PREDICT = """
import sys
from api.service import running
import api.main
from mllib.pipeline.predicting import predict_candles
with running(None) as service:
    predictor = service.champion.require()
    chart = service.ws.candles.read("EURUSD", "1h")[400:900]
    assert len(predict_candles(predictor, service.stored, chart).candles) == 500
print(*sorted({"mlflow", "pandas", "sklearn", "streamlit", "dvc", "optuna"} & set(sys.modules)))
"""


def test_a_serving_process_loads_no_engine_that_it_does_not_need(trained_home: Path) -> None:
    environment = os.environ | {"CANDLELOOP_HOME": str(trained_home)}
    command = [sys.executable, "-c", _PREDICT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
