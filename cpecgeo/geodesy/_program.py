"""Kernels as programs in the language of LLVM: statements, and functions that call one another.

A kernel may use these parts of Python: numbers, arrays and tuples (`_expressions`), loops,
conditions, and calls of other kernels. A variable has one type, the widest of the values assigned
to it. A kernel creates each of its arrays once. An array argument that it writes to overlaps no
other argument. A tuple of at least two arrays and numbers may be an argument too, and tuples of
these; a name of a tuple always means the same one.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from cpecgeo.geodesy._expressions import (
    ITEMS,
    KINDS,
    Array,
    Expressions,
    Number,
    Type,
    Value,
    to_number,
    widest,
)

__all__ = ["Program", "parameters"]

_BYTES = {"f8": 8, "f4": 4, "i8": 8, "b1": 1, "i1": 1, "u1": 1}
_DTYPES = {np.int64: "i8", np.float32: "f4", np.float64: "f8", np.bool_: "b1"}
_IN_PLACE = 16  # items; for more of the stack Windows needs a special call
# Words of signatures: type of items, and dimensions, 0 for a number.
_WORDS = {
    "float": ("f8", 0), "int": ("i8", 0), "flat": ("f8", 1), "rows": ("f8", 2), "fans": ("f8", 3),
    "ints": ("i8", 1), "table": ("i8", 2), "bools": ("b1", 1), "sides": ("i1", 1),
    "bytes": ("u1", 1),
}  # fmt: skip
_HEAD = """
declare double @llvm.sqrt.f64(double)
declare float @llvm.sqrt.f32(float)
declare double @llvm.fabs.f64(double)
declare double @llvm.ceil.f64(double)
declare double @llvm.rint.f64(double)
declare i64 @llvm.abs.i64(i64, i1)
declare double @sin(double) nounwind willreturn memory(none)
declare double @cos(double) nounwind willreturn memory(none)
declare double @asin(double) nounwind willreturn memory(none)
declare double @atan2(double, double) nounwind willreturn memory(none)
declare noalias ptr @malloc(i64)
declare void @free(ptr)
"""


def parameters(signature: str) -> list[Type]:
    """Return type of items and dimensions of each parameter of a kernel that Python calls."""
    return [_WORDS[word.strip()] for word in signature.split(",")]


@lru_cache(maxsize=32)
def _sources(module: str) -> dict[str, ast.FunctionDef]:
    """Return the syntax trees of a module's functions."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


class Program:
    """A kernel that Python calls, with all kernels that it calls.

    Parameters
    ----------
    function : kernel
    types : list
        Type of items and dimensions of its parameters.
    attributes : callable
        Takes a kernel and returns its attributes for LLVM.
    """

    def __init__(self, function: Any, types: list[Type], attributes: Callable[[Any], str]) -> None:
        self.attributes = attributes
        self.made: dict[tuple[str, str, tuple[Type, ...]], Function] = {}
        self.constants: list[str] = []
        self._entry = _entry(self.call(function, tuple(types)))

    @property
    def text(self) -> str:
        """The program's text; its `kernel` takes the arguments in a row, 8 bytes each."""
        parts = [_HEAD, *self.constants, *(f.text for f in self.made.values()), self._entry]
        return "\n".join(parts)

    def call(self, function: Any, types: tuple[Type, ...]) -> Function:
        """Return a kernel translated for arguments of some types."""
        key = (function.__module__, function.__name__, types)
        if key not in self.made:
            made = Function(self, function, types, f"@{function.__name__}.{len(self.made)}")
            self.made[key] = made
            made.settle()
        return self.made[key]

    def constant(self, values: Any) -> Array:
        """Put an array of numbers into the program."""
        name = f"@constant.{len(self.constants)}"
        flat = ", ".join(f"double {to_number(float(v)).text}" for v in values.ravel())
        self.constants.append(f"{name} = private constant [{values.size} x double] [{flat}]")
        return Array("f8", name, tuple(str(n) for n in values.shape))


