"""Which tested environment to install: answers from results only, never from a version that nobody ran."""

from asrcompat.advice.answer import Answer, Change, Fit, Tried, answer
from asrcompat.advice.candidate import Candidate, Cure, seen_in
from asrcompat.advice.question import AXES, MAIN_PATHS, Question, wanted

__all__ = [
    "AXES",
    "MAIN_PATHS",
    "Answer",
    "Candidate",
    "Change",
    "Cure",
    "Fit",
    "Question",
    "Tried",
    "answer",
    "seen_in",
    "wanted",
]
