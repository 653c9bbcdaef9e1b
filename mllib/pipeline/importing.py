"""Use cases about people's annotations from elsewhere: import a file, pull them from the annotation tool."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from mllib.annotation_files import AnnotationFile, check_annotations, parse_annotations, read_annotation_file
from mllib.annotation_files.fetching import fetch_export
from mllib.candles import Candles
from mllib.errors import InvalidAnnotations
from mllib.pipeline.conflicts import Conflicting, conflicting
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, ReviewedRange
from mllib.store import AddOutcome, LabelNames
from mllib.timeframes import iso_utc, parse_time, parse_timeframe


@dataclass(frozen=True, slots=True)
class AnnotationImport:
    """What an import read and changed, what it left as it was, and what now counts as reviewed."""

    notes: tuple[str, ...]
    outcome: AddOutcome
    conflicts: tuple[Conflicting, ...]
    reviewed: tuple[ReviewedRange, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Whose annotations they are, and what their annotator looked at and for.

    `reviewed` is `all`, `none` or `START..END` (Unix s or ISO dates): where whoever made them looked in full.
    None is `all`, or `none` where there are no annotations.
    They looked for `labels`, by default those given here and those that people use in other series.
    """

    pair: str
    timeframe: str
    reviewed: str | None = None
    labels: tuple[str, ...] = ()


def import_annotations(
    ws: Workspace,
    file: Path,
    *,
    pair: str,
    timeframe: str,
    reviewed: str | None = None,
    labels: Collection[str] = (),
    update: bool = False,
) -> AnnotationImport:
    """Stores a file's annotations on candles that are stored already; see `Chart` and `store_annotations`.

    Raises:
        InvalidAnnotations: the file cannot be read, an entry is wrong or lies outside the candles; nothing
            is stored.
        NotFound: the candles are not stored.
    """
    chart = Chart(pair, timeframe, reviewed, tuple(labels))
    return import_read(ws, read_annotation_file(file), chart=chart, update=update)


def import_read(
    ws: Workspace, read: AnnotationFile, *, chart: Chart, update: bool = False
) -> AnnotationImport:
    """What `import_annotations` does with a file's annotations, once they were read."""
    candles = ws.candles.read(chart.pair, parse_timeframe(chart.timeframe))
    return store_annotations(ws, read, candles, chart=chart, update=update)


def pull_annotations(
    ws: Workspace, url: str, *, chart_id: str, chart: Chart, update: bool = False, timeout_s: float = 30.0
) -> AnnotationImport:
    """Stores what the annotation tool at a URL exports for one of its charts, as an import of a file would.

    Raises:
        NotReady: the tool cannot be reached, or does not answer in time.
        NotFound: it has no such chart, or the candles are not stored.
        InvalidAnnotations: its answer is no export, or an annotation lies outside the candles.
    """
    candles = ws.candles.read(chart.pair, parse_timeframe(chart.timeframe))
    content = fetch_export(url, chart_id=chart_id, timeout_s=timeout_s)
    read = parse_annotations(content, f"chart {chart_id}.json")
    return store_annotations(ws, read, candles, chart=chart, update=update)


def store_annotations(
    ws: Workspace, read: AnnotationFile, candles: Candles, *, chart: Chart, update: bool
) -> AnnotationImport:
    """Stores annotations on their candles, all or none.

    Where an id is stored with other content, that stays and is told; with `update` the new content
    supersedes it.

    Raises:
        InvalidAnnotations: one lies outside the candles, or the reviewed range does.
    """
    ranges, looked_for = _checked(ws, read, candles, chart)
    outcome = ws.store.annotations.add(
        candles.pair, candles.timeframe, read.annotations, reviewed=ranges, update=update
    )
    ws.store.labels.ensure(sorted(looked_for | {a.label for a in read.annotations} - {NOTHING}))
    return _told(ws, read, chart, outcome, ranges)


@dataclass(frozen=True, slots=True)
class AnnotationPreview:
    """What an import of annotations would do, and how many of each label and source the file has."""

    done: AnnotationImport
    counts: dict[str, dict[str, int]]
    first_time: int | None
    last_time: int | None


