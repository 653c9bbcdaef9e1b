"""Where many pieces of work are done: one after another in this process, or on the workers of a Dask cluster.

A piece is a module's function, something that all pieces share and an item that says what to read; workers
read candles themselves. Pieces may be done twice where a worker is lost, so none of them may write.
"""

import importlib.util
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from mllib.amounts import count
from mllib.errors import CandleloopError, InvalidConfig, NotReady
from mllib.extras import to_install
from mllib.progress import Progress, quiet

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
_KINDS = ("tcp://", "tls://")
_CONNECT_S = 10
_MOST_A_CORE = 8
_AHEAD = 2
"""So many pieces a worker's thread are handed out and not yet taken back: memory is bounded by them."""
_RETRIES = 2
"""So often a piece is tried again that ended with what nobody expected, such as a storage out of reach."""
_WORKERS_WITHIN_S = 60
_LOOKS_AGAIN_AFTER_S = 20
_LARGE = "1GiB"
"""What pieces share, such as a model, is handed over once; Dask warns of 10 MB."""

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """What does pieces of work."""

    def map(
        self,
        function: Callable[[S, T], R],
        items: Sequence[T],
        *,
        shared: S,
        progress: Progress = quiet,
    ) -> Iterator[R]:
        """`function(shared, item)` of each item, in their order; what was begun ends when it is closed.

        Raises:
            CandleloopError: what a piece refuses, when its turn comes.
            NotReady: there is no worker, or several were lost over one piece.
        """


class InProcess:
    """Does one piece after another, each when it is asked for."""

    def map(
        self,
        function: Callable[[S, T], R],
        items: Sequence[T],
        *,
        shared: S,
        progress: Progress = quiet,
    ) -> Iterator[R]:
        """As `Engine.map`."""
        for done, item in enumerate(items):
            progress(done / len(items), f"{done} of {len(items)}")
            yield function(shared, item)


IN_PROCESS = InProcess()


