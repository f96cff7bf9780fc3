"""What a student meets: `check` an answer, `predict` a result, `show` a reading, see `progress`.

Environment: `LABKIT_STRICT=1` makes `check` raise, `LABKIT_SEED` fixes the inputs that answers are
tried on, `LABKIT_PROGRESS` names the progress file.
"""

from labkit.teach.check import NotPassedError, check
from labkit.teach.predict import Prediction, predict
from labkit.teach.progress import progress
from labkit.teach.registry import always, exercise, exercises, solution
from labkit.teach.show import show

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
    "solution",
]