def preview_annotations(
    ws: Workspace, read: AnnotationFile, *, chart: Chart, update: bool = False
) -> AnnotationPreview:
    """What storing a file's annotations would do and say, with nothing stored; raises as storing does."""
    candles = ws.candles.read(chart.pair, parse_timeframe(chart.timeframe))
    ranges, _ = _checked(ws, read, candles, chart)
    found = read.annotations
    outcome = ws.store.annotations.compare(candles.pair, candles.timeframe, found, update=update)
    counts: dict[str, dict[str, int]] = {}
    for (label, source), n in sorted(Counter((one.label, one.source) for one in found).items()):
        counts.setdefault(label, {})[source] = n
    return AnnotationPreview(
        _told(ws, read, chart, outcome, ranges),
        counts,
        min((one.in_order().start_time for one in found), default=None),
        max((one.in_order().end_time for one in found), default=None),
    )


def _checked(
    ws: Workspace, read: AnnotationFile, candles: Candles, chart: Chart
) -> tuple[list[ReviewedRange], frozenset[str]]:
    """What counts as reviewed, and for which labels, of annotations that lie on their candles."""
    check_annotations(read.annotations, candles, others=_other_series(ws, candles))
    given = {a.label for a in read.annotations if a.source in PEOPLE} - {NOTHING}
    looked_for = frozenset(chart.labels or given | _labels_people_use(ws))
    by_default = "all" if read.annotations else "none"
    text = by_default if chart.reviewed is None else chart.reviewed
    return _reviewed_ranges(text, candles, looked_for), looked_for


def _told(
    ws: Workspace, read: AnnotationFile, chart: Chart, outcome: AddOutcome, ranges: list[ReviewedRange]
) -> AnnotationImport:
    names = ws.store.labels.names()
    notes = (*read.notes, *_nothing_read(read, chart), *_names_said(read.annotations, names))
    conflicts = tuple(conflicting(one, names) for one in outcome.conflicts)
    return AnnotationImport(notes, outcome, conflicts, tuple(ranges))


def _other_series(ws: Workspace, candles: Candles) -> Iterator[Candles]:
    """The other stored series, read one at a time and only when they are asked for."""
    for one in ws.candles.list():
        if (one.pair, one.timeframe) != (candles.pair, candles.timeframe):
            yield ws.candles.read(one.pair, one.timeframe)


def _nothing_read(read: AnnotationFile, chart: Chart) -> Iterator[str]:
    """That nothing counts as reviewed, where nobody said what does and there are no annotations."""
    if chart.reviewed is None and not read.annotations:
        yield (
            "No annotations were found, so nothing was marked as reviewed. "
            "If all was looked at and nothing is there, import it again with reviewed as all."
        )


def _names_said(annotations: Collection[Annotation], names: LabelNames) -> Iterator[str]:
    """What became of labels that are written here under older names, or that are not used any more."""
    for label in sorted({one.label for one in annotations}):
        if names.is_retired(label):
            yield f"Label {label} is retired: its spans are stored, but nobody learns from them."
        elif names.resolve(label) != label:
            yield f"Label {label} counts as {names.resolve(label)}, as it is called now."


def _labels_people_use(ws: Workspace) -> set[str]:
    """Labels in use that people have given anywhere."""
    names = ws.store.labels.names()
    given = {count.label for count in ws.store.annotations.counts() if count.source in PEOPLE} - {NOTHING}
    return {label for label in given if not names.is_retired(label)}


def _reviewed_ranges(text: str, candles: Candles, labels: frozenset[str]) -> list[ReviewedRange]:
    if text == "none":
        return []
    if text == "all":
        return [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels)]
    start, separator, end = text.partition("..")
    if not separator:
        raise InvalidAnnotations(
            f"reviewed range: found {text!r}, expected all, none or START..END. "
            "Write --reviewed 2020-01-01..2020-06-30."
        )
    first, last = parse_time(start), parse_time(end, last=True)
    if first > last or not len(candles.between(first, last)):
        raise InvalidAnnotations(
            f"reviewed range: found {text}, expected START before END and candles of {candles.name} between "
            f"them ({iso_utc(int(candles.time[0]))} to {iso_utc(int(candles.time[-1]))}). Correct the range."
        )
    return [ReviewedRange(first, last, labels)]
