"""Use cases about datasets: build, look up, compare, restore and push them.

`CANDLELOOP_HOME/datasets/<version>/` holds a dataset for good; its version is the hash that DVC gives the
folder, so that equal content has one version, whoever built it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mllib.candle_source import CandleSource
from mllib.candles import Candles
from mllib.cluster import IN_PROCESS, Engine
from mllib.config import Config, FeatureSection, parse_config
from mllib.datasets.builds import Build, count_spans, list_builds, record
from mllib.datasets.comparing import Difference, compare
from mllib.datasets.contents import Files, load_series, write_facts, write_labeled
from mllib.datasets.files import new_folder, version_of
from mllib.datasets.remote import fetch_version, push_versions
from mllib.datasets.tables import enriched_rows, enriched_table, in_order, joined
from mllib.errors import NotFound, NotReady
from mllib.pipeline.annotations import known_facts, labelled
from mllib.pipeline.candle_reading import Reach, ends, read_as_it_was
from mllib.pipeline.pattern_layers import label_many
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part, quiet
from mllib.timeframes import parse_timeframe
from mllib.training import LabelledSeries

if TYPE_CHECKING:
    import pandas as pd

_SHORTEST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset in the home: its version and its folder."""

    version: str
    folder: Path

    @property
    def files(self) -> Files:
        """Where its files lie."""
        return Files.of(self.folder)

    def series(self) -> list[LabelledSeries]:
        """The labelled series that training reads.

        Raises:
            TrainingFailed: a file is not what its schema says.
        """
        return load_series(self.files)


def build_dataset(
    ws: Workspace,
    config: Config,
    *,
    pairs: Sequence[str] = (),
    timeframe: str | None = None,
    made_by: str = "build",
    run_id: str | None = None,
    progress: Progress | None = None,
    engine: Engine = IN_PROCESS,
) -> Dataset:
    """The dataset of stored series as they are now; one that is there already is left as it is.

    TA-Lib's layers and columns are computed by the engine; the tables are joined and written here.

    Raises:
        NotFound: a series is not stored.
        Conflict: candles of a series changed meanwhile.
        TrainingFailed: no label has any span, or a table does not fit its schema; nothing is written.
    """
    told = progress or quiet
    told(0.0, "reading candles and labels")
    chosen = sorted({*pairs}) or [config.pipeline.pair]
    canonical = parse_timeframe(timeframe or config.pipeline.timeframe)
    ingestion, features = config.stages.annotation_ingestion, config.stages.feature_engineering
    functions = ingestion.talib_patterns if "talib" in ingestion.layers else None
    candles = [ws.candles.read(pair, canonical) for pair in chosen]
    if functions is not None and engine is not IN_PROCESS:
        label_many(ws, [(pair, canonical) for pair in chosen], functions=functions, engine=engine)
    facts = [known_facts(ws, pair=pair, timeframe=canonical, functions=functions) for pair in chosen]
    series = [
        labelled(one, said, layers=ingestion.layers, ingestion=ingestion)
        for one, said in zip(candles, facts, strict=True)
    ]
    named = [((one.pair, one.timeframe), said) for one, said in zip(candles, facts, strict=True)]
    with new_folder(ws.datasets) as partial:
        files = Files.of(partial)
        told(0.2, "computing columns")
        enriched = _enriched(ws, candles, features, engine=engine, progress=part(told, 0.2, 0.5))
        told(0.5, "writing tables")
        write_labeled(enriched, series, features, files)
        write_facts(named, files.annotations)
        told(0.9, "taking its version")
        return keep_dataset(ws, partial, made_by=made_by, run_id=run_id)


def _enriched(
    ws: Workspace,
    candles: Sequence[Candles],
    features: FeatureSection,
    *,
    engine: Engine,
    progress: Progress,
) -> "pd.DataFrame":
    if engine is IN_PROCESS:
        return enriched_table(candles, features)
    pieces = [_Piece(one.pair, one.timeframe, ends(one)) for one in in_order(candles)]
    return joined([*engine.map(_rows_of, pieces, shared=(ws.candle_source, features), progress=progress)])


class _Piece(NamedTuple):
    """A series that a worker reads, and how far it reached when it was read here."""

    pair: str
    timeframe: str
    reaches: Reach


def _rows_of(shared: tuple[CandleSource, FeatureSection], piece: _Piece) -> "pd.DataFrame":
    source, features = shared
    return enriched_rows(read_as_it_was(source.archive, piece.pair, piece.timeframe, piece.reaches), features)


def keep_dataset(ws: Workspace, partial: Path, *, made_by: str, run_id: str | None = None) -> Dataset:
    """Moves a complete folder to its version's place and writes the build down."""
    version = version_of(partial)
    dataset = Dataset(version, ws.datasets / version)
    if not dataset.folder.is_dir():
        try:
            partial.rename(dataset.folder)
        except OSError as exc:
            if not dataset.folder.is_dir():  # another process was not faster either
                raise NotReady(
                    f"{dataset.folder}: found that it cannot be made ({exc.strerror}), expected a disk to "
                    "write to. Free some room, or set CANDLELOOP_HOME."
                ) from exc
    _write_down(ws, dataset, made_by=made_by, run_id=run_id)
    return dataset


def _write_down(ws: Workspace, dataset: Dataset, *, made_by: str, run_id: str | None) -> None:
    series = dataset.series()
    build = Build(
        version=dataset.version,
        made_by=made_by,
        built_at=int(time.time()),
        run_id=run_id,
        series={one.candles.name: len(one.candles) for one in series},
        spans=count_spans(series),
        reviewed=sum(len(one.reviewed) for one in series),
    )
    record(ws.datasets, build)


