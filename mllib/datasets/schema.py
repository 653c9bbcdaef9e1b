"""Tables against their written schema, before anything is stored and after anything is read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mllib.datasets.columns import TAGS, Column
from mllib.errors import TrainingFailed

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

_TYPES = {"text": "str", "integer": "int64", "number": "float64", "tag": "category"}
_MOST_TOLD = 3


def schema_of(columns: Sequence[Column], *, key: Sequence[str] = ()) -> "pa.DataFrameSchema":
    """A strict pandera schema: these columns in this order; those of `key` are unique together."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {column.name: _checked(column) for column in columns},
        strict=True,
        ordered=True,
        unique=list(key) or None,
    )


def _checked(column: Column) -> "pa.Column":
    import pandera.pandas as pa

    checks: list[Any] = []
    if column.at_least is not None:
        checks.append(pa.Check.ge(column.at_least))
    if column.allowed is not None:
        checks.append(pa.Check.isin(column.allowed))
    if column.kind == "tag":
        checks.append(pa.Check.isin(TAGS))
    dtype = "Int64" if column.kind == "integer" and column.nullable else _TYPES[column.kind]
    return pa.Column(dtype, checks, nullable=column.nullable, description=column.meaning)


def checked(
    frame: "pd.DataFrame", columns: Sequence[Column], *, where: str, key: Sequence[str] = ()
) -> "pd.DataFrame":
    """The frame, which fits its schema.

    Raises:
        TrainingFailed: naming table, column, row, what was found and what is expected.
    """
    import pandera.pandas as pa

    try:
        return schema_of(columns, key=key).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as exc:
        raise TrainingFailed(f"{where}: {_told(exc.failure_cases, columns)}") from exc


def _told(failures: "pd.DataFrame", columns: Sequence[Column]) -> str:
    expected = {column.name: column for column in columns}
    told = [_one(case, expected) for case in failures.head(_MOST_TOLD).to_dict("records")]
    more = f" and {len(failures) - _MOST_TOLD} more" if len(failures) > _MOST_TOLD else ""
    return f"{'; '.join(told)}{more}. Build the dataset again, or mend what made these values."


def _one(case: dict[Any, Any], expected: dict[str, Column]) -> str:
    column, found, check = case["column"], case["failure_case"], case["check"]
    place = "" if case["index"] is None or case["index"] != case["index"] else f" row {int(case['index'])}"
    if check == "column_in_dataframe":
        return f"found no column {found}, expected {expected[found].kind}"
    if check == "column_in_schema":
        return f"found an unknown column {found}, expected only those of the schema"
    known = expected.get(str(column))
    what = check if known is None else f"{known.kind}, {check}"
    return f"column {column}{place}: found {found!r}, expected {what}"
