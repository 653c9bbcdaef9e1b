import doctest

import pytest

from app import words
from app.chart import model
from app.disagreements import words as difference_words


@pytest.mark.parametrize("module", [words, model, difference_words])
def test_the_examples_in_the_docstrings_hold(module) -> None:
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0
