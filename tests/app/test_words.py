import doctest

import pytest

from app import chart, words


@pytest.mark.parametrize("module", [chart, words])
def test_the_examples_in_the_docstrings_hold(module) -> None:
    assert doctest.testmod(module).failed == 0
