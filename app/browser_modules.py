"""The browser's own modules, loaded by a component and taken anew once any of them has changed."""

import hashlib
import json
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_LOADING = """
const version = "%(version)s", files = %(files)s;
const folder = new URL("app/static/", document.baseURI);

// The server names no lifetime of these files, so that a browser may keep old ones beside new ones.
async function load(name) {
  if (localStorage.getItem("candleloop-modules") !== version) {
    await Promise.all(files.map((file) => fetch(new URL(file, folder), { cache: "reload" })));
    localStorage.setItem("candleloop-modules", version);
  }
  return import(new URL(name, folder));
}
"""


@cache
def loading() -> str:
    """JavaScript that defines `load(name)`: a promise of a module below `app/static/`."""
    files = sorted(path.relative_to(STATIC) for path in STATIC.rglob("*.mjs"))
    digest = hashlib.sha256(b"".join((STATIC / file).read_bytes() for file in files)).hexdigest()
    return _LOADING % {"version": digest[:12], "files": json.dumps([file.as_posix() for file in files])}
