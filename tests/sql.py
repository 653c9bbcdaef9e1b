"""What a database really holds, past the store."""

import sqlalchemy as sa


def rows_of(url: str | sa.URL, query: str) -> list[tuple[object, ...]]:
    """The answer of one query, on a connection of its own."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]
