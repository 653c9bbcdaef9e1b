"""Use cases that hand out what people said: of a dataset, or of the store as it is now."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from mllib.annotation_files import to_json
from mllib.candle_archive import series_stem
from mllib.datasets.contents import Files, facts_bytes, load_facts
from mllib.datasets.tables import Named
from mllib.pipeline.annotations import known_facts
from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE, Annotation, JudgedPrediction
from mllib.store import Verdict

if TYPE_CHECKING:
    import pyarrow as pa


def facts_now(ws: Workspace) -> bytes:
    """A Parquet file of all that people said of every stored series and where they looked, as it counts now.

    Its columns are those of a dataset's `annotations.parquet`.
    """
    facts = [
        ((one.pair, one.timeframe), known_facts(ws, pair=one.pair, timeframe=one.timeframe, functions=None))
        for one in ws.store.series.list()
    ]
    return facts_bytes(facts)


def verdicts_now(ws: Workspace) -> bytes:
    """A Parquet file of the verdicts that stand, oldest first, a row each.

    Its columns are the fields of `Verdict`; those of the prediction that was judged begin with `prediction_`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_verdict_row(one) for one in reversed(ws.store.verdicts.list())]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_verdict_schema()), content, compression="zstd")
    return content.getvalue()


def annotations_now(ws: Workspace) -> bytes:
    """A ZIP file with the annotations of every series in the annotation tool's own JSON."""
    return _zipped(
        [
            ((one.pair, one.timeframe), ws.store.annotations.list(one.pair, one.timeframe))
            for one in ws.store.series.list()
        ]
    )


def annotations_of(files: Files) -> bytes:
    """A ZIP file with what people said of each series of a dataset, in the annotation tool's own JSON."""
    facts = load_facts(files.annotations)
    return _zipped(
        [(named, [a for a in said.annotations if a.source in PEOPLE]) for named, said in facts.items()]
    )


def _zipped(series: Sequence[tuple[Named, Sequence[Annotation]]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for (pair, timeframe), annotations in sorted(series, key=lambda one: one[0]):
            name = f"{series_stem(pair, timeframe)}.annotations.json"
            packed.writestr(name, to_json(annotations))
    return content.getvalue()


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
    row = asdict(verdict)
    judged = row.pop("prediction")
    return row | {f"prediction_{name}": value for name, value in (judged or {}).items()}


def _verdict_schema() -> "pa.Schema":
    import pyarrow as pa

    own = {name: kind for name, kind in get_type_hints(Verdict).items() if name != "prediction"}
    judged = {f"prediction_{name}": kind for name, kind in get_type_hints(JudgedPrediction).items()}
    return pa.schema([(name, _arrow_type(kind)) for name, kind in (own | judged).items()])


def _arrow_type(kind: Any) -> "pa.DataType":
    import pyarrow as pa

    if get_origin(kind) is tuple:
        return pa.list_(pa.string())
    kinds = {kind, *get_args(kind)}
    if int in kinds:
        return pa.int64()
    return pa.float64() if float in kinds else pa.string()
