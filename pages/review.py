"""Review: one place after another, and one key a verdict."""

from app.failures import errors_shown
from app.review.deck import deck
from app.session import stored_candles
from app.ways import no_candles


def render() -> None:
    if stored_candles().list():
        deck()
    else:
        no_candles()


with errors_shown():
    render()
