"""How kernels are compiled, when that is worth it, and how their work is spread over threads.

A kernel is a plain function with a mark. Python runs it as it stands where there is little to do:
loading a compiler takes longer than many a call. For more, `compiled` makes machine code of it,
and of all kernels that it calls, out of the same source (`_program`), by LLVM; the code is kept on
disk.

Compiled kernels release the interpreter's lock and are called from plain threads on slices of the
rows.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cpecgeo.errors import CpecgeoWarning, InputError

__all__ = ["Kernel", "always_compile", "choose", "compiled", "kernel", "plain", "spread", "threads"]

Kernel = Callable[..., Any]
_K = TypeVar("_K", bound=Kernel)

# Of many rows at most so many slices are made, enough for the slow ones not to hold up the rest.
_SLICES = 2_000
_MARK = "compiles_with"
_DIGEST = 32  # bytes ahead of machine code on disk
# Steps that Python may take in place of compiled code before that is loaded: some 0.1 s.
_PLAIN_STEPS = 20_000
_ONE_AT_A_TIME = threading.RLock()


def kernel(signature: str = "", *, inline: bool = False) -> Callable[[_K], _K]:
    """Mark a function as a kernel.

    Parameters
    ----------
    signature : str
        A word for each parameter, see `_program`; of kernels that are called from Python. Others
        have the types of their callers.
    inline : bool
        Whether its code is put in place of calls.
    """

    def mark(function: _K) -> _K:
        setattr(function, _MARK, (signature, inline))
        return function

    return mark


@lru_cache(maxsize=256)
def compiled(function: Kernel) -> Kernel:
    """Return a kernel as machine code, which is kept on disk where there is a folder for it.

    Where there is no compiler it stays as it stands.
    """
    from cpecgeo.geodesy._program import parameters

    types = parameters(getattr(function, _MARK)[0])
    with _ONE_AT_A_TIME:  # of several threads that need it first
        try:
            return _bound(function.__name__, types, _loaded(_machine_code(function, types)))
        except (ImportError, OSError, RuntimeError) as error:
            _say_slow(" ".join(str(error).split())[:120])
            return plain(function)


@lru_cache(maxsize=1)
def _say_slow(why: str) -> None:
    """Say once that there is no compiler."""
    warnings.warn(
        f"llvmlite can't be used here ({why}): large questions are answered by Python alone, the "
        "same and some hundred times slower. Install llvmlite again, for this machine and Python.",
        CpecgeoWarning,
        stacklevel=2,
    )


def _machine_code(function: Kernel, types: list[tuple[str, int]]) -> bytes:
    """Return a kernel's machine code, from disk or made now."""
    import hashlib

    name = f"{function.__name__}-{_fingerprint(function.__module__)}.kernel"
    for folder in _folders():
        try:
            kept = (folder / name).read_bytes()
        except OSError:
            continue
        if kept[:_DIGEST] == hashlib.sha256(kept[_DIGEST:]).digest():
            return kept[_DIGEST:]
    code = _made(function, types)
    _keep(name, hashlib.sha256(code).digest() + code)
    return code


def _keep(name: str, content: bytes) -> None:
    """Write a file into the first folder that takes it."""
    for folder in _folders():
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / name, content)
            return


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    import tempfile

    file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)  # noqa: SIM115 - moved
    part = Path(file.name)
    try:
        with file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _folders() -> list[Path]:
    """Return where machine code may be kept: beside Python's own bytecode, else the user's cache.

    Nowhere but in ``CPECGEO_KERNELS`` where that is set.
    """
    from importlib.util import cache_from_source

    from platformdirs import user_cache_path

    chosen = os.environ.get("CPECGEO_KERNELS")
    if chosen:
        return [Path(chosen)]
    folders = [Path(cache_from_source(__file__)).parent]
    try:
        folders.append(user_cache_path("cpecgeo") / "kernels")
    except RuntimeError:  # nobody's home
        return folders
    return folders


