"""Kernels as machine code against the same functions run by Python."""

import os
import subprocess
import sys
from importlib import import_module
from math import ceil, degrees, inf, radians, sqrt
from pathlib import Path
from pkgutil import iter_modules
from struct import unpack

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpecgeo import geodesy
from cpecgeo.errors import CpecgeoWarning, InputError
from cpecgeo.geodesy import _compile
from cpecgeo.geodesy._compile import compile_kernel, kernel
from cpecgeo.geodesy._program import Program, parameters
from tests.effort import tries

TABLE = np.array([[1.5, -2.0], [0.25, 8.0]])
LEAST = np.float32(0.5)
whole = st.integers(-50, 50)
real = st.floats(-1e6, 1e6)


@kernel("int, int, ints")
def integers(a, b, out):
    out[0], out[1] = a // b, a % b
    out[2] = a * b - (a + b) ** 2
    out[3] = abs(a) + int(a / b) + ceil(a / b) + round(a / b)
    out[4] = (a & 0xFFFF) | 3
    out[5] = 1 if a in (1, 3, b) else -1
    out[6] = max(a, b, 7) - min(a, b, -7)
    b += a
    out[7] = b


@kernel("float, float, flat")
def reals(x, y, out):
    out[0] = x % y
    out[1] = sqrt(abs(x)) + degrees(radians(x)) - -y
    out[2] = max(0.0, x)
    out[3] = min(y, 1)
    out[4] = x if -1.0 < x <= y != 3.0 else inf
    out[5] = float("nan") if not x < y else TABLE[1, 0] * TABLE[0, 1]
    narrow = np.float32(x) * LEAST
    out[6] = narrow
    out[7] = x / 0.0 if x else 0.0


@kernel()
def _halves(n, half, odd):
    """Return as many numbers in two tuples' order, whichever comes first."""
    if n < 0:
        return 0, 0.0
    first, second = (n, half) if not odd else (-n, n)
    return first, second


@kernel(inline=True)
def _note(out, k, value):
    out[k] = value


@kernel()
def _sum_up(held, k):
    """Take arrays and numbers from a tuple in a tuple."""
    (numbers, shift), grid = held
    return numbers[k] + shift + grid[1, k]


@kernel("ints, bools, sides, bytes, rows, int")
def loops(numbers, marks, sides, raw, rows, count):
    """Count down, skip, break, and never read beyond the end of an array."""
    own, seen = np.full(count, -1), np.zeros(4)
    grid = np.empty((2, 3), np.int64)
    for k in range(len(own) - 1, -1, -2):
        own[k] = k * k
    for i in range(2):
        for j in range(grid.shape[1]):
            grid[i, j] = 10 * i + j
    total, k = 0, 0
    while True:
        k += 1
        if k >= len(numbers) or numbers[k] == 99:
            break
        if numbers[k] < 0:
            continue
        total += numbers[k]
    for j in range(count):
        total += own[j]
    marks[0] = k < len(numbers) and numbers[k] == 99
    marks[1] |= total > 0 or marks[1]
    sides[0], sides[1] = -1, sides[2] - 1
    raw[0] = raw[1] + 1
    a, b = _halves(total, 0.5, raw[0] > 200)
    rows[0, 0], rows[0, 1], rows[1, 1] = a, b, _halves(-1, 2.0, False)[1]
    _note(seen, 2, grid[1, 2])
    rows[1, 0] = seen[2] + seen[0]
    held = numbers, count
    return total + _sum_up((held, grid), 0)


@tries(200)
@given(whole, whole.filter(bool))
def test_whole_numbers(a, b):
    one, two = np.zeros(8, np.int64), np.zeros(8, np.int64)
    integers(a, b, one)
    compile_kernel(integers)(a, b, two)
    assert one.tolist() == two.tolist()


@tries(200)
@given(real, real.filter(lambda y: abs(y) > 1e-3))
def test_real_numbers(x, y):
    one, two = np.zeros(8), np.zeros(8)
    with np.errstate(all="ignore"):
        reals(np.float64(x), y, one)
    compile_kernel(reals)(x, y, two)
    np.testing.assert_allclose(two, one, rtol=1e-13, atol=1e-9)


def test_nan_is_neither_less_nor_more():
    out = np.zeros(8)
    compile_kernel(reals)(np.nan, 2.0, out)
    assert (out[2], np.isnan(out[4]), np.isnan(out[5])) == (0.0, False, True)


