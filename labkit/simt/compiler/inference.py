"""Types by numba itself: its own inference, by the rules of its CUDA target, without a GPU.

The function is compiled anew from its syntax tree with a line number of its own for every node, so
that each statement of numba's says which node it is about. Where numba is not installed, or runs
its simulator, there are no types.
"""

import ast
import contextlib
import copy
import functools
import importlib
import threading
import types
import warnings
from unittest import mock

from labkit.simt.compiler import old_target
from labkit.simt.compiler.foreign import name_of, theirs
from labkit.simt.compiler.functions import frozen, source_of
from labkit.simt.compiler.matrices import declare
from labkit.simt.compiler.numba_modules import either, is_old

_LOCK = threading.RLock()
_RENUMBERED = "<kernel>"  # the file of a function whose line numbers are those of nodes


class RefusedError(Exception):
    """What numba refuses: its words, and the node (an index of `ast.walk`) or None."""

    def __init__(self, words, node):
        super().__init__(words)
        self.words, self.node = words, node


@functools.cache
def numba():
    """numba's modules that inference needs, or None where they are missing or simulated."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from numba.core import config

            return None if config.ENABLE_CUDASIM else _Numba()
    except ImportError:
        return None


class _Numba:
    """numba-cuda where it is installed, else the CUDA target inside numba: the modules moved."""

    def __init__(self):
        from numba import cuda
        from numba.core.target_extension import target_override
        from numba.cuda import compiler, dispatcher, target
        from numba.cuda.descriptor import cuda_target

        self.for_gpus = functools.partial(target_override, "cuda")
        self.cuda, self.compiler, self.target = cuda, compiler, cuda_target.target_context
        self.types, self.errors = either("types"), either("errors")
        self.ir, self.typed_passes = either("ir"), either("typed_passes")
        self.bytecode, self.untyped_passes = either("bytecode"), either("untyped_passes")
        self.interpreter, self.typing = either("interpreter"), either("typing")
        self.numpy = either("np.numpy_support")
        self.dispatcher = dispatcher.CUDADispatcher
        for name in ("cg", "random", "libdevice"):  # they declare what they hold
            importlib.import_module(f"numba.cuda.{name}")
        declare()
        self.context = _context(target.CUDATypingContext)()
        self.call_template = self.dispatcher.get_call_template
        self.pipeline = _pipeline(self)
        with self.for_gpus():
            self.context.refresh()


def _context(base):
    """A typing context that takes our objects for those of numba's they stand for."""
    old = is_old()

    class Writable(either("types").Array):
        """The type of a device array from outside, which unlike a NumPy array isn't a constant."""

        def copy(self, readonly=None, **changes):
            return super().copy(**changes)

    def writable(dtype, ndim):
        return Writable(dtype, ndim, "A")

    class Context(base):
        def resolve_value_type(self, found):
            if hasattr(found, "py_func"):
                found = device_of(found.py_func)
            if hasattr(found, "copy_to_host") and hasattr(found, "host"):  # a device array
                return writable(super().resolve_value_type(found.host).dtype, found.ndim)
            place = name_of(found)
            if place is not None and isinstance(theirs(found), type):  # a stub, known by its name
                return self.resolve_getattr(either("types").Module(place[0]), place[1])
            return super().resolve_value_type(theirs(found))

        def resolve_module_constants(self, found, name):
            lacking = old and old_target.module_attribute(self, numba(), found.pymod, name)
            return lacking or super().resolve_module_constants(found, name)

        def resolve_getattr(self, found, name):
            lacking = old and old_target.array_method(numba(), found, name)
            return lacking or super().resolve_getattr(found, name)

    return Context


def _compile_device(dispatcher, args, return_type=None):
    """In place of compiling a device function: numba's types of it are enough."""
    if args not in dispatcher.overloads:
        known = numba()
        with dispatcher._compiling_counter:
            inferred = _inferred(known, dispatcher.py_func, args)
        signature = known.typing.signature(inferred.return_type, *args)
        dispatcher.overloads[args] = types.SimpleNamespace(
            signature=signature, state=inferred, entry_point=dispatcher.py_func, objectmode=False,
            interpmode=False,
        )  # fmt: skip
    return dispatcher.overloads[args]


