"""Which label a written name stands for now. Annotations keep what was written; readers resolve it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.spans import Annotation, ReviewedRange
from mllib.store import tables

STATES = ("rename", "merge", "retire", "restore")
"""The kinds of changes that say what a name stands for; `recolor` does not."""


@dataclass(frozen=True, slots=True)
class LabelNames:
    """What became of names: `leads_to` of those renamed or merged (never in a circle), and those retired."""

    leads_to: Mapping[str, str] = field(default_factory=dict)
    retired_names: frozenset[str] = frozenset()

    def resolve(self, label: str) -> str:
        """The label that a written name stands for.

        >>> LabelNames({"flag": "bull_flag", "bull_flag": "bull"}).resolve("flag")
        'bull'
        """
        while label in self.leads_to:
            label = self.leads_to[label]
        return label

    def is_retired(self, label: str) -> bool:
        """Whether a label, or the one that it became, was retired."""
        return self.resolve(label) in self.retired_names

    @property
    def retired(self) -> frozenset[str]:
        """Every name whose label was retired, those that lead there included."""
        return self.retired_names | {name for name in self.leads_to if self.is_retired(name)}

    def annotation(self, annotation: Annotation) -> Annotation:
        """The annotation under the present names."""
        judged, sub_spans = annotation.model_prediction, annotation.sub_spans
        return replace(
            annotation,
            label=self.resolve(annotation.label),
            model_prediction=None if judged is None else replace(judged, label=self.resolve(judged.label)),
            sub_spans=None
            if sub_spans is None
            else tuple(replace(part, label=self.resolve(part.label)) for part in sub_spans),
        )

    def reviewed(self, ranges: Iterable[ReviewedRange]) -> list[ReviewedRange]:
        """The ranges under the present names, each once.

        Who looked for one of the labels that were merged is taken to have looked for what they are now:
        labels are merged because they always meant the same.
        """
        renamed = (replace(one, labels=frozenset(map(self.resolve, one.labels))) for one in ranges)
        return list(dict.fromkeys(renamed))


def label_names(session: Session) -> LabelNames:
    """The names as the newest change of each says."""
    table = tables.LabelChange
    rows = session.execute(
        select(col(table.name), col(table.kind), col(table.value))
        .where(col(table.kind).in_(STATES))
        .order_by(col(table.id))
    )
    newest = {name: (kind, value) for name, kind, value in rows}
    return LabelNames(
        {name: value for name, (_, value) in newest.items() if value is not None},
        frozenset(name for name, (kind, _) in newest.items() if kind == "retire"),
    )
