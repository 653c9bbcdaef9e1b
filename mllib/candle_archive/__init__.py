"""Stored candles: one Parquet file for each pair and timeframe, written whole or not at all."""

from mllib.candle_archive.archive import CandleArchive
from mllib.candle_archive.object_files import ObjectFiles
from mllib.candle_archive.series_files import FolderFiles, SeriesFiles, series_stem
from mllib.candle_archive.tables import DeletedSeries, SeriesInfo
from mllib.candle_merging import MergeReport

__all__ = [
    "CandleArchive",
    "DeletedSeries",
    "FolderFiles",
    "MergeReport",
    "ObjectFiles",
    "SeriesFiles",
    "SeriesInfo",
    "series_stem",
]
