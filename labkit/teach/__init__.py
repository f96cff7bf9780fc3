"""What a student meets: `check` an answer, `predict` a result, `show` a reading, see `progress`.

Environment: `LABKIT_STRICT=1` makes `check` raise, `LABKIT_SEED` fixes the inputs that answers are
tried on, `LABKIT_PROGRESS` names the progress file.
"""

from labkit.teach.board import progress
from labkit.teach.guess import Prediction, predict
from labkit.teach.lines import show
from labkit.teach.registry import always, exercise, exercises
from labkit.teach.verdict import NotPassedError, check

__all__ = [
    "NotPassedError",
    "Prediction",
    "always",
    "check",
    "exercise",
    "exercises",
    "predict",
    "progress",
    "show",
]