def _entry(function: Function) -> str:
    """Return the function that Python calls; it loads the arguments from memory."""
    lines, given, slot = ["define i64 @kernel(ptr %all) nounwind {"], [], 0
    for item, dimensions in function.types:
        for kind in ["ptr", *["i64"] * dimensions] if dimensions else [KINDS[item]]:
            lines.append(f"  %p{slot} = getelementptr inbounds i64, ptr %all, i64 {slot}")
            lines.append(f"  %a{slot} = load {kind}, ptr %p{slot}")
            given.append(f"{kind} %a{slot}")
            slot += 1
    called = f"call {function.returned} {function.name}({', '.join(given)})"
    is_number = function.returned == "i64"
    lines += [f"  %r = {called}", "  ret i64 %r"] if is_number else [f"  {called}", "  ret i64 0"]
    return "\n".join([*lines, "}", ""])


def _type_of(value: Value) -> Type:
    """Return the type of an argument."""
    if isinstance(value, tuple):
        return tuple(_type_of(v) for v in value)
    return (value.item, len(value.shape)) if isinstance(value, Array) else (value.kind, 0)


def _arguments(value: Value) -> list[str]:
    """Return an argument as LLVM takes it: each array with its shape, tuples item by item."""
    if isinstance(value, tuple):
        return [word for v in value for word in _arguments(v)]
    if isinstance(value, Array):
        return [f"ptr {value.pointer}", *(f"i64 {size}" for size in value.shape)]
    return [f"{KINDS[value.kind]} {value.text}"]


def _parameter(name: str, kind: Type, given: list[str]) -> Value:
    """Return a parameter as a value, and add what LLVM takes for it to `given`."""
    item, dimensions = kind[:2]
    if not isinstance(item, str):
        return tuple(_parameter(f"{name}.{k}", part, given) for k, part in enumerate(kind))
    if not dimensions:
        given.append(f"{KINDS[item]} {name}")
        return Number(item, name)
    shape = tuple(f"{name}.{k}" for k in range(dimensions))
    given += [f"ptr noalias {name}", *(f"i64 {size}" for size in shape)]
    return Array(item, name, shape)


