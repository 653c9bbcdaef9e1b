"""What can go wrong, and what the reader can do about it.

Every message reads *What failed, where: found X, expected Y. Do Z.*

    CandleloopError
    ├── InvalidCandles        candles that the gate refuses
    ├── InvalidAnnotations    spans or verdicts that cannot be learned from
    ├── InvalidConfig         a key, type or name in the configuration
    ├── NotFound              an unknown pair, run, model or annotation
    ├── Conflict              something else is already under way, or already there
    ├── NotReady              a model is missing, the database or the disk cannot be used now
    ├── TrainingFailed        data from which no model can be trained
    └── BrokenModel           a predictor folder that cannot be trusted
"""


class CandleloopError(Exception):
    """The root of everything that candleloop refuses or fails at."""


class InvalidCandles(CandleloopError):
    """Candles that the gate refuses; `row` is the first one concerned, from 1, where there is one.

    `others` are refusals of the same candles for another reason.
    """

    def __init__(
        self, message: str, *, row: int | None = None, others: "tuple[InvalidCandles, ...]" = ()
    ) -> None:
        super().__init__(message)
        self.row, self.others = row, others


class InvalidAnnotations(CandleloopError):
    """Spans or verdicts that cannot be stored or learned from."""


class InvalidConfig(CandleloopError):
    """A configuration key, type or name that does not fit.

    `path` is the YAML path, empty where there is none, and `said` what is wrong there. The message is both,
    after `where` they were found, such as a file.
    """

    def __init__(self, said: str, *, path: str = "", where: str = "") -> None:
        super().__init__(": ".join(part for part in (where, path, said) if part))
        self.path, self.said = path, said


class NotFound(CandleloopError):
    """An unknown pair, run, model or annotation."""


class Conflict(CandleloopError):
    """Something else is already under way or already stored; `active_id` names it where there is one."""

    def __init__(self, message: str, *, active_id: str | None = None) -> None:
        super().__init__(message)
        self.active_id = active_id


class NotReady(CandleloopError):
    """A model is missing, or the database or the disk cannot be used now; trying later may help."""


class TrainingFailed(CandleloopError):
    """Data from which no model can be trained."""


class BrokenModel(CandleloopError):
    """A predictor folder that cannot be trusted: truncated, of another format, or of other features."""
