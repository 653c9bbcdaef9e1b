"""The page that everybody writes first: a Plotly chart, a button with a shortcut, the verdict stored.

`benchmarks.review` starts it with `streamlit run` as the peer of the review deck, over the same home.
"""

import plotly.graph_objects as go
import streamlit as st

from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.review import record_verdict
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback

PAIR, TIMEFRAME, BARS = "BTCUSDT", "1h", 300


@st.cache_resource
def _opened() -> tuple[Workspace, StoredCandles]:
    ws = open_workspace()
    return ws, StoredCandles(ws)


def _judge(ws: Workspace, first: int, times: list[int]) -> None:
    prediction = JudgedPrediction(
        label="bull_flag", start_time=times[0], end_time=times[1], model_version="plain"
    )
    record_verdict(
        ws,
        Feedback(
            client_id=f"plain {first}",
            pair=PAIR,
            timeframe=TIMEFRAME,
            action="confirm",
            prediction=prediction,
            annotator="plain",
        ),
    )
    st.session_state.place += 1


ws, stored = _opened()
place = st.session_state.setdefault("place", 0)
first = 1_000 + 400 * place
candles = stored.read(PAIR, TIMEFRAME)[first : first + BARS]
times = candles.time.tolist()
figure = go.Figure(
    go.Candlestick(x=times, open=candles.open, high=candles.high, low=candles.low, close=candles.close)
)
figure.update_layout(title=f"place {place}", height=560, xaxis_rangeslider_visible=False)
figure.add_vrect(x0=times[140], x1=times[170], opacity=0.3)
st.plotly_chart(figure, key="chart")
st.button("Confirm", shortcut="Y", on_click=_judge, args=(ws, first, [times[140], times[170]]))
