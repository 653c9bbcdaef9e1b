import pytest

from mllib.annotators import annotator_name
from mllib.errors import InvalidAnnotations


@pytest.mark.parametrize("name", ["mia", " mia ", "mia\n", "\tmia"])
def test_blanks_around_a_name_make_no_other_person(name: str) -> None:
    assert annotator_name(name, "feedback") == "mia"


@pytest.mark.parametrize("name", [None, "", " \n"])
def test_nothing_but_blanks_is_no_name(name: str | None) -> None:
    assert annotator_name(name, "feedback") is None


def test_letters_of_any_script_and_blanks_inside_stay() -> None:
    assert annotator_name("Zoë van Dijk 李", "feedback") == "Zoë van Dijk 李"


@pytest.mark.parametrize("unseen", ["\n", "\x00", "\x7f", "\u2028", "\u2029", "\ud800"])
def test_a_character_that_nobody_sees_is_refused_with_its_place(unseen: str) -> None:
    with pytest.raises(InvalidAnnotations, match=r"^feedback, annotator: found .* at character 3, expected"):
        annotator_name(f"mi{unseen}a", "feedback")
