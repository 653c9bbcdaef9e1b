"""Where commands do their work: `--cluster`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mllib.cli.output import say

if TYPE_CHECKING:
    from mllib.cluster import Cluster, InProcess

_HELP = "Dask: local, local:2 for two processes, or a scheduler such as tcp://HOST:8786."
OnCluster = Annotated[str | None, typer.Option("--cluster", envvar="CANDLELOOP_CLUSTER", help=_HELP)]
TrainsOnCluster = Annotated[
    str | None, typer.Option("--cluster", help=f"For TA-Lib's labels and xgboost. {_HELP}")
]


@contextmanager
def engine_at(cluster: str | None) -> "Iterator[InProcess | Cluster]":
    """This process, or the cluster of an address, of which a line is said."""
    from mllib.cluster import Cluster, open_engine

    with open_engine(cluster) as engine:
        if isinstance(engine, Cluster):
            say(engine.said)
        yield engine
