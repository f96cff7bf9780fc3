"""`@triton.jit` kernels: Triton makes machine code of them, for GPUs of NVIDIA and of AMD."""

import contextlib
import importlib
import io
import linecache
import os
import re
import tempfile
from pathlib import Path

os.environ.pop("TRITON_INTERPRET", None)  # what is compiled is not interpreted
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # as without it, but without a warning
import triton
import triton.language as tl
from disassembly import disassembled, figure, reported, without_shifted_lines
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend, get_ptxas
from triton.compiler import ASTSource

WAVE_64 = ("gfx9",)  # the CDNA GPUs: 64 lanes in a warp


def compiled(job, architecture):
    """What became of a job's kernel, as plain data."""
    kernel, target = function(job["kernel"]), target_of(architecture)
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as cache, contextlib.redirect_stdout(said):
        os.environ["TRITON_CACHE_DIR"] = cache
        knobs.nvidia.dump_ptxas_log = True
        constants = {name: MAKERS[kind](*rest) for name, (kind, *rest) in job["constants"].items()}
        source = ASTSource(kernel, job["signature"], constants, attributes(job))
        made = triton.compile(source, target=target, options=job["options"])
        if target.backend == "cuda":
            cubin = Path(cache) / "kernel.cubin"
            cubin.write_bytes(made.asm["cubin"])
            text = disassembled(cubin, knobs.nvidia.nvdisasm.path)
            found = {**reported(said.getvalue()), "assembly": text}
        else:
            found = {**described(made.asm["amdgcn"]), "assembly": made.asm["amdgcn"]}
    found["shared_bytes"] = made.metadata.shared  # it is asked for when the kernel is launched
    found["threads"] = made.metadata.num_warps * target.warp_size
    return found


def make_ptx(*args, make_ptx=CUDABackend.make_ptx, **keywords):
    """Triton's PTX with the right source lines; nothing else in it is changed."""
    return without_shifted_lines(make_ptx(*args, **keywords))


CUDABackend.make_ptx = make_ptx


def target_of(architecture):
    if architecture.startswith("gfx"):
        return GPUTarget("hip", architecture, 64 if architecture.startswith(WAVE_64) else 32)
    return GPUTarget("cuda", int(architecture.removeprefix("sm_")), 32)


def attributes(job):
    return {(n,): [["tt.divisibility", 16]] for n in job["divisible_by_16"]}


def described(assembly):
    """AMD's metadata, which ends the assembly."""
    names = {
        "registers": "vgpr_count", "scalar_registers": "sgpr_count",
        "spilled_registers": "vgpr_spill_count", "local_bytes": "private_segment_fixed_size",
    }  # fmt: skip
    return {ours: figure(rf"\.{theirs}: +(\d+)", assembly) for ours, theirs in names.items()}


# A kernel of its source


def function(packed):
    """A `@triton.jit` function from its text, as if its file began with its `def`.

    LLVM gives a few instructions to another line where the line numbers are others.
    """
    text = packed["text"]
    path = f"<{packed['name']}>"
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    space = {"triton": triton, "tl": tl, "__name__": packed["module"]}
    space |= {name: MAKERS[kind](*rest) for name, (kind, *rest) in packed["names"].items()}
    exec(compile(text, path, "exec"), space)
    return triton.jit(space[packed["name"]])


def attribute(module, path):
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


MAKERS = {
    "value": lambda value: value,
    "constant": lambda value: tl.constexpr(value),
    "dtype": lambda name: tl.dtype(name),
    "module": importlib.import_module,
    "name": attribute,
    "function": function,
}


def versions(architecture):
    target = target_of(architecture)
    if target.backend != "cuda":
        return {"triton": triton.__version__}
    return {"triton": triton.__version__, "ptxas": get_ptxas(target.arch).version}


def words_of(error, job):
    """The compiler's own words about a kernel, and the line of the kernel that they are about."""
    node = getattr(error, "node", None)
    while error.__cause__ is not None:  # in a function that the kernel calls
        error = error.__cause__
    words = getattr(error, "error_message", None) or str(error) or type(error).__name__
    words = re.sub(r"^at \d+:\d+:\n.*\^\n", "", words, flags=re.DOTALL)
    lines = re.search(r"`ptxas` stderr:\n(.*?)\nRepro command", words, re.DOTALL)
    line = getattr(node, "lineno", None)
    return (lines[1] if lines else words).strip(), line and line + job["kernel"]["line"] - 1
