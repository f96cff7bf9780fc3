"""Text to tokens and back."""

from collections.abc import Sequence
from typing import Any


class Tokenizer:
    """Of one model: `encode` and `decode`. Made by `from_gguf`, or plain bytes without a library.

    library   a `tokenizers.Tokenizer`, or None: then each byte of UTF-8 is a token
    """

    def __init__(self, library: Any = None) -> None:
        self._library = library

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text."""
        if self._library is None:
            return list(text.encode())
        return self._library.encode(text).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of some tokens; anything but a whole character becomes a replacement sign."""
        if self._library is None:
            return bytes(tokens).decode(errors="replace")
        return self._library.decode([int(token) for token in tokens], skip_special_tokens=False)


def from_gguf(tokens: Sequence[str], merges: Sequence[str]) -> Tokenizer:
    """Byte-pair encoding as SmolLM's: each digit alone, then GPT-2's bytes; tokens `<|...` whole.

    tokens   of the vocabulary, in order; merges   pairs with a space between, the earliest first

    Raises ImportError where the library `tokenizers` is missing.
    """
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    numbers = {token: number for number, token in enumerate(tokens)}
    pairs = [tuple(merge.split(" ")) for merge in merges]
    library = tokenizers.Tokenizer(models.BPE(vocab=numbers, merges=pairs))
    library.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])  # fmt: skip
    library.decoder = decoders.ByteLevel()
    library.add_special_tokens([token for token in tokens if token.startswith("<|")])
    return Tokenizer(library)
