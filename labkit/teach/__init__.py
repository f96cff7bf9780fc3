"""What a student meets: `predict` a result, `show` a reading, write `your_turn`, `check` an answer.

`expect` says what a measurement shows on this machine, `progress` what is done;
`run_or_recorded` goes on with a recorded run where an experiment's library is missing.
Environment: `LABKIT_STRICT=1` makes `check` and `your_turn` raise, `LABKIT_SEED` fixes the inputs
that answers are tried on, `LABKIT_PROGRESS` names the progress file.
"""

from labkit.teach.check import NotPassedError, check
from labkit.teach.expect import Outcome, expect
from labkit.teach.fallback import Rows, run_or_recorded
from labkit.teach.predict import Prediction, predict
from labkit.teach.progress import progress
from labkit.teach.registry import always, exercise, exercises, solution
from labkit.teach.show import show
from labkit.teach.your_turn import your_turn

__all__ = [
    "NotPassedError",
    "Outcome",
    "Prediction",
    "Rows",
    "always",
    "check",
    "exercise",
    "exercises",
    "expect",
    "predict",
    "progress",
    "run_or_recorded",
    "show",
    "solution",
    "your_turn",
]
