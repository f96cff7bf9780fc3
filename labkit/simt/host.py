"""The host's side: device arrays, streams and events. Everything happens at once and in order."""

import contextlib
import time

import numpy as np

from labkit.simt.device import current_device
from labkit.simt.lanes.dtypes import as_dtype
from labkit.simt.lanes.unfilled import Unfilled


class DeviceArray:
    """An array in the memory of the (simulated) device: `copy_to_host()` brings it back.

    unfilled   which bytes were never written; None where that is not known, or all were
    """

    __array_priority__ = 100

    def __init__(self, host, unfilled=None):
        self.host, self.unfilled = host, unfilled

    def __getattr__(self, name):
        if name in ("shape", "strides", "dtype", "size", "ndim", "nbytes"):
            return getattr(self.host, name)
        raise AttributeError(f"A device array has no {name}: copy_to_host() gives a NumPy array.")

    def __len__(self):
        return len(self.host)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.host, dtype=dtype)

    def __getitem__(self, index):
        found = self.host[index]
        return DeviceArray(found, self.unfilled) if isinstance(found, np.ndarray) else found

    def __setitem__(self, index, value):
        self.host[index] = getattr(value, "host", value)
        if self.unfilled is not None:
            self.unfilled.fill(self.host, index)

    def __repr__(self):
        return f"<device array of {self.shape} {self.dtype}>"

    def copy_to_host(self, ary=None, stream=0):
        """A copy on the host, in `ary` if given."""
        if ary is None:
            return self.host.copy()
        if ary.shape != self.shape or ary.dtype != self.dtype:
            raise ValueError(
                f"The array to copy to is {ary.shape} {ary.dtype}, the device's is {self.shape} "
                f"{self.dtype}."
            )
        ary[...] = self.host
        return ary

    def copy_to_device(self, ary, stream=0):
        """Overwrite with an array of the host or the device."""
        ary = np.asarray(getattr(ary, "host", ary))
        if ary.shape != self.shape:
            raise ValueError(
                f"An array of {ary.shape} does not fit a device array of {self.shape}."
            )
        self[...] = ary

    def is_c_contiguous(self):
        return self.host.flags.c_contiguous

    def is_f_contiguous(self):
        return self.host.flags.f_contiguous

    def split(self, section, stream=0):
        return [self[n : n + section] for n in range(0, len(self), section)]

    def _seen(name):  # noqa: N805 (it makes the methods below)
        return lambda self, *args, **how: DeviceArray(
            getattr(self.host, name)(*args, **how), self.unfilled
        )

    reshape, ravel, view, transpose = map(_seen, ("reshape", "ravel", "view", "transpose"))
    T = property(transpose)


def to_device(obj, stream=0, copy=True, to=None):
    """Copy an array to the device, into `to` if given."""
    if to is not None:
        to.copy_to_device(obj)
        return to
    return DeviceArray(np.array(getattr(obj, "host", obj), order="K"))


def device_array(shape, dtype=np.float64, strides=None, order="C", stream=0):
    """An array on the device, uninitialised: filled with ones in every bit, NaN for floats."""
    host = pinned_array(shape, dtype, strides, order)
    return DeviceArray(host, Unfilled(host) if host.flags.forc else None)


def device_array_like(ary, stream=0):
    order = "F" if ary.ndim > 1 and np.asarray(ary).flags.fnc else "C"
    return device_array(ary.shape, ary.dtype, order=order)


def pinned_array(shape, dtype=np.float64, strides=None, order="C", **how):
    """An ordinary host array, as page locking and mapping have no meaning here; uninitialised."""
    array = np.ndarray(shape, as_dtype(dtype), strides=strides, order=order)
    if array.size and strides is None and not array.dtype.hasobject:
        array.reshape(-1, order=order).view(np.uint8).fill(0xFF)
    return array


def pinned_array_like(ary, **how):
    return np.empty_like(ary)


managed_array = mapped_array = pinned_array
mapped_array_like = pinned_array_like


class Stream:
    """A queue of work, which here is done as it is put in."""

    def synchronize(self):
        pass

    @contextlib.contextmanager
    def auto_synchronize(self):
        yield self

    def add_callback(self, callback, arg=None):
        callback(self, 0, arg)


class Event:
    """A mark in a stream; times are those of the executor on this machine, never of a GPU."""

    def __init__(self, timing=True):
        self.at_s = None

    def record(self, stream=0):
        self.at_s = time.perf_counter()

    def query(self):
        return True

    def synchronize(self):
        pass

    def wait(self, stream=0):
        pass

    def elapsed_time(self, other):
        """Milliseconds from this event to another, both recorded."""
        if self.at_s is None or other.at_s is None:
            raise RuntimeError("Record both events before asking for the time between them.")
        return (other.at_s - self.at_s) * 1e3


class _Devices:
    """The devices: one, which `lk.cuda_device(name)` chooses."""

    current = property(lambda self: current_device())

    def __len__(self):
        return 1

    def __getitem__(self, number):
        return select_device(number)

    def __iter__(self):
        return iter([current_device()])


gpus = _Devices()


@contextlib.contextmanager
def pinned(*arrays):
    yield


defer_cleanup = pinned


def stream():
    return Stream()


default_stream = legacy_default_stream = per_thread_default_stream = stream


def event(timing=True):
    return Event(timing)


def synchronize():
    pass


close = synchronize


def get_current_device():
    return current_device()


def select_device(device_id):
    if device_id != 0:
        raise IndexError(f"There is one simulated device, number 0; {device_id} does not exist.")
    return current_device()


def list_devices():
    return gpus


def is_available():
    """False: there is no GPU. Kernels run all the same."""
    return False


def detect():
    print("No GPU: kernels run on the labkit SIMT executor.")
    return True


PUBLIC = [
    name
    for name, found in list(globals().items())
    if getattr(found, "__module__", None) == __name__ and not name.startswith("_")
]
