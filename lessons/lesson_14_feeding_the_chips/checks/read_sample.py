"""Turn 14.t1: one sample of a shard, whose file may be cut off."""

import io
import itertools

from labkit.teach.registry import always, exercise, solution

_read_sample = solution("14.t1")


def _without_a_check(file, offsets, i):
    file.seek(offsets[i])
    return file.read(offsets[i + 1] - offsets[i])


def _without_seek(file, offsets, i):
    data = file.read(offsets[i + 1] - offsets[i])
    if len(data) < offsets[i + 1] - offsets[i]:
        raise ValueError("cut off")
    return data


def _up_to_the_end(file, offsets, i):
    file.seek(offsets[i])
    data = file.read(offsets[i + 1])
    if not data:
        raise ValueError("cut off")
    return data


def _refuses_only_nothing(file, offsets, i):
    data = _without_a_check(file, offsets, i)
    if not data and offsets[i + 1] > offsets[i]:
        raise ValueError("cut off")
    return data


def _refuses_empty_samples(file, offsets, i):
    data = _read_sample(file, offsets, i)
    if not data:
        raise ValueError("nothing there")
    return data


def _padded(file, offsets, i):
    return _without_a_check(file, offsets, i).ljust(offsets[i + 1] - offsets[i], b"\0")


def _refuses_the_whole_file(file, offsets, i):
    if file.seek(0, io.SEEK_END) < offsets[-1]:
        raise ValueError("cut off")
    return _without_a_check(file, offsets, i)


def _raises_another_error(file, offsets, i):
    try:
        return _read_sample(file, offsets, i)
    except ValueError as error:
        raise EOFError from error


def _asserts(file, offsets, i):
    data = _without_a_check(file, offsets, i)
    assert len(data) == offsets[i + 1] - offsets[i]
    return data


def _reads_all(file, offsets, i):
    file.seek(0)
    data = file.read()[offsets[i] : offsets[i + 1]]
    if len(data) < offsets[i + 1] - offsets[i]:
        raise ValueError("cut off")
    return data


def _closes_the_file(file, offsets, i):
    with file:
        return _read_sample(file, offsets, i)


def _closes_a_cut_off_file(file, offsets, i):
    try:
        return _read_sample(file, offsets, i)
    except ValueError:
        file.close()
        raise


def _forgives_one_byte(file, offsets, i):
    data = _without_a_check(file, offsets, i)
    if len(data) < offsets[i + 1] - offsets[i] - 1:
        raise ValueError("cut off")
    return data


def _doubts_only_the_last(file, offsets, i):
    return (_read_sample if i == len(offsets) - 2 else _without_a_check)(file, offsets, i)


class _Shard(io.BytesIO):
    """A file in memory that counts the bytes that were read."""

    n_read = 0

    def read(self, *size):
        data = super().read(*size)
        self.n_read += len(data)
        return data


def _other_error(file, offsets, i):
    try:
        return _read_sample(file, offsets, i)
    except ValueError:
        return None


@exercise(
    "14.t1",
    title="a sample of a shard",
    wrong=[
        (always(b"sample"), "expected"),
        (_without_a_check, "without a word"),
        (_without_seek, "seek"),
        (_up_to_the_end, "how many bytes"),
        (lambda file, offsets, i: _read_sample(file, offsets, max(0, i - 1)), "another sample"),
        (_refuses_only_nothing, "without a word"),
        (_refuses_empty_samples, "may be empty"),
        (_padded, "without a word"),
        (_refuses_the_whole_file, "this sample is whole"),
        (_other_error, "returns None"),
        (_raises_another_error, "raised EOFError"),
        (_asserts, "raised AssertionError, not ValueError"),
        (_reads_all, "bytes were read"),
        (_closes_the_file, "closed"),
        (_closes_a_cut_off_file, "closed"),
        (_forgives_one_byte, "without a word"),
        (_doubts_only_the_last, "without a word"),
    ],
)
def read_sample(answer, rng):
    for _ in range(4):
        samples = [rng.randbytes(rng.randint(3, 40)) for _ in range(rng.randint(4, 8))]
        samples[rng.randrange(1, len(samples) - 1)] = b""
        offsets = list(itertools.accumulate(map(len, samples), initial=0))
        whole = b"".join(samples)
        for i in rng.sample(range(len(samples)), len(samples)):
            _one_sample(answer, whole, offsets, i, samples[i], rng)
        cut = rng.randint(offsets[-2] + 1, offsets[-1] - 1)
        _cut_off(answer, whole[:cut], offsets, len(samples) - 1)
        for i in (i for i, sample in enumerate(samples) if sample):
            _cut_off(answer, whole[: offsets[i + 1] - 1], offsets, i)
        _cut_off(answer, whole[: offsets[-2]], offsets, len(samples) - 1)
        _one_sample(answer, whole[:cut], offsets, 0, samples[0], rng)


def _one_sample(answer, data, offsets, i, right, rng):
    file = _Shard(data)
    file.seek(rng.randint(0, len(data)))  # where somebody read before
    case = f"sample {i} at the bytes {offsets[i]} to {offsets[i + 1]} of a file of {len(data)}"
    try:
        got = answer(file, offsets, i)
    except ValueError as error:
        empty = "" if right else " (a sample may be empty)"
        raise AssertionError(
            f"{case}: raised ValueError ({error}), and this sample is whole{empty}. "
            f"Did you seek to where it begins?"
        ) from None
    if got == right:
        assert not file.closed, f"{case}: the file was closed: others read more samples from it"
        assert file.n_read <= len(right), (
            f"{case}: {file.n_read} bytes were read for a sample of {len(right)}: read no others, "
            f"as a shard may be larger than the memory"
        )
        return
    assert isinstance(got, bytes), f"{case}: got {got!r}: return the bytes that you read"
    hint = "another sample, or from another place: seek to offsets[i] first"
    if len(got) > len(right) and data[offsets[i] :].startswith(got):
        hint = "read takes how many bytes to read, not where to stop: subtract the offsets"
    raise AssertionError(f"{case}: got {len(got)} bytes, expected {len(right)}: {hint}")


def _cut_off(answer, data, offsets, i):
    case = (
        f"sample {i} at the bytes {offsets[i]} to {offsets[i + 1]} of a file that ends after "
        f"{len(data)}"
    )
    file = _Shard(data)
    try:
        got = answer(file, offsets, i)
    except ValueError:
        assert not file.closed, f"{case}: the file was closed: other samples of it are whole"
        return
    except (EOFError, OSError, AssertionError) as error:
        if isinstance(error, AssertionError) and answer.raised is not error:
            raise  # what a check says of every function, such as that it returns None
        raise AssertionError(f"{case}: raised {type(error).__name__}, not ValueError") from None
    assert isinstance(got, bytes), f"{case}: got {got!r}: raise a ValueError instead"
    raise AssertionError(
        f"{case}: returned {len(got)} bytes without a word: compare how many bytes came with how "
        f"many you asked for, and raise a ValueError"
    )
