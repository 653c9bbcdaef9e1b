"""What a serving process tells about itself: counts as things happen, and once a second what serves.

With several workers each counts in a folder that they share (`api.metrics_folder`), and any of them answers
for all.
"""

import logging
import math
import os
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from api import metrics_folder
from mllib.candles import Candles
from mllib.errors import CandleloopError
from mllib.inference import InputProfile, ModelInfo, Prediction
from mllib.inference.drift import RecentInputs
from mllib.pipeline.workspace import Workspace
from mllib.vital_signs import vital_signs

if TYPE_CHECKING:
    from prometheus_client import Metric

    from api.meters import Meters
    from api.service import Service

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PUBLISH_EVERY_S = 1.0
LOOP_EVERY_S = 10.0

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = logging.getLogger(__name__)


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Counts an answer; `route` is a template, and one and the same for all paths that there are not."""
    requests = _meters().requests
    requests.answered.labels(method if method in _METHODS else "other", route, status).inc()
    requests.seconds.labels(route).observe(seconds)


@contextmanager
def in_flight() -> Iterator[None]:
    """Counts a request while it is answered."""
    gauge = _meters().requests.in_flight
    gauge.inc()
    try:
        yield
    finally:
        gauge.dec()


def waiting(lane: str, predictions: int) -> None:
    """How many predictions wait in a lane of this process."""
    _meters().predictions.waiting.labels(lane).set(predictions)


def cache_hit() -> None:
    """Counts an answer from the cache."""
    _meters().predictions.hits.inc()


def cache_miss() -> None:
    """Counts an answer that had to be computed."""
    _meters().predictions.misses.inc()


def observe_prediction(prediction: Prediction) -> None:
    """Counts candles, and spans with their confidence."""
    meters = _meters().predictions
    meters.candles.inc(len(prediction.candles))
    confidences: dict[str, list[float]] = {}
    for span in prediction.spans:
        confidences.setdefault(span.label, []).append(span.avg_confidence)
    for label, values in confidences.items():
        meters.spans.labels(label).inc(len(values))
        meters.confidence.labels(label).add(values)


def observe_input(profile: InputProfile | None, candles: Candles) -> None:
    """Counts candles that a model was asked about, against the profile of those that it was trained on."""
    _inputs.add(profile, candles)


def serving(info: ModelInfo | None, encoder: str = "") -> None:
    """Says which model serves in this process from now on, if any does."""
    _serving.become(None if info is None else (info.model_version, info.run_id, info.model_type, encoder))


def exposition() -> bytes:
    """The metrics of all workers of this server, as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest

    own, folder = _meters().registry, os.environ.get(metrics_folder.VARIABLE)
    metrics = list(own.collect())
    if folder is not None:
        try:
            metrics = _of_all_workers(Path(folder))
        except (OSError, ValueError, RuntimeError, struct.error) as exc:
            log.warning("metrics: %s: telling of this worker alone (%s)", folder, exc)
    registry = CollectorRegistry()
    registry.register(_Present(metrics))
    return generate_latest(registry)


@contextmanager
def following(service: "Service") -> Iterator[None]:
    """Publishes once a second what serves here, how its inputs drift, and how many predictions wait."""
    told = _Told(service)
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(PUBLISH_EVERY_S):
            told.publish()

    told.publish()
    thread = threading.Thread(target=follow, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        told.withdraw()


def tell_loop(ws: Workspace) -> None:
    """Says whether the loop goes on; where the database does not answer, what was said last stays."""
    loop = _meters().loop
    try:
        signs = vital_signs(ws)
    except (CandleloopError, OSError) as exc:
        log.warning("metrics of the loop: %s", exc)
        loop.database.set(0)
        return
    loop.database.set(1)
    loop.worker.set(signs.worker_alive)
    loop.waits.set(signs.run_waits_s)
    loop.failed.set(signs.last_run_failed)
    loop.disk.set(signs.disk_free_bytes)


class _Told:
    """What was said last of a service."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._error: str | None = None
        self._loop_told_at = -math.inf

    def publish(self) -> None:
        champion, model = self._service.champion, _meters().model
        predictor, error = champion.predictor, champion.error if champion.is_refused else None
        if predictor is None:
            serving(None)
        else:
            serving(predictor.info, predictor.encoder.name)
        model.error.set(error is not None)
        if error is not None and error != self._error:
            model.load_failures.inc()
        self._error = error
        _inputs.publish(None if predictor is None else predictor.profile)
        waiting("charts", self._service.charts.waiting)
        waiting("sweeps", self._service.sweeps.waiting)
        if time.monotonic() - self._loop_told_at >= LOOP_EVERY_S:
            self._loop_told_at = time.monotonic()
            tell_loop(self._service.ws)

    def withdraw(self) -> None:
        serving(None)
        _meters().model.error.set(0)


class _Serving:
    """The model that this process has said to serve."""

    def __init__(self) -> None:
        self._labels: tuple[str, str, str, str] | None = None

    def become(self, labels: tuple[str, str, str, str] | None) -> None:
        model, before = _meters().model, self._labels
        if labels == before:
            return
        if before is not None:
            model.info.labels(*before).set(0)
        if labels is not None:
            model.info.labels(*labels).set(1)
        model.loaded_at.set(0 if labels is None else time.time())
        model.ready.set(labels is not None)
        self._labels = labels


class _Inputs:
    """Recent inputs of the model that serves; those of another begin anew."""

    def __init__(self) -> None:
        self._recent: RecentInputs | None = None
        self._told: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def add(self, profile: InputProfile | None, candles: Candles) -> None:
        if recent := self._of(profile):
            recent.add(candles)

    def publish(self, profile: InputProfile | None) -> None:
        recent, model = self._of(profile), _meters().model
        found = {} if recent is None else dict.fromkeys(recent.profile.bins, 0.0) | recent.psi()
        for feature in self._told | found.keys():
            model.drift.labels(feature).set(found.get(feature, 0.0))
        self._told = frozenset(found)
        model.drift_candles.set(0 if recent is None else recent.candles)

    def _of(self, profile: InputProfile | None) -> RecentInputs | None:
        with self._lock:
            if self._recent is None or self._recent.profile is not profile:
                self._recent = None if profile is None else RecentInputs(profile)
            return self._recent


class _Present:
    """Metrics without the models that no worker serves any more, which the client cannot forget by itself."""

    def __init__(self, metrics: Iterable["Metric"]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator["Metric"]:
        from api.meters import MODEL

        for metric in self._metrics:
            if metric.name == MODEL:
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric


def _of_all_workers(folder: Path) -> list["Metric"]:
    from prometheus_client.multiprocess import MultiProcessCollector

    with metrics_folder.alone_in(folder):
        metrics_folder.drop_gauges_of_ended(folder)
        return list(MultiProcessCollector(None, str(folder)).collect())


@cache
def _meters() -> "Meters":
    metrics_folder.join()  # before the Prometheus client is imported
    from api.meters import Meters

    return Meters()


_serving = _Serving()
_inputs = _Inputs()
