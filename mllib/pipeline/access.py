"""Whether an API may be bound to an address: beyond this machine only with a key."""

import ipaddress

from mllib.errors import NotReady
from mllib.pipeline.workspace import Workspace


def is_loopback(host: str) -> bool:
    """Whether a host name or address leads to this machine alone.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "::ffff:127.0.0.1", "[::1]")]
    [True, True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.0.1", "localhost.evil.example", "")]
    [False, False, False, False, False]
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def check_binding(ws: Workspace, host: str) -> None:
    """Returns when the API may be bound to `host`.

    Raises:
        NotReady: it can be reached from other machines and no key could let anybody in.
    """
    if is_loopback(host) or any(key.revoked_at is None for key in ws.store.api_keys.list()):
        return
    raise NotReady(
        f"--host: found {host!r}, which other machines reach, and no valid API key in {ws.home}, "
        "expected one. Create it with `candleloop keys create --name chart --scope read`, "
        "or bind to 127.0.0.1."
    )