@lru_cache(maxsize=8)
def _fingerprint(module: str) -> str:
    """Return a fingerprint of all kernels, the compiler, and the processor."""
    import hashlib

    import llvmlite
    import llvmlite.binding as llvm

    own = sorted(Path(__file__).parent.glob("*.py"))
    if module.rpartition(".")[0] != __package__:
        own.append(Path(str(sys.modules[module].__file__)))
    told = (llvmlite.__version__, llvm.llvm_version_info, *_processor())
    parts = [repr(told).encode(), *(path.read_bytes() for path in own)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _processor() -> tuple[str, str, str]:
    """Return the kind of machine, the processor's name, and what it can do."""
    import llvmlite.binding as llvm

    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM doesn't know how to ask
        features = ""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def _machine() -> Any:
    """Return LLVM's description of this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, cpu, features = _processor()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


def _made(function: Kernel, types: list[tuple[str, int]]) -> bytes:
    """Return a kernel's machine code, made now."""
    from cpecgeo.geodesy._program import Program

    return _emitted(Program(function, types, _attributes).text, _machine())


def _emitted(text: str, machine: Any) -> bytes:
    """Return a program as machine code of a machine."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _attributes(function: Kernel) -> str:
    """Return what LLVM is told of a kernel."""
    return "alwaysinline" if getattr(function, _MARK)[1] else ""


def _loaded(code: bytes) -> Any:
    """Load machine code; return what holds it and where it begins."""
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, engine.get_function_address("kernel")


def _bound(name: str, types: list[tuple[str, int]], loaded: Any) -> Kernel:
    """Return what calls machine code with Python's values, without the interpreter's lock."""
    import ctypes
    import struct

    engine, address = loaded
    run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_char_p)(address)
    words = [("q" * (1 + n) if n else "d" if item == "f8" else "q") for item, n in types]
    pack = struct.Struct("=" + "".join(words)).pack
    wanted = [(np.dtype(item.replace("b1", "?")), n) for item, n in types]

    def call(*values: Any) -> int:
        flat: list[Any] = []
        for value, (dtype, dimensions) in zip(values, wanted, strict=True):
            if not dimensions:
                flat.append(value)
                continue
            if value.dtype != dtype or value.ndim != dimensions or not value.flags.c_contiguous:
                raise TypeError(f"{name}: {value.dtype} of {value.ndim} dimensions")
            flat.append(value.__array_interface__["data"][0])
            flat += value.shape
        told: int = run(pack(*flat))
        return told

    call.engine = engine  # type: ignore[attr-defined] # which lives as long
    return call


class _Patience:
    """How many steps Python may still take in place of compiled code, in this process."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, steps: int) -> bool:
        """Take some of them; False where they are used up."""
        self.left -= steps
        return self.left >= 0


_PATIENCE = _Patience(_PLAIN_STEPS)


def always_compile() -> None:
    """Run no kernel as it stands from now on, in this process.

    Python and compiled code differ by rounding, so bytes of a run over many batches would depend
    on what the process had measured before.
    """
    _PATIENCE.left = 0


def choose(function: Kernel, steps: int, many: Kernel | None = None) -> Kernel:
    """Return a kernel for some work: as it stands while that is quicker, else compiled.

    Parameters
    ----------
    function : kernel
    steps : int
        About how many points are to be measured to a segment.
    many : kernel, optional
        Takes the place of `function` where that would be compiled: the same with more to prepare.

    Returns
    -------
    callable
        Both give the same, to the rounding of earth-centred coordinates, which is a nanometre.
    """
    return plain(function) if _PATIENCE.take(steps) else compiled(many or function)


def plain(function: Kernel) -> Kernel:
    """Return a kernel as Python runs it; numbers out of memory views are quicker than numpy's."""

    def run(*values: Any) -> Any:
        views = (v.data if isinstance(v, np.ndarray) else v for v in values)
        with np.errstate(all="ignore"):  # as compiled code does
            return function(*views)

    return run


def threads() -> int:
    """Return how many processors this process may use; CPECGEO_THREADS lowers it.

    Raises
    ------
    InputError
        CPECGEO_THREADS is no whole number.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    stated = os.environ.get("CPECGEO_THREADS", "")
    try:
        most = int(stated or "1024")
    except ValueError:
        raise InputError(
            f"The environment variable CPECGEO_THREADS is {stated!r}; give a whole number of "
            "threads, such as 2."
        ) from None
    return max(1, min(allowed or 1, most))


def spread(work: Callable[[int, int], Any], rows: int, *, least: int = 2_000) -> None:
    """Call `work(first, last)` on slices of `rows`, on as many threads as are worth it.

    The slices don't depend on how many processors there are, so neither does the answer:
    between equally near targets a search may prefer what it found for the point before.
    """
    size = max(least, rows // _SLICES)
    slices = list(pairwise([*range(0, rows, size), rows]))
    count = min(threads(), len(slices))
    if count <= 1:
        for first, last in slices:
            work(first, last)
        return
    with ThreadPoolExecutor(count) as pool:
        for job in [pool.submit(work, a, b) for a, b in slices]:
            job.result()
