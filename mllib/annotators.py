"""The names of those who annotate: one spelling each, so that one person counts as one."""

import unicodedata

from mllib.errors import InvalidAnnotations

UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of a surrogate pair, and separators of lines and paragraphs."""


def annotator_name(name: str | None, where: str) -> str | None:
    r"""The name without blanks around it; None where nothing is left. `where` starts the message.

    Raises:
        InvalidAnnotations: it has a control character or a line break.

    >>> annotator_name(" mia ", "feedback"), annotator_name("  ", "feedback")
    ('mia', None)
    """
    stripped = (name or "").strip()
    at = next((i for i, one in enumerate(stripped) if unicodedata.category(one) in UNSEEN), None)
    if at is not None:
        raise InvalidAnnotations(
            f"{where}, annotator: found {stripped!a} with the control character {stripped[at]!a} at "
            f"character {at + 1}, expected a name in one line. Remove it."
        )
    return stripped or None
