"""Does asking pay? A labelled series labelled again by a patient annotator, place by place.

Nothing here reads a store; `mllib.pipeline.simulating` puts it to work.
"""

from mllib.simulating.annotator import Annotator, Known
from mllib.simulating.comparing import Comparison, Needed, compare, labels_needed
from mllib.simulating.drawing import draw
from mllib.simulating.exam import Divided, Exam, divide
from mllib.simulating.learner import Learned, Learner, Recipe
from mllib.simulating.loop import Round, of_all_labels, rounds_of
from mllib.simulating.strategies import STRATEGIES, Situation, Strategy
from mllib.simulating.tables import cost_table, curve_table

__all__ = [
    "STRATEGIES",
    "Annotator",
    "Comparison",
    "Divided",
    "Exam",
    "Known",
    "Learned",
    "Learner",
    "Needed",
    "Recipe",
    "Round",
    "Situation",
    "Strategy",
    "compare",
    "cost_table",
    "curve_table",
    "divide",
    "draw",
    "labels_needed",
    "of_all_labels",
    "rounds_of",
]
