import numpy as np

from mllib.acquisition import audit_order

TIME = 1_700_000_000 + 3_600 * np.arange(20_000, dtype=np.int64)
EURUSD = {"pair": "EURUSD", "timeframe": "1h", "seed": 0}


def test_a_draw_can_be_repeated_and_another_seed_or_series_draws_otherwise() -> None:
    first = audit_order(TIME, **EURUSD)
    assert audit_order(TIME, **EURUSD).tolist() == first.tolist()
    for other in ({"seed": 1}, {"pair": "GBPUSD"}, {"timeframe": "4h"}):
        assert abs(np.corrcoef(first, audit_order(TIME, **EURUSD | other))[0, 1]) < 0.03


def test_appended_candles_change_no_earlier_bar_s_place() -> None:
    assert audit_order(TIME[:500], **EURUSD).tolist() == audit_order(TIME, **EURUSD)[:500].tolist()


def test_every_bar_is_as_likely_as_any_other() -> None:
    found = audit_order(TIME, **EURUSD)
    counts, _ = np.histogram(found, bins=20, range=(0, 1))
    assert (np.abs(counts - 1_000) < 5 * np.sqrt(1_000)).all()
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.03
    drawn = np.argsort(-found)[:2_000]
    by_tenth, _ = np.histogram(drawn, bins=10, range=(0, 20_000))
    assert (np.abs(by_tenth - 200) < 5 * np.sqrt(200)).all()
    hours = np.bincount((TIME[drawn] // 3_600) % 24, minlength=24)
    assert (np.abs(hours - 2_000 / 24) < 5 * np.sqrt(2_000 / 24)).all()