def _call_template(dispatcher, args, kws):
    """numba's own, given the arguments in order: its old target forgets to."""
    _, args = dispatcher.fold_argument_types(args, kws)
    return numba().call_template(dispatcher, tuple(args), {})


def _pipeline(known):
    compiler = known.compiler

    class Pipeline(compiler.CUDACompiler):
        """numba's passes up to its type inference, and none after it."""

        def define_pipelines(self):
            passes = compiler.PassManager("types")
            passes.passes.extend(
                compiler.DefaultPassBuilder.define_untyped_pipeline(self.state).passes
            )
            passes.add_pass(known.typed_passes.NopythonTypeInference, "type inference")
            passes.finalize()
            return [passes]

    return Pipeline


def _inferred(known, function, args):
    """The state of numba's compiler after its type inference."""
    flags = known.compiler.CUDAFlags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    pipeline = known.pipeline(known.context, known.target, None, args, None, flags, {})
    pipeline.state.func_id = known.bytecode.FunctionIdentity.from_function(function)
    pipeline.state.lifted, pipeline.state.lifted_from = (), None
    with known.for_gpus():
        known.untyped_passes.ExtractByteCode().run_pass(pipeline.state)
        (passes,) = pipeline.define_pipelines()
        passes.run(pipeline.state)
    return pipeline.state


def _keep(self, source=None, target=None):
    """In place of numba's shortening of its code."""
    return source


@contextlib.contextmanager
def _only_typing(known):
    """While types are inferred: nothing is compiled, and every load and store of a variable stays a
    statement of its own, which tells its line."""
    interpreter = known.interpreter
    with (
        _LOCK,
        warnings.catch_warnings(),
        mock.patch.object(known.dispatcher, "compile_device", _compile_device),
        mock.patch.object(known.dispatcher, "get_call_template", _call_template),
        mock.patch.object(interpreter.Interpreter, "_remove_unused_temporaries", _keep),
        mock.patch.object(interpreter.Assigner, "assign", _keep),
        mock.patch.object(type(known.target), "enable_nrt", True),  # device functions return arrays
    ):
        warnings.simplefilter("ignore")
        yield


def infer(function, args):
    """The state of numba's compiler after it inferred the types of a function: its IR, in which
    line k + 1 is node k of `ast.walk(source_of(function))`, and the type of each variable.

    Raises RefusedError.

    args   numba's types of the arguments
    """
    known = numba()
    try:
        with _only_typing(known):
            return _compile_device(device_of(function), tuple(args)).state
    except Exception as error:  # numba has many ways to say no
        raise RefusedError(*_words(error)) from None


@functools.lru_cache(maxsize=1024)
def device_of(function):
    """numba's device function of a Python function, for its types alone."""
    if function.__code__.co_filename == _RENUMBERED:  # an inner function that is handed on
        made = function
    else:
        made = renumbered(function, source_of(function), frozen(function))
    return numba().dispatcher(made, {"device": True})


def renumbered(function, node, outside):
    """The function compiled from its tree, line k being node k of `ast.walk(node)`."""
    tree = copy.deepcopy(node)
    for number, part in enumerate(ast.walk(tree)):
        if isinstance(part, ast.arg):
            part.annotation = None
        if hasattr(part, "lineno"):
            part.lineno = part.end_lineno = number + 1
            part.col_offset, part.end_col_offset = 0, 1
    if isinstance(tree, ast.Lambda):
        module = compile(ast.Expression(tree), _RENUMBERED, "eval")
    else:
        arguments, tree.decorator_list, tree.returns = tree.args, [], None
        arguments.defaults = [ast.copy_location(ast.Constant(0), tree) for _ in arguments.defaults]
        module = compile(ast.Module([tree], []), _RENUMBERED, "exec")
    (code,) = [part for part in module.co_consts if isinstance(part, types.CodeType)]
    space = {"__builtins__": __builtins__, "__name__": function.__module__, **outside}
    return types.FunctionType(code, space, function.__name__, function.__defaults__)


def _words(error):
    """-> (what numba says, the index of the node or None)."""
    location, number = getattr(error, "loc", None), None
    if getattr(location, "filename", None) == _RENUMBERED:
        number = location.line - 1
    return str(getattr(error, "msg", None) or error), number
