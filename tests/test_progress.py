from mllib.progress import part


def test_a_part_within_a_part_stays_in_its_place() -> None:
    told: list[tuple[float, str]] = []
    second_half = part(lambda done, what: told.append((done, what)), 0.5, 1.0, before="fold 2: ")
    first_quarter = part(second_half, 0.0, 0.25)
    for done in (0.0, 0.5, 1.0):
        first_quarter(done, "growing")
    assert told == [(0.5, "fold 2: growing"), (0.5625, "fold 2: growing"), (0.625, "fold 2: growing")]
