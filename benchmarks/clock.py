"""Time a call, the same way for everybody: best of several."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

REPEATS = 3
ENOUGH = 12.0  # seconds after which a call isn't repeated


def best(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Seconds of the fastest of some runs, and the last result; slow calls run less often."""
    seconds, spent, result = float("inf"), 0.0, None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        took = time.perf_counter() - start
        seconds, spent = min(seconds, took), spent + took
        if spent > ENOUGH:
            break
    return seconds, result


def processor(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Processor seconds of the cheapest of some runs, all threads counted, and the last result."""
    seconds, spent, result = float("inf"), 0.0, None
    for _ in range(repeats):
        start, wall = time.process_time(), time.perf_counter()
        result = call()
        seconds = min(seconds, time.process_time() - start)
        spent += time.perf_counter() - wall
        if spent > ENOUGH:
            break
    return seconds, result


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold cpecgeo to one thread."""
    before = os.environ.get("CPECGEO_THREADS")
    os.environ["CPECGEO_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CPECGEO_THREADS"]
        else:
            os.environ["CPECGEO_THREADS"] = before


def number(value: float) -> str:
    """A figure with three digits that count."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def length(metres: float) -> str:
    """A length in the unit that reads well."""
    for unit, size in (("km", 1e3), ("m", 1.0), ("mm", 1e-3), ("µm", 1e-6)):
        if metres >= size:
            return f"{metres / size:.3g} {unit}"
    return f"{metres / 1e-9:.2g} nm"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(r) + " |" for r in lines) + "\n"
