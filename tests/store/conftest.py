from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.store import Store, open_store

ENGINES = ("sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres")))


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each engine, with the tables of this version."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/candleloop.db"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store of each engine."""
    with open_store(url) as opened:
        yield opened