def find_dataset(ws: Workspace, name: str | None = None) -> Dataset:
    """The dataset of a version (or the first digits of one) or of a run; without a name, the newest build's.

    Raises:
        NotFound: nothing is known under that name, or its folder is not here.
    """
    version = find_version(ws, name)
    folder = ws.datasets / version
    if not folder.is_dir():
        raise NotFound(
            f"dataset {version}: found no folder {folder}, expected the files of that version. "
            f"Fetch it with `candleloop dataset restore {version}`."
        )
    return Dataset(version, folder)


def find_version(ws: Workspace, name: str | None = None) -> str:
    """The version that a name means: a version, the first digits of one, or a run's id.

    Raises:
        NotFound: nothing is known under that name.
    """
    builds = list_builds(ws.datasets)
    if name is None:
        if not builds:
            raise NotFound("dataset: none was built yet. Build one with `candleloop dataset build`.")
        return builds[0].version
    known = {build.version for build in builds}
    found = [v for v in known if v == name or (len(name) >= _SHORTEST_PREFIX and v.startswith(name))]
    if len(found) == 1:
        return found[0]
    if _is_version(name):
        return name
    version = ws.store.runs.get(name).data_version
    if version is None:
        raise NotFound(
            f"run {name}: found no dataset of it, expected one that it trained on. Choose another run."
        )
    return version


def config_of(ws: Workspace, name: str) -> Config:
    """The configuration of the run of that id; for a version, the present one."""
    if _is_version(name) or any(build.version.startswith(name) for build in list_builds(ws.datasets)):
        return ws.config
    return parse_config(ws.store.runs.get(name).request["config"], where=f"run {name}")


def _is_version(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")


def describe_dataset(ws: Workspace, name: str | None = None) -> dict[str, Any]:
    """The contract's `path exists size_bytes row_count` of the labelled file, with `version` and `counts`.

    `counts` holds `label source count`. Where no dataset was built yet, `exists` is false and `version` None.

    Raises:
        NotFound: nothing is known under that name.
    """
    builds = list_builds(ws.datasets)
    if name is None and not builds:
        return {
            "path": str(ws.datasets),
            "exists": False,
            "size_bytes": 0,
            "row_count": 0,
            "version": None,
            "built_at": None,
            "counts": [],
        }
    version = find_version(ws, name)
    build = next((one for one in builds if one.version == version), None)
    if build is None:
        raise NotFound(
            f"dataset {version}: found no build of it here, expected one of `candleloop dataset list`. "
            f"Fetch it with `candleloop dataset restore {version}`."
        )
    file = Dataset(version, ws.datasets / version).files.labeled
    return {
        "path": str(file),
        "exists": file.is_file(),
        "size_bytes": file.stat().st_size if file.is_file() else 0,
        "row_count": sum(build.series.values()),
        "version": version,
        "built_at": build.built_at,
        "counts": [
            {"label": label, "source": source, "count": count}
            for label, sources in build.spans.items()
            for source, count in sources.items()
        ],
    }


def compare_datasets(ws: Workspace, old: str | None = None, new: str | None = None) -> Difference:
    """What changed from one dataset to another, by default from the build before the newest to the newest.

    Raises:
        NotFound: one of them is not here.
    """
    after = find_dataset(ws, new)
    before = find_dataset(ws, _version_before(ws, after.version) if old is None else old)
    return compare(before.series(), after.series())


def _version_before(ws: Workspace, version: str) -> str:
    versions = [build.version for build in list_builds(ws.datasets)]
    earlier = versions[versions.index(version) + 1 :] if version in versions else versions
    found = next((other for other in earlier if other != version), None)
    if found is None:
        raise NotFound(
            f"dataset {version}: found no other build before it, expected one to compare with. "
            "Name two versions, or build again after something has changed."
        )
    return found


def restore_dataset(ws: Workspace, name: str) -> Dataset:
    """The dataset of a version or run, fetched from the remote where it is not here.

    Raises:
        NotFound: the name means nothing, or the remote does not have it.
        NotReady: the remote cannot be reached.
    """
    version = find_version(ws, name)
    folder = ws.datasets / version
    if not folder.is_dir():
        fetch_version(ws.datasets, ws.dataset_remote, version)
    if (found := version_of(folder)) != version:
        raise NotReady(
            f"dataset {folder}: found content {found}, expected {version}: files were altered. "
            "Remove the folder and restore it again."
        )
    dataset = Dataset(version, folder)
    if all(build.version != version for build in list_builds(ws.datasets)):
        _write_down(ws, dataset, made_by="restore", run_id=None)
    return dataset


def push_datasets(ws: Workspace, names: Sequence[str] = (), *, progress: Progress | None = None) -> list[str]:
    """Copies datasets, by default all that are here, to the remote; their versions.

    Raises:
        NotFound: a name means nothing, or nothing is here.
        NotReady: the remote cannot be reached.
    """
    versions = [find_dataset(ws, name).version for name in names] or _versions_here(ws)
    push_versions(ws.datasets, ws.dataset_remote, versions, progress=progress)
    return versions


def _versions_here(ws: Workspace) -> list[str]:
    built = dict.fromkeys(build.version for build in reversed(list_builds(ws.datasets)))
    here = [version for version in built if (ws.datasets / version).is_dir()]
    if not here:
        raise NotFound("dataset: found none to push. Build one with `candleloop dataset build`.")
    return here
