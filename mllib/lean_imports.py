"""Imports that leave out what the imported package would load besides, and we never hand it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Imports inside find these packages not installed, unless they are loaded already.

    TA-Lib imports pandas and XGBoost imports scikit-learn if they can, so as to take their types as well.
    They get arrays from us, and each of the two costs a process nearly a second of its start.
    """
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system's own sign for "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
