"""What runs under the supervisor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process that the supervisor keeps alive.

    Ready is said by `ready_url` (any answer below 400) or by `ready`; with neither, running is ready. A start
    waits for those that are `awaited`. `environment` is added to the environment of `candleloop up`.
    """

    name: str
    command: list[str]
    port: int | None = None
    port_variable: str | None = None
    ready_url: str | None = None
    ready: Callable[[], bool] | None = None
    awaited: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
