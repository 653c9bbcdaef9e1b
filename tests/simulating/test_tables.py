"""A comparison in rows of text."""

from mllib.simulating import Round, compare, cost_table, curve_table


def rounds(*f1: float) -> list[Round]:
    return [Round(10 * (i + 1), 100 * (i + 1), 5 * (i + 1), value) for i, value in enumerate(f1)]


def test_a_strategy_that_ends_sooner_leaves_its_cells_empty() -> None:
    found = compare({"random": [rounds(0.1, 0.2)], "queue": [rounds(0.3)]}, [0.4])
    heads, rows = curve_table(found)
    assert heads == ["labels spent", "random: span F1", "queue: span F1", "random: spans", "queue: spans"]
    assert rows == [
        ["10", "0.100 (0.10–0.10)", "0.300 (0.30–0.30)", "5", "5"],
        ["20", "0.200 (0.20–0.20)", "", "10", ""],
    ]


def test_costs_tell_labels_share_and_candles() -> None:
    slow, fast, never = rounds(0.1, 0.2, 0.3, 0.4), rounds(0.2, 0.4, 0.4, 0.4), rounds(0.1, 0.1, 0.1, 0.1)
    heads, rows = cost_table(compare({"random": [slow], "queue": [fast], "margin": [never]}, [0.4]))
    assert heads == ["strategy", "labels needed", "share of random's", "candles looked at then"]
    assert rows == [
        ["random", "38 (38 to 38)", "1.00 (1.00 to 1.00)", "380"],
        ["queue", "19 (19 to 19)", "0.50 (0.50 to 0.50)", "190"],
        ["margin", "more", "more", "–"],
    ]