class Function(Expressions):
    """A kernel translated for arguments of some types."""

    def __init__(self, program: Program, function: Any, types: tuple[Type, ...], name: str) -> None:
        self._program, self.types, self.name = program, types, name
        self.text = ""
        self.result: list[str] | None = None
        self.is_tuple = False
        self.scope = vars(sys.modules[function.__module__])
        self.local = set(function.__code__.co_varnames)
        self.kinds: dict[str, str] = {}
        self._node = _sources(function.__module__)[function.__name__]
        self._names = [a.arg for a in self._node.args.args]
        self._attributes = program.attributes(function)

    @property
    def returned(self) -> str:
        """LLVM's type of the result."""
        if self.result is None:
            return "void"
        words = [KINDS[kind] for kind in self.result]
        return f"{{ {', '.join(words)} }}" if self.is_tuple else words[0]

    def settle(self) -> None:
        """Write the text; repeat until no variable needs a wider type."""
        before: object = None
        while before != (before := (dict(self.kinds), self.result)):
            self.text = self._text()

    def of_kernel(self, function: Any, values: Sequence[Value]) -> Value:
        """Call another kernel; return its result."""
        given = [word for v in values for word in _arguments(v)]
        callee = self._program.call(function, tuple(_type_of(v) for v in values))
        text = f"call {callee.returned} {callee.name}({', '.join(given)})"
        if callee.result is None:
            self.do(text)
            return ()
        result = self.put(text)
        if not callee.is_tuple:
            return Number(callee.result[0], result)
        return tuple(
            Number(kind, self.put(f"extractvalue {callee.returned} {result}, {k}"))
            for k, kind in enumerate(callee.result)
        )

    def new_array(self, function: Any, given: Sequence[ast.expr]) -> Array:
        """Create an array: on the stack where it is known to be small, else on the heap."""
        fill = to_number(0.0) if function is np.zeros else None
        item, rest = "f8", given[1:]
        if function is np.full:
            fill, rest = self.value(given[1]), given[2:]
            item = fill.kind
        item = _DTYPES[self.static(rest[0])] if rest else item
        sizes = given[0].elts if isinstance(given[0], ast.Tuple) else [given[0]]
        shape = tuple(self.convert(self.value(n), "i8") for n in sizes)
        fixed = self.static(given[0])
        total = "" if fixed is None else str(int(np.prod(fixed)))
        if total and int(total) <= _IN_PLACE:
            pointer = f"%.a{len(self.entry)}"
            self.entry.append(f"  {pointer} = alloca [{total} x {ITEMS[item]}], align 64")
        else:
            total = shape[0]
            for size in shape[1:]:
                total = self.put(f"mul nsw i64 {total}, {size}")
            keep = f"%.a{len(self.entry)}"
            self.entry += [f"  {keep} = alloca ptr", f"  store ptr null, ptr {keep}"]
            size = self.put(f"mul nsw i64 {total}, {_BYTES[item]}")
            pointer = self.put(f"call ptr @malloc(i64 {size})")
            self.do(f"store ptr {pointer}, ptr {keep}")
            self.heap.append(keep)
        array = Array(item, pointer, shape)
        if fill is not None:
            self._fill(array, total, self.convert(fill, item))
        return array

    def _fill(self, array: Array, total: str, text: str) -> None:
        before, head, body, out = self.block, self.fresh(), self.fresh(), self.fresh()
        more, word = self.fresh(), ITEMS[array.item]
        self.do(f"br label {head}")
        self.place(head)
        k = self.put(f"phi i64 [ 0, {before} ], [ {more}, {body} ]")
        self.do(f"br i1 {self.put(f'icmp slt i64 {k}, {total}')}, label {body}, label {out}")
        self.place(body)
        at = self.put(f"getelementptr inbounds {word}, ptr {array.pointer}, i64 {k}")
        self.do(f"store {word} {text}, ptr {at}")
        self.do(f"{more} = add nsw i64 {k}, 1")
        self.do(f"br label {head}")
        self.place(out)

    def constant(self, values: Any) -> Array:
        """Return an array of the module, whose numbers never change."""
        return self._program.constant(values)

    def _text(self) -> str:
        self.lines, self.entry, self.heap = [], [], []
        self.arrays, self.count, self.block = {}, 0, "%start"
        self._loops: list[tuple[str, str]] = []  # labels for `continue` and `break`
        given: list[str] = []
        for name, kind in zip(self._names, self.types, strict=True):
            self._assign(ast.Name(name), _parameter(f"%p.{name}", kind, given))
        self._body(self._node.body)
        self._leave(())
        places = [f"  %v.{name} = alloca {KINDS[kind]}" for name, kind in self.kinds.items()]
        head = f"define internal {self.returned} {self.name}({', '.join(given)})"
        entry = [f"{head} nounwind {self._attributes} {{", "entry:", *places, *self.entry]
        return "\n".join([*entry, "  br label %start", "start:", *self.lines, "}", ""])

    def _body(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            getattr(self, f"_do_{type(node).__name__.lower()}")(node)

    def _do_expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):  # not its docstring
            self.value(node.value)

    def _do_assign(self, node: ast.Assign) -> None:
        self._assign(node.targets[0], self.value(node.value))

    def _do_augassign(self, node: ast.AugAssign) -> None:
        self._assign(node.target, self.value(ast.BinOp(node.target, node.op, node.value)))

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Tuple):
            for part, of_it in zip(target.elts, value, strict=True):
                self._assign(part, of_it)
        elif isinstance(target, ast.Subscript):
            self.write(self.value(target.value), target.slice, value)
        elif isinstance(target, ast.Name) and isinstance(value, (Array, tuple)):
            self.arrays[target.id] = value
        elif isinstance(target, ast.Name):
            if target.id in self.arrays:
                raise TypeError(f"{self.name}: {target.id} is an array, and a number elsewhere")
            kind = widest(value.kind, self.kinds.get(target.id, value.kind))
            self.kinds[target.id] = kind
            self.do(f"store {KINDS[kind]} {self.convert(value, kind)}, ptr %v.{target.id}")

    def _do_if(self, node: ast.If) -> None:
        yes, no, join = self.fresh(), self.fresh(), self.fresh()
        self.branch(node.test, yes, no)
        for label, nodes in ((yes, node.body), (no, node.orelse)):
            self.place(label)
            self._body(nodes)
            self.do(f"br label {join}")
        self.place(join)

    def _do_while(self, node: ast.While) -> None:
        head, body, out = self.fresh(), self.fresh(), self.fresh()
        self.do(f"br label {head}")
        self.place(head)
        self.branch(node.test, body, out)
        self._turn(node.body, body, head, out)

    def _turn(self, nodes: list[ast.stmt], body: str, onward: str, out: str) -> None:
        """Write the body of a loop."""
        self.place(body)
        self._loops.append((onward, out))
        self._body(nodes)
        self._loops.pop()
        self.do(f"br label {onward}")
        self.place(out)

    def _do_for(self, node: ast.For) -> None:
        given = node.iter.args  # type: ignore[attr-defined]
        values = [self.convert(self.value(a), "i8") for a in given[:2]]
        first, last = values if len(values) == 2 else ("0", values[0])
        step = self.static(given[2]) if len(given) == 3 else 1
        head, body, onward, out = (self.fresh() for _ in range(4))
        counter = f"%.c{len(self.entry)}"
        self.entry.append(f"  {counter} = alloca i64")
        self.do(f"store i64 {first}, ptr {counter}")
        self.do(f"br label {head}")
        self.place(head)
        at = self.put(f"load i64, ptr {counter}")
        more = self.put(f"icmp {'slt' if step > 0 else 'sgt'} i64 {at}, {last}")
        self.do(f"br i1 {more}, label {body}, label {out}")
        self.place(onward)
        at = self.put(f"load i64, ptr {counter}")
        self.do(f"store i64 {self.put(f'add nsw i64 {at}, {step}')}, ptr {counter}")
        self.do(f"br label {head}")
        self.place(body)
        self._assign(node.target, Number("i8", self.put(f"load i64, ptr {counter}")))
        self._turn(node.body, self._onward(), onward, out)

    def _onward(self) -> str:
        """Return the label of the block that comes next."""
        label = self.fresh()
        self.do(f"br label {label}")
        return label

    def _do_continue(self, _: ast.Continue) -> None:
        self._jump(self._loops[-1][0])

    def _do_break(self, _: ast.Break) -> None:
        self._jump(self._loops[-1][1])

    def _jump(self, label: str) -> None:
        self.do(f"br label {label}")
        self.place(self.fresh())  # never reached

    def _do_return(self, node: ast.Return) -> None:
        value = self.value(node.value) if node.value else ()
        if node.value:
            self.is_tuple = isinstance(value, tuple)
        self._leave(value if isinstance(value, tuple) else (value,))
        self.place(self.fresh())

    def _leave(self, values: tuple[Number, ...]) -> None:
        """Write the return of some values, or of none."""
        if not values and self.result is not None:
            self.do("unreachable")
            return
        if values:
            kinds = [v.kind for v in values]
            self.result = [widest(a, b) for a, b in zip(self.result or kinds, kinds, strict=True)]
        for keep in self.heap:
            self.do(f"call void @free(ptr {self.put(f'load ptr, ptr {keep}')})")
        if not values:
            self.do("ret void")
            return
        kinds = self.result or []
        texts = [self.convert(v, kind) for v, kind in zip(values, kinds, strict=True)]
        if not self.is_tuple:
            self.do(f"ret {self.returned} {texts[0]}")
            return
        whole = "undef"
        for k, (kind, text) in enumerate(zip(kinds, texts, strict=True)):
            whole = self.put(f"insertvalue {self.returned} {whole}, {KINDS[kind]} {text}, {k}")
        self.do(f"ret {self.returned} {whole}")
