"""Datasets: what models learn from, as Parquet files with a written schema and a version of their content.

A dataset is a folder of four tables' worth of files, all of them a pure function of candles, facts and
configuration:

    annotations.parquet   what the database says: people's spans, verdicts, reviewed ranges, TA-Lib's layer
    labeled.parquet       a row a candle: prices, the enriched columns, a tag for every label
    spans.parquet         what counts after merging: the spans and reviewed ranges that training reads
    columns.json, .md     what every column means

Training reads `labeled.parquet` and `spans.parquet` and nothing else.
"""
