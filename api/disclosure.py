"""What clients are not told: where on the server's disk its home folder lies. Log and commands do tell it."""

import re
from pathlib import Path

from fastapi import Request

HOME = "CANDLELOOP_HOME"


def for_clients(text: str, home: Path) -> str:
    """The text with the home folder by its name in place of its path.

    >>> for_clients("/srv/loop/candles/A_1h.parquet of /srv/loop, not /srv/loops", Path("/srv/loop"))
    'CANDLELOOP_HOME/candles/A_1h.parquet of CANDLELOOP_HOME, not /srv/loops'
    """
    for path in {str(home.absolute()), str(home.resolve())} - {"/"}:
        text = re.sub(re.escape(path) + r"(?![\w-])", HOME, text)
    return text


def to_client_of(request: Request, text: str) -> str:
    """The same for the home folder of the service that was asked."""
    service = getattr(request.app.state, "service", None)
    return text if service is None else for_clients(text, service.ws.home)