@tries(100)
@given(st.lists(st.integers(-5, 5) | st.just(99), min_size=1, max_size=9), st.integers(0, 6))
def test_loops_and_arrays(numbers, count):
    told = []
    for run in (loops, compile_kernel(loops)):
        values = [
            np.array(numbers, np.int64), np.array([False, True]), np.array([3, 4, -128], np.int8),
            np.array([0, 201], np.uint8), np.zeros((2, 2)),
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            told.append((run(*values, count), *(v.tolist() for v in values)))
    # -128 - 1 wraps around in 8 bits.
    assert told[0] == told[1]


def test_an_array_of_another_type_is_refused():
    """Machine code would read what isn't there."""
    with pytest.raises(TypeError, match="integers: int32"):
        compile_kernel(integers)(1, 2, np.zeros(8, np.int32))
    with pytest.raises(TypeError, match="integers: int64"):
        compile_kernel(integers)(1, 2, np.zeros(16, np.int64)[::2])


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return a folder for machine code."""
    monkeypatch.setenv("CPECGEO_KERNELS", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def run_again():
    out = np.zeros(8, np.int64)
    compile_kernel.__wrapped__(integers)(7, 2, out)
    return out[0]


def test_machine_code_is_kept(kept, monkeypatch):
    assert run_again() == 3
    (file,) = kept.iterdir()
    monkeypatch.setattr(_compile, "_compile_now", None)  # nothing is compiled again
    assert run_again() == 3
    assert [p.name for p in kept.iterdir()] == [file.name]


@pytest.mark.parametrize("content", [b"", b"x" * 5_000])
def test_broken_machine_code_is_made_anew(kept, content):
    run_again()
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content or whole[:-1])
    assert run_again() == 3
    assert file.read_bytes() == whole


def test_machine_code_needs_no_folder(kept):
    """It is compiled for this process where it can be kept neither beside the code nor at home."""
    kept.write_text("a file where a folder should be")
    assert run_again() == 3


def test_a_disk_that_is_full_keeps_no_part(kept, monkeypatch):
    """An unfinished file is removed, and the kernel runs all the same."""

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert run_again() == 3
    assert [*kept.iterdir()] == []


def test_without_a_compiler_python_answers(kept, monkeypatch):
    """The answer is the same, with one warning."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    _compile._say_slow.cache_clear()
    with pytest.warns(CpecgeoWarning, match="llvmlite can't be used here"):
        assert run_again() == 3
    assert run_again() == 3  # and not once more, since warnings are errors here
    _compile._say_slow.cache_clear()


# What C's own library has on each system; LLVM makes one call of a sine and a cosine.
OF_C = {"sin", "cos", "asin", "atan2", "fmod", "ceil", "rint", "malloc", "calloc", "free", "memset", "memcpy",
        "memmove"}  # fmt: skip
MACHINES = {
    ("aarch64-unknown-linux-gnu", "generic"): OF_C | {"sincos"},
    ("arm64-apple-macosx12", "apple-m1"): OF_C | {"__sincos_stret", "bzero", "memset_pattern16"},
    # ELF, as MCJIT wants it; a frame of 4096 bytes or more would call `__chkstk`.
    ("x86_64-pc-windows-msvc-elf", "znver4"): OF_C,
}


@pytest.mark.parametrize(("triple", "cpu"), MACHINES)
def test_kernels_are_made_for_other_machines(triple, cpu):
    """All kernels compile, and none needs a function that a system lacks."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    machine = target.create_target_machine(cpu=cpu, opt=3, jit=True)
    rooms = [import_module(f"{geodesy.__name__}.{m.name}") for m in iter_modules(geodesy.__path__)]
    kernels = [f for room in rooms for f in vars(room).values() if _is_called(f, room)]
    assert len(kernels) >= 17
    for function in kernels:
        mark = getattr(function, _compile._MARK)[0]
        text = Program(function, parameters(mark), _compile._attributes).text
        code = _compile._emit_code(text, machine)
        missing = {name.removeprefix("_") if "apple" in triple else name for name in outside(code)}
        assert missing <= MACHINES[triple, cpu], function.__name__


def _is_called(function, room):
    mark = getattr(function, _compile._MARK, None)
    return mark is not None and mark[0] and function.__module__ == room.__name__


def outside(code):
    """Return the names that an object file, ELF or Mach-O, has from elsewhere."""
    if code[:4] == b"\x7fELF":
        (sections,), (size, count) = unpack("<Q", code[40:48]), unpack("<HH", code[58:62])
        heads = [unpack("<IIQQQQIIQQ", code[at:][:64]) for at in
                 range(sections, sections + size * count, size)]  # fmt: skip
        table = next(h for h in heads if h[1] == 2)  # of symbols
        texts, rows = heads[table[6]][4], range(table[4], table[4] + table[5], 24)
        symbols = [unpack("<IBBHQQ", code[at:][:24]) for at in rows]
        named = [at for at, _, _, where, _, _ in symbols if at and where == 0]
    else:
        at, command = 32, 0
        while command != 2:  # where the symbols are
            command, size = unpack("<II", code[at:][:8])
            first, count, texts, _ = unpack("<IIII", code[at + 8 :][:16])
            at += size
        symbols = [unpack("<IBBHQ", code[at:][:16]) for at in range(first, first + 16 * count, 16)]
        named = [at for at, kind, _, _, _ in symbols if kind & 0x0E == 0]
    return {code[texts + at :].split(b"\0")[0].decode() for at in named}


@pytest.mark.parametrize(("stated", "most"), [("", 1024), ("1", 1), ("0", 1), ("-3", 1)])
def test_the_environment_limits_threads(monkeypatch, stated, most):
    monkeypatch.setattr(_compile.os, "sched_getaffinity", lambda _: range(4), raising=False)
    monkeypatch.setenv("CPECGEO_THREADS", stated)
    assert _compile.threads() == min(4, most)


def test_no_number_of_threads_is_refused(monkeypatch):
    monkeypatch.setenv("CPECGEO_THREADS", "two")
    with pytest.raises(InputError, match="CPECGEO_THREADS is 'two'"):
        _compile.threads()


def test_without_home_and_with_read_only_packages(tmp_path):
    """What the first large call compiles isn't kept, without a warning."""
    code = (
        "import shapely; from cpecgeo import geodesy as g;"
        "line = shapely.LineString([(67, 25), (67.2, 25.1)]);"
        "print(len(g.nearest(shapely.points([(67, 24)] * 20_000), line)))"
    )
    gone = str(tmp_path / "gone")
    (tmp_path / "gone").write_text("")
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    env |= {"PYTHONPYCACHEPREFIX": gone, "HOME": gone, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        # An old geopandas imports what shapely gives up.
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code],
        check=True,
        env=env,
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("20000", "")
