"""Numbers with their nouns, as sentences for people have them."""


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "span"), count(1_200, "span"), count(2, "series", "series")
    ('1 span', '1,200 spans', '2 series')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
