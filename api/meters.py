"""The metrics by name. A gauge says how the workers' values become one: added up, the least or the largest.

Label values are methods, route templates, status codes, and labels and versions of our models: nothing that a
client could make up.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

MODEL = "candleloop_model_info"
LANES = ("charts", "sweeps")

_SECONDS = (
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_TENTHS = tuple(tenth / 10 for tenth in range(1, 11))


class Meters:
    """All metrics of this process."""

    def __init__(self) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self.requests = Requests(self.registry)
        self.predictions = Predictions(self.registry)
        self.model = Model(self.registry)
        self.loop = Loop(self.registry)


class Requests:
    """What is asked and how long answers take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answered = Counter(
            "candleloop_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "candleloop_request_duration_seconds",
            "From the beginning of a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = _gauge(registry, "requests_in_flight", "Requests being answered.", "livesum")


class Predictions:
    """What is predicted, and what waits for it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = _gauge(
            registry, "predictions_waiting", "Predictions that wait for their turn.", "livesum", ["lane"]
        )
        for lane in LANES:
            self.waiting.labels(lane)
        self.hits = Counter("candleloop_cache_hits", "Answers from the cache.", registry=registry)
        self.misses = Counter("candleloop_cache_misses", "Answers not in the cache.", registry=registry)
        self.candles = Counter("candleloop_predicted_candles", "Candles labelled.", registry=registry)
        self.spans = Counter("candleloop_predicted_spans", "Spans predicted.", ["label"], registry=registry)
        self.confidence = Confidence(
            "candleloop_span_confidence",
            "Confidence of the spans predicted.",
            ["label"],
            buckets=_TENTHS,
            registry=registry,
        )


class Confidence(Histogram):
    """A histogram in tenths that takes many values at once: one by one they cost a chart a millisecond."""

    def add(self, values: Sequence[float]) -> None:
        """Counts all values."""
        self._sum.inc(sum(values))
        for position, count in Tally(bisect_left(_TENTHS, value) for value in values).items():
            self._buckets[position].inc(count)


class Model:
    """What serves, and whether what it sees is what it was trained on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("model_version", "run_id", "model_type", "encoder")
        self.info = _gauge(
            registry, MODEL.removeprefix("candleloop_"), "Workers that serve this model.", "livesum", labels
        )
        self.loaded_at = _gauge(
            registry, "model_loaded_timestamp_seconds", "When the first worker loaded its model.", "livemin"
        )
        self.ready = _gauge(
            registry, "ready", "1 when every worker has a model that has run a prediction.", "livemin"
        )
        self.error = _gauge(
            registry, "champion_error", "1 when a worker could not take up the newest champion.", "livemax"
        )
        self.load_failures = Counter(
            "candleloop_champion_load_failures", "Times that a champion was not taken up.", registry=registry
        )
        self.drift = _gauge(
            registry,
            "input_drift_psi",
            "Population stability index of recent candles against those of training, in the worst worker.",
            "livemax",
            ["feature"],
        )
        self.drift_candles = _gauge(
            registry, "input_drift_candles", "Recent candles that the index rests on.", "livesum"
        )


class Loop:
    """Whether what goes on beside the API does so. Every worker looks at the same, so any will do."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.database = _gauge(registry, "database_answers", "1 when the database answered last.", "livemin")
        self.worker = _gauge(registry, "worker_alive", "1 when a training worker's heart beats.", "livemax")
        self.waits = _gauge(
            registry, "run_waiting_seconds", "How long a training run has waited for a worker.", "livemax"
        )
        self.failed = _gauge(registry, "last_run_failed", "1 when the newest training run failed.", "livemax")
        self.disk = _gauge(registry, "disk_free_bytes", "Bytes free on the disk of the home.", "livemin")


def _gauge(
    registry: CollectorRegistry,
    name: str,
    said: str,
    mode: Literal["livesum", "livemin", "livemax"],
    labels: Sequence[str] = (),
) -> Gauge:
    return Gauge(f"candleloop_{name}", said, labels, multiprocess_mode=mode, registry=registry)
