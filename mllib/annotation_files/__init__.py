"""The annotation tool's exports in all their forms: read, checked against candles, and written."""

from mllib.annotation_files.candle_exporting import tagged_of, to_tagged_csv, to_window_csv
from mllib.annotation_files.entries import SOURCES
from mllib.annotation_files.exporting import exported, to_csv, to_export, to_json, write_export
from mllib.annotation_files.placing import check_annotations, check_open
from mllib.annotation_files.reading import AnnotationFile, parse_annotations, read_annotation_file

__all__ = [
    "SOURCES",
    "AnnotationFile",
    "check_annotations",
    "check_open",
    "exported",
    "parse_annotations",
    "read_annotation_file",
    "tagged_of",
    "to_csv",
    "to_export",
    "to_json",
    "to_tagged_csv",
    "to_window_csv",
    "write_export",
]
