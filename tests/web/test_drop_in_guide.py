"""What docs/drop-in.md says of the server's variables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_guide_names_the_variables_that_the_server_reads_with_their_defaults() -> None:
    settings = (ROOT / "web" / "candleloop" / "server" / "settings.ts").read_text()
    guide = (ROOT / "docs" / "drop-in.md").read_text()
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| `?(.+?)`? \|", guide, re.MULTILINE))
    assert told == {
        "INFERENCE_API_URL": _default(settings, r'INFERENCE_API_URL.*\|\| "(.+?)"'),
        "INFERENCE_API_KEY": "none",
        "INFERENCE_API_TIMEOUT": _default(settings, r'"INFERENCE_API_TIMEOUT", ([\d_]+)'),
        "INFERENCE_BATCH_TIMEOUT": _default(settings, r'"INFERENCE_BATCH_TIMEOUT", ([\d_]+)'),
        "INFERENCE_MAX_BODY": str(int(_default(settings, r'"INFERENCE_MAX_BODY", (\d+) \* MEBIBYTE')) << 20),
        "NEXT_PUBLIC_PREDICTIONS_ENABLED": _default(settings, r'\[name\].*\|\| "(true|false)"'),
    }
    assert set(told) == set(re.findall(r"\b(?:INFERENCE|NEXT_PUBLIC)_[A-Z_]+\b", settings))


def _default(settings: str, pattern: str) -> str:
    return re.findall(pattern, settings)[0].replace("_", "")