class Cluster:
    """Does pieces on the workers that a Dask client knows, several at once."""

    def __init__(self, client: "Client", address: str) -> None:
        self.client, self.address = client, address

    @property
    def slots(self) -> int:
        """How many pieces are done at once now."""
        return sum(self.client.nthreads().values())

    @property
    def said(self) -> str:
        """Where it is, in a sentence."""
        workers = count(len(self.client.nthreads()), "worker")
        where = f"{workers} at {self.address}"
        if importlib.util.find_spec("bokeh") is None:
            return f"Dask: {where}; its dashboard needs `pip install bokeh`."
        return f"Dask: {where}; dashboard {self.client.dashboard_link}."

    def map(
        self,
        function: Callable[[S, T], R],
        items: Sequence[T],
        *,
        shared: S,
        progress: Progress = quiet,
    ) -> Iterator[R]:
        """As `Engine.map`; a piece whose worker is lost is done again by another."""
        given = self.client.submit(_same, shared, pure=False)
        ahead: deque[Future[Any]] = deque()
        done = 0
        try:
            for item in items:
                ahead.append(self.client.submit(_piece, function, given, item, pure=False, retries=_RETRIES))
                while len(ahead) >= _AHEAD * max(self._slots_there(), 1):
                    done += 1
                    yield self._told(ahead.popleft(), done, len(items), progress)
            while ahead:
                done += 1
                yield self._told(ahead.popleft(), done, len(items), progress)
        finally:
            if ahead:
                self.client.cancel(list(ahead), force=True)

    def arrays(
        self,
        function: Callable[[S, T], tuple[Any, ...]],
        items: Sequence[T],
        *,
        shared: S,
        rows: Sequence[int],
        columns: Sequence[int],
    ) -> tuple[Any, ...]:
        """Dask arrays `float32` that stay on the workers, one for each of `columns`.

        `function(shared, item)` gives a matrix for each, of as many rows as `rows` says of the item.
        """
        import dask.array
        from dask.delayed import delayed

        given = delayed(self.client.submit(_same, shared, pure=False))
        made = [delayed(function, nout=len(columns), pure=False)(given, item) for item in items]
        stacked = [
            dask.array.concatenate(
                [
                    dask.array.from_delayed(one[i], shape=(n, width), dtype=np.float32)
                    for one, n in zip(made, rows, strict=True)
                ]
            )
            for i, width in enumerate(columns)
        ]
        return tuple(self.client.persist(stacked))

    def _slots_there(self) -> int:
        slots = self.slots
        if not slots:
            self._require_workers()
            slots = self.slots
        return slots

    def _require_workers(self) -> None:
        """Waits a while for the first worker, and gives up then."""
        try:
            self.client.wait_for_workers(1, timeout=_WORKERS_WITHIN_S)
        except TimeoutError as exc:
            raise NotReady(
                f"cluster {self.address}: found no worker within {_WORKERS_WITHIN_S} s, "
                "expected at least one. Start workers with `dask worker ADDRESS`, and try again."
            ) from exc

    def _told(self, future: "Future[Any]", done: int, of: int, progress: Progress) -> Any:
        found = self._taken(future)
        progress(done / of, f"{done} of {of}")
        return found

    def _taken(self, future: "Future[Any]") -> Any:
        """The result of a piece, or what it refused."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            found = self._awaited(future)
        except KilledWorker as exc:
            raise NotReady(
                f"cluster {self.address}: found {exc.allowed_failures + 1} workers lost over one piece of "
                "work, expected them to live. Give workers more memory, and look into their logs."
            ) from exc
        except (CancelledError, ConnectionError) as exc:
            raise NotReady(
                f"cluster {self.address}: found the connection lost, expected it to stay. "
                "Look whether the scheduler runs, and try again."
            ) from exc
        except ModuleNotFoundError as exc:
            raise NotReady(
                f"cluster {self.address}: found a worker without the module {exc.name}, expected candleloop "
                "of this version. Install it there, as here, and start the workers again."
            ) from exc
        if isinstance(found, _Refused):
            raise found.why
        return found

    def _awaited(self, future: "Future[Any]") -> Any:
        while True:
            try:
                return future.result(timeout=_LOOKS_AGAIN_AFTER_S)
            except TimeoutError:
                if future.done():
                    raise
                self._require_workers()


class _Refused:
    """What a piece refused: trying it again would change nothing."""

    def __init__(self, why: CandleloopError) -> None:
        self.why = why


def _same(shared: Any) -> Any:
    """What all pieces share, as a piece of its own: a worker that is lost with it costs nothing."""
    return shared


def _piece(function: Callable[[Any, Any], Any], shared: Any, item: Any) -> Any:
    try:
        return function(shared, item)
    except NotReady:
        raise
    except CandleloopError as exc:
        return _Refused(exc)


@contextmanager
def open_engine(address: str | None) -> Iterator[InProcess | Cluster]:
    """The engine of an address: None for this process, `local` or `local:2` for processes of this machine,
    else a Dask scheduler's, such as `tcp://10.0.0.5:8786`.

    Raises:
        InvalidConfig: it is none of these.
        NotReady: Dask is not installed, or the scheduler cannot be reached.
    """
    if address is None or not address.strip():
        yield IN_PROCESS
        return
    workers = _local_workers(address.strip())
    if importlib.util.find_spec("distributed") is None:
        raise NotReady(
            f"cluster {address}: found no Dask, expected it installed. Run `{to_install('cluster')}`."
        )
    with _connected(address.strip(), workers) as client:
        yield Cluster(client, client.scheduler_info()["address"])


def _local_workers(address: str) -> int | None:
    """How many processes to start here; None for a scheduler's address."""
    if address.startswith(_KINDS):
        return None
    kind, _, number = address.partition(":")
    if kind != LOCAL or not ((number.isdecimal() and int(number)) or address == LOCAL):
        raise InvalidConfig(
            f"--cluster: found {address!r}, expected local, local:2 or a scheduler's address such as "
            "tcp://HOST:8786. Correct it, or unset CANDLELOOP_CLUSTER."
        )
    cores = len(os.sched_getaffinity(0))
    if number and int(number) > _MOST_A_CORE * cores:
        raise InvalidConfig(
            f"--cluster: found {number} processes for {cores} cores, expected at most {_MOST_A_CORE} for "
            "each. Take fewer."
        )
    return int(number) if number else cores


@contextmanager
def _connected(address: str, workers: int | None) -> "Iterator[Client]":
    import dask
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": _LARGE}))
        if workers is not None:
            started = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # without one it takes port 8787, and warns if that is taken
            )
            address = stack.enter_context(started).scheduler_address
        try:
            _shake_hands(address)
            client = stack.enter_context(Client(address, timeout=_CONNECT_S))
        except (OSError, TimeoutError) as exc:
            raise NotReady(
                f"cluster {address}: found that it cannot be reached, expected a Dask scheduler there. "
                "Start one with `dask scheduler`, or leave --cluster out."
            ) from exc
        yield client


def _shake_hands(address: str) -> None:
    """Raise TimeoutError where another server listens; a client would wait for its greeting without end."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from distributed.comm.core import connect
    from distributed.security import Security

    async def greet() -> None:
        options = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=_CONNECT_S, **options), _CONNECT_S)
        await comm.close()

    with ThreadPoolExecutor(1) as beside:  # this thread may have a loop of its own that runs
        beside.submit(asyncio.run, greet()).result()
