"""Edits of one session on spans and layers, and their undoing, newest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mllib.pipeline.annotating import annotate, change_annotation, equal_spans, there_already
from mllib.pipeline.pattern_layers import discard_patterns, keep_patterns
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
from mllib.store import StoredAnnotation

Place = tuple[str, str]
"""Pair and timeframe."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done, in words, at which place (Unix s, None for all of a series), and what takes it back."""

    words: str
    series: Place
    time: int | None
    take_back: Callable[[Workspace], str | None]
    """Returns the id of the annotation that stands again, if one does."""


@dataclass(slots=True)
class SpanEdits:
    """The edits of one session that can be taken back. Nothing stored is overwritten by either.

    A deleted annotation that is brought back has a new id; what was done to it before is found under that.
    """

    edits: list[Edit] = field(default_factory=list)
    _now: dict[str, str] = field(default_factory=dict)

    def draw(self, ws: Workspace, annotation: Annotation, series: Place) -> StoredAnnotation:
        """Stores a new span; raises as `annotate` does.

        Raises:
            Conflict: the same annotator has a span with that label and these bounds.
        """
        for one in equal_spans(ws, annotation, pair=series[0], timeframe=series[1]):
            if one.annotator == annotation.annotator:
                raise there_already(one, pair=series[0], timeframe=series[1])
        stored, _ = annotate(ws, annotation, pair=series[0], timeframe=series[1])
        made = stored.annotation

        def take_back(ws: Workspace) -> None:
            self._retract(ws, made.id, series, made.annotator)

        self._note("drawing", made, series, take_back)
        return stored

    def change(
        self, ws: Workspace, annotation_id: str, changes: Mapping[str, Any], series: Place
    ) -> StoredAnnotation:
        """Changes fields of a span; raises as `change_annotation` does."""
        pair, timeframe = series
        before = ws.store.annotations.get(annotation_id, pair=pair, timeframe=timeframe).annotation
        stored = change_annotation(ws, annotation_id, changes, pair=pair, timeframe=timeframe)
        old = {name: getattr(before, name) for name in (*changes, "source")}

        def take_back(ws: Workspace) -> str:
            now = self._id(annotation_id)
            change_annotation(ws, now, old, pair=pair, timeframe=timeframe)
            return now

        if stored.annotation != before:
            self._note("changing", stored.annotation, series, take_back)
        return stored

    def delete(
        self, ws: Workspace, annotation_id: str, series: Place, *, annotator: str | None = None
    ) -> None:
        """Retracts a span; raises as the store's `retract` does."""
        pair, timeframe = series
        before = ws.store.annotations.get(annotation_id, pair=pair, timeframe=timeframe).annotation
        self._retract(ws, annotation_id, series, annotator)

        def take_back(ws: Workspace) -> str:
            again, _ = annotate(ws, replace(before, id="", created_at=0), pair=pair, timeframe=timeframe)
            self._now[annotation_id] = again.annotation.id
            return again.annotation.id

        self._note("deleting", before, series, take_back)

    def keep(self, ws: Workspace, functions: Sequence[str], series: Place) -> int:
        """Stores what TA-Lib functions find; how many spans that is."""
        pair, timeframe = series
        new = [one for one in functions if one not in ws.store.talib.layers(pair, timeframe)]
        spans = keep_patterns(ws, functions, pair=pair, timeframe=timeframe)

        def take_back(ws: Workspace) -> None:
            discard_patterns(ws, new, pair=pair, timeframe=timeframe)

        if new:
            self.edits.append(Edit(f"keeping {_patterns(new)}", series, None, take_back))
        return spans

    def discard(self, ws: Workspace, functions: Sequence[str], series: Place) -> int:
        """Drops what is kept of TA-Lib functions; how many spans that was."""
        pair, timeframe = series
        kept = [one for one in functions if one in ws.store.talib.layers(pair, timeframe)]
        spans = discard_patterns(ws, kept, pair=pair, timeframe=timeframe)

        def take_back(ws: Workspace) -> None:
            keep_patterns(ws, kept, pair=pair, timeframe=timeframe)

        if kept:
            self.edits.append(Edit(f"discarding {_patterns(kept)}", series, None, take_back))
        return spans

    def undo(self, ws: Workspace) -> tuple[Edit, str | None] | None:
        """Takes the newest edit back: which one, and the id of the annotation that stands again, if one does.

        Raises:
            Conflict: someone else has retracted the span meanwhile; the edit is then forgotten.
        """
        if not self.edits:
            return None
        newest = self.edits.pop()
        return newest, newest.take_back(ws)

    def _id(self, annotation_id: str) -> str:
        while annotation_id in self._now:
            annotation_id = self._now[annotation_id]
        return annotation_id

    def _retract(self, ws: Workspace, annotation_id: str, series: Place, annotator: str | None) -> None:
        pair, timeframe = series
        now = self._id(annotation_id)
        ws.store.annotations.retract(now, annotator=annotator, pair=pair, timeframe=timeframe)

    def _note(
        self, doing: str, span: Annotation, series: Place, take_back: Callable[[Workspace], str | None]
    ) -> None:
        words = f"{doing} {span.label.replace('_', ' ')}"
        self.edits.append(Edit(words, series, span.start_time, take_back))


def _patterns(functions: Sequence[str]) -> str:
    return functions[0] if len(functions) == 1 else f"{len(functions)} TA-Lib patterns"
