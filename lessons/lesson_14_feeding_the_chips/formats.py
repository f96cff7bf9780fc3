"""One picture in several formats: how many bytes each takes, and what it costs to decode."""

import io
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 375, 500  # of many of ImageNet's pictures


def photo(seed: int = 0) -> np.ndarray:
    """Something like a photo, 375 x 500 x 3 bytes: smooth shapes, edges and a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    layers = []
    for _ in range(3):
        fx, fy, phase = rng.uniform(1, 5), rng.uniform(1, 5), rng.uniform(0, 6)
        smooth = 128 + 60 * np.sin(6 * (fx * rows + fy * columns) + phase)
        smooth[(rows - 0.5) ** 2 + (columns - 0.4) ** 2 < 0.06] += 50
        layers.append(smooth + rng.normal(0, 6, rows.shape))
    return np.clip(np.stack(layers, axis=-1), 0, 255).astype(np.uint8)


def formats(picture: np.ndarray) -> dict[str, tuple[bytes, Callable[[bytes], np.ndarray]]]:
    """Name -> the picture's bytes in that format, and what makes an array of them again."""
    return {
        "raw": (picture.tobytes(), _from_raw),
        "zlib (npz)": (_zipped(picture), _from_zipped),
        "PNG": (_image(picture, "PNG"), _from_image),
        "JPEG": (_image(picture, "JPEG", quality=90), _from_image),
    }


def _from_raw(data):
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def _zipped(picture):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, picture)
    return buffer.getvalue()


def _from_zipped(data):
    return np.load(io.BytesIO(data))["arr_0"]


def _image(picture, name, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, name, **options)
    return buffer.getvalue()


def _from_image(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def packed(samples: Sequence[bytes]) -> tuple[io.BytesIO, list[int]]:
    """A shard: all samples one after the other, and where each begins and the last ends."""
    offsets = list(itertools.accumulate(map(len, samples), initial=0))
    return io.BytesIO(b"".join(samples)), offsets
