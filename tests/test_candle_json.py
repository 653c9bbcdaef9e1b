from pathlib import Path

import pytest

from mllib.candle_files import kind_of, read_candle_file
from mllib.errors import InvalidCandles

ONE = '{"time": 60, "open": 1, "high": 2, "low": 0.5, "close": 1.5%s}'


@pytest.mark.parametrize("text", [f"[{ONE % ''}]", '{"pair": "X", "candles": [%s]}' % (ONE % "")])
def test_a_list_and_an_object_with_candles_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "candles.json"
    path.write_text(text)
    frame = read_candle_file(path).frame
    assert frame.to_dict("records") == [{"time": 60, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5}]


def test_volume_is_read_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "candles.json"
    path.write_text("[%s]" % (ONE % ', "volume": 7'))
    assert read_candle_file(path).frame.volume.tolist() == [7.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{", "candles.json: found .*, expected JSON"),
        ('[{"time": 60}]', r"object missing required field `open` at \$\[0\], expected candles as"),
        ("[%s]" % (ONE % ', "volume": "x"'), r"at \$\[0\].volume"),
        ("{}", r"missing required field `candles` at \$"),
        ("[]", "found no rows"),
    ],
)
def test_anything_else_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "candles.json"
    path.write_text(text)
    with pytest.raises(InvalidCandles, match=said):
        read_candle_file(path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PAR1\x15", "parquet"),
        (b"\x1f\x8b\x08", "csv.gz"),
        (b"\xef\xbb\xbf [", "json"),
        (b"{}", "json"),
        (b"time,open", "csv"),
        (b"", "csv"),
    ],
)
def test_a_file_is_told_by_how_it_begins(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(head)
    assert kind_of(path) == kind
