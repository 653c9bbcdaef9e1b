"""A chart's annotations from the annotation tool itself, over HTTP."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPResponse
from typing import cast

from mllib.annotation_files.content import MOST_BYTES, too_large
from mllib.errors import InvalidAnnotations, InvalidConfig, NotFound, NotReady

_ROUTE = "/api/span-annotations/export"
_CHUNK_BYTES = 1 << 16
_NOT_FOUND = 404


def fetch_export(url: str, *, chart_id: str, timeout_s: float) -> bytes:
    """The JSON export of a chart, as the tool at a URL such as `http://localhost:3000` answers.

    `timeout_s` is how long the whole answer may take.

    Raises:
        InvalidConfig: the URL is none of http or https.
        NotReady: the tool cannot be reached, is too slow, or fails.
        NotFound: it has no such chart, or no such route.
        InvalidAnnotations: the answer is no JSON, or larger than a file may be.
    """
    address = _address(url, chart_id)
    request = urllib.request.Request(address, headers={"Accept": "application/json"})
    deadline = time.monotonic() + timeout_s
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            content = _read(cast(HTTPResponse, answer), address, deadline)
    except urllib.error.HTTPError as exc:
        with exc:
            raise _refusal(address, exc.code, chart_id) from exc
    except TimeoutError as exc:
        raise _too_slow(address, timeout_s) from exc
    except (OSError, HTTPException) as exc:
        raise _unreachable(address, exc, timeout_s) from exc
    _require_json(content, address)
    return content


def _address(url: str, chart_id: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidConfig(
            f"annotation tool: found the URL {url!r}, expected one of http or https. "
            "Write it such as http://localhost:3000."
        )
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return f"{base}{_ROUTE}?{urllib.parse.urlencode({'chartId': chart_id})}"


def _read(answer: HTTPResponse, address: str, deadline: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(_CHUNK_BYTES):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise too_large(address, f"an answer of more than {MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    promised = answer.length  # what Content-Length promised and has not come
    if promised:
        raise HTTPException(f"an answer that ends {promised:,} bytes too early")
    return b"".join(parts)


def _require_json(content: bytes, address: str) -> None:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as exc:
        found = content[:60].decode("utf-8", "replace")
        raise InvalidAnnotations(
            f"{address}: found an answer that begins {found!r}, expected the tool's JSON export. "
            "Check that this is the annotation tool's address, or export a file and import that."
        ) from exc


def _refusal(address: str, status: int, chart_id: str) -> NotFound | NotReady:
    if status == _NOT_FOUND:
        return NotFound(
            f"{address}: found status 404, expected the annotations of chart {chart_id}. "
            "Check the chart's number and the address."
        )
    return NotReady(
        f"{address}: found status {status}, expected 200. Look at the tool's own log, and try again."
    )


def _unreachable(address: str, exc: Exception, timeout_s: float) -> NotReady:
    reason = getattr(exc, "reason", None) or exc
    if isinstance(reason, TimeoutError):
        return _too_slow(address, timeout_s)
    return NotReady(
        f"{address}: found no answer ({reason}), expected the annotation tool. Start it or check the address."
    )


def _too_slow(address: str, timeout_s: float) -> NotReady:
    return NotReady(
        f"{address}: found no whole answer after {timeout_s:g} s, expected one sooner. "
        "Try again, or allow more with --timeout."
    )
