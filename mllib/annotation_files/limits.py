"""How long the texts of an annotation may be, and which ids can stand in a URL."""

import unicodedata

from mllib.annotators import UNSEEN

LONGEST_NAME = 200
"""Characters of an id, a label, an annotator or a model version."""
LONGEST_NOTES = 10_000
MOST_SUB_SPANS = 1_000
MOST_LEVELS = 20
"""Lists and objects within one another under a key of its own; an answer has to hold them, too."""


def can_be_an_id(text: str) -> bool:
    r"""Whether a text, without blanks around it, can name an annotation in a URL's path.

    >>> [can_be_an_id(text) for text in ("a17", "chart 3/7", "", "..", "a/./b", "a\nb", "x" * 201)]
    [True, True, False, False, False, False, False]
    """
    if not 0 < len(text) <= LONGEST_NAME or any(unicodedata.category(one) in UNSEEN for one in text):
        return False
    return not {".", ".."} & set(text.split("/"))  # clients take these out of a path, encoded or not


FIT_ID = f"1 to {LONGEST_NAME} characters, no control character or line break, no . or .. between slashes"
"""What `can_be_an_id` wants, in words."""
