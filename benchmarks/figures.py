"""The tables that the serving benchmarks end with: times, and claims with their limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and what it may be at most, or at least; without a limit it is told for information."""

    what: str
    found: float
    most: float | None = None
    least: float | None = None
    unit: str = ""

    @property
    def holds(self) -> bool:
        return (self.most is None or self.found <= self.most) and (
            self.least is None or self.found >= self.least
        )

    def row(self) -> str:
        limit = f"at most {self.most:g}" if self.most is not None else ""
        limit = f"at least {self.least:g}" if self.least is not None else limit
        verdict = ("yes" if self.holds else "**no**") if limit else ""
        return f"| {self.what} | {self.found:,.4g} {self.unit} | {limit} | {verdict} |"


@dataclass(slots=True)
class Report:
    """What the parts of a benchmark found, in their order."""

    times: list[tuple[str, float, float]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def time(self, what: str, ms: Sequence[float]) -> tuple[float, float]:
        """Keeps median and 99th percentile of milliseconds, and returns them."""
        median, p99 = float(np.median(ms)), float(np.quantile(ms, 0.99))
        self.times.append((what, median, p99))
        return median, p99

    def claim(
        self,
        what: str,
        found: float,
        *,
        most: float | None = None,
        least: float | None = None,
        unit: str = "",
    ) -> None:
        self.claims.append(Claim(what, found, most, least, unit))

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)

    def text(self) -> str:
        lines = []
        if self.times:
            lines += ["| ms | median | p99 |", "|---|---:|---:|"]
            lines += [f"| {what} | {median:.1f} | {p99:.1f} |" for what, median, p99 in self.times]
            lines.append("")
        lines += ["| what | found | limit | holds |", "|---|---:|---:|---|"]
        lines += [claim.row() for claim in self.claims]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines)
