"""The API keys as a serving process knows them: in memory, read again every second."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from api.problems import RETRY_AFTER_S, Problem
from mllib.errors import CandleloopError
from mllib.store import ApiKey, Store, key_of

POLL_EVERY_S = 1.0
_WATCH_ENDS_WITHIN_S = 5.0

log = logging.getLogger(__name__)


class Keys:
    """The keys read last. A database that is locked, gone or emptied leaves them as they were.

    Until they have been read once nobody knows whether a key is needed, so nobody is let in.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[ApiKey, ...] | None = None
        self._why_not = ""
        self._stop = threading.Event()

    @property
    def none_exist(self) -> bool:
        """Whether no key was ever created in this home, so that none is needed."""
        return self._known == ()

    def find(self, token: str) -> ApiKey | None:
        """The valid key with that token, or None.

        Raises:
            Problem: 503, the keys could not be read since this process started.
        """
        if self._known is None:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "API keys: they could not be read from the database yet; the service's log says why. "
                "Try again.",
                retry_after_s=RETRY_AFTER_S,
            )
        return key_of(token, self._known)

    def refresh(self) -> None:
        """Reads the keys again."""
        try:
            found = tuple(self._store.api_keys.list())
        except CandleloopError as exc:
            if str(exc) != self._why_not:  # once, and not every second
                log.warning("API keys not read, those known stay: %s", exc)
            self._why_not = str(exc)
            return
        self._why_not = ""
        if self._known and not found:
            log.error("API keys: found none where there were %d; those known stay.", len(self._known))
            return
        self._known = found

    def watch(self) -> threading.Thread:
        """A thread that reads the keys every second until `stop`."""

        def follow() -> None:
            while not self._stop.wait(POLL_EVERY_S):
                try:
                    self.refresh()
                except Exception:  # a thread that ends would never see a revocation
                    log.exception("API keys not read, those known stay")

        thread = threading.Thread(target=follow, name="key watch", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()


@contextmanager
def following_keys(store: Store) -> Iterator[Keys]:
    """The keys of a store, followed until the end."""
    keys = Keys(store)
    keys.refresh()
    watch = keys.watch()
    try:
        yield keys
    finally:
        keys.stop()
        watch.join(_WATCH_ENDS_WITHIN_S)
