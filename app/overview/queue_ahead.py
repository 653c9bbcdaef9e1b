"""The review queue, looked for beside the page before anybody asks for it."""

from collections import Counter
from collections.abc import Sequence

from app.background import Task, background
from app.session import stored_candles, workspace
from mllib.inference import Predictor
from mllib.pipeline.queueing import QueueEntry, review_queue

QUEUE_SIZE = 50
WORDS = {
    "uncertainty": "unsure",
    "committee": "models differ",
    "disagreement": "against people",
    "label_error": "doubtful labels",
    "audit": "at random",
}


def queue_ahead(model: Predictor) -> Task[list[QueueEntry]]:
    """The queue over all series, looked for anew once anything was said since."""
    ws = workspace()
    key = ("queue ahead", str(ws.home), model.info.run_id, ws.store.revision())
    stored = stored_candles()
    return background(key, review_queue, ws, stored, model, series=None, size=QUEUE_SIZE, long=True)


def queue_words(entries: Sequence[QueueEntry]) -> str:
    """The two most frequent reasons why places are there."""
    counts = Counter(WORDS[entry.origin] for entry in entries)
    return ", ".join(f"{n} {words}" for words, n in counts.most_common(2)) or "nothing is in doubt"
