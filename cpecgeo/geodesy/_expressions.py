"""Expressions of kernels in the language of LLVM.

There are numbers (of 64, 32 or 1 bits), contiguous arrays, and tuples of these. Indices are never
negative. A name is a variable of the function or a constant of its module.
"""

from __future__ import annotations

import ast
import builtins
import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ITEMS", "KINDS", "Array", "Expressions", "Number", "Type", "Value", "to_number",
           "widest"]  # fmt: skip

# LLVM's types of numbers, and of the items of arrays.
KINDS = {"f8": "double", "f4": "float", "i8": "i64", "b1": "i1"}
ITEMS = {"f8": "double", "f4": "float", "i8": "i64", "b1": "i8", "i1": "i8", "u1": "i8"}
_RANKS = ["b1", "i8", "f4", "f8"]
_FAST = "contract arcp nsz"  # rounding may change; NaN and infinity are kept
_SIGNS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("olt", "slt"), ast.LtE: ("ole", "sle"), ast.Gt: ("ogt", "sgt"),
    ast.GtE: ("oge", "sge"), ast.Eq: ("oeq", "eq"), ast.NotEq: ("une", "ne"),
}  # fmt: skip
_SUMS: dict[type[ast.AST], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
_BITS: dict[type[ast.AST], str] = {ast.BitAnd: "and", ast.BitOr: "or"}
_OF_C = {math.sin: "sin", math.cos: "cos", math.asin: "asin", math.atan2: "atan2"}


@dataclass(frozen=True)
class Number:
    """A number: its kind, and its name in LLVM."""

    kind: str
    text: str


@dataclass(frozen=True)
class Array:
    """A contiguous array: type of items, address and shape."""

    item: str
    pointer: str
    shape: tuple[str, ...]


Value = Any  # Number, Array, or a tuple of them
# Type of items and number of dimensions, 0 for a number; of a tuple, the types of its items.
Type = tuple[Any, ...]


def widest(one: str, two: str) -> str:
    """Return the kind that holds values of both."""
    return "f8" if {one, two} == {"i8", "f4"} else max(one, two, key=_RANKS.index)


def to_number(value: complex) -> Number:
    """Return a constant as a number of LLVM."""
    if isinstance(value, (bool, np.bool_)):
        return Number("b1", "true" if value else "false")
    if isinstance(value, (int, np.integer)):
        return Number("i8", str(int(value)))
    bits = struct.unpack(">Q", struct.pack(">d", value))[0]
    return Number("f4" if isinstance(value, np.float32) else "f8", f"0x{bits:016X}")


class Expressions(ABC):
    """The text of one kernel, and how its expressions are added to it."""

    scope: dict[str, Any]  # names of the module
    local: set[str]  # names of the kernel
    kinds: dict[str, str]  # of its numbers
    arrays: dict[str, Value]  # and tuples
    entry: list[str]  # instructions at the start of the function
    lines: list[str]
    heap: list[str]  # pointers to be freed at the end
    count: int
    block: str

    @abstractmethod
    def of_kernel(self, function: Any, values: Sequence[Value]) -> Value:
        """Call another kernel; return its result."""

    @abstractmethod
    def new_array(self, function: Any, given: Sequence[ast.expr]) -> Array:
        """Create an array as numpy's function would."""

    @abstractmethod
    def constant(self, values: Any) -> Array:
        """Return an array of the module, whose numbers never change."""

    def fresh(self) -> str:
        """Return a new name."""
        self.count += 1
        return f"%.{self.count}"

    def put(self, text: str) -> str:
        """Add an instruction; return the name of its result."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without result."""
        self.lines.append(f"  {text}")

    def place(self, label: str) -> None:
        """Begin a block; end the one before."""
        self.lines.append(f"{label[1:]}:")
        self.block = label

    def static(self, node: ast.expr) -> Any:
        """Return the value of an expression that uses no variable of the kernel; else None."""
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return None
            return self.scope[node.id] if node.id in self.scope else getattr(builtins, node.id)
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if names & self.local:
            return None
        code = compile(ast.Expression(body=node), "<kernel>", "eval")
        return eval(code, self.scope)  # noqa: S307 - our own source

    def convert(self, value: Number, kind: str) -> str:
        """Return a number as one of another kind."""
        one, text = value.kind, value.text
        if one == kind:
            return text
        to = f"{KINDS[one]} {text} to {KINDS[kind]}"
        if kind == "b1":
            return self.put(f"fcmp une {KINDS[one]} {text}, 0.0" if one[0] == "f"
                            else f"icmp ne i64 {text}, 0")  # fmt: skip
        if kind == "i8":
            return self.put(f"zext {to}" if one == "b1" else f"fptosi {to}")
        if one == "b1":
            return self.put(f"uitofp {to}")
        if one == "i8":
            return self.put(f"sitofp {to}")
        return self.put(f"fpext {to}" if kind == "f8" else f"fptrunc {to}")

    def alike(self, one: Number, two: Number) -> tuple[str, str, str]:
        """Return the common kind of two numbers, and both converted to it."""
        kind = widest(one.kind, two.kind)
        return kind, self.convert(one, kind), self.convert(two, kind)

    def value(self, node: ast.expr) -> Value:
        """Return the value of an expression."""
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def _constant(self, node: ast.Constant) -> Value:
        return to_number(node.value)  # type: ignore[arg-type]

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.arrays:
            return self.arrays[node.id]
        if node.id in self.local:
            kind = self.kinds[node.id]
            return Number(kind, self.put(f"load {KINDS[kind]}, ptr %v.{node.id}"))
        fixed = self.static(node)
        return self.constant(fixed) if isinstance(fixed, np.ndarray) else to_number(fixed)

    def _tuple(self, node: ast.Tuple) -> Value:
        return tuple(self.value(e) for e in node.elts)

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Attribute):  # item of a shape
            return Number("i8", self.value(node.value.value).shape[self.static(node.slice)])
        held = self.value(node.value)
        if isinstance(held, tuple):
            return held[self.static(node.slice)]
        item, at = held.item, self.address(held, node.slice)
        read = self.put(f"load {ITEMS[item]}, ptr {at}")
        if item == "b1":
            return Number("b1", self.put(f"icmp ne i8 {read}, 0"))
        if item in ("i1", "u1"):
            grow = "sext" if item == "i1" else "zext"
            return Number("i8", self.put(f"{grow} i8 {read} to i64"))
        return Number(item, read)

    def address(self, array: Array, index: ast.expr) -> str:
        """Return the address of an item."""
        place = ""
        for k, node in enumerate(index.elts if isinstance(index, ast.Tuple) else [index]):
            along = self.convert(self.value(node), "i8")
            if place:
                place = self.put(f"mul nsw i64 {place}, {array.shape[k]}")
                along = self.put(f"add nsw i64 {place}, {along}")
            place = along
        return self.put(
            f"getelementptr inbounds {ITEMS[array.item]}, ptr {array.pointer}, i64 {place}"
        )

    def write(self, array: Array, index: ast.expr, value: Number) -> None:
        """Store a number in an array."""
        at, item = self.address(array, index), array.item
        if item in ("i1", "u1"):
            text = self.put(f"trunc i64 {self.convert(value, 'i8')} to i8")
        else:
            text = self.convert(value, item)
            text = self.put(f"zext i1 {text} to i8") if item == "b1" else text
        self.do(f"store {ITEMS[item]} {text}, ptr {at}")

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return Number("b1", self.put(f"xor i1 {self.truth(node.operand)}, true"))
        if isinstance(node.operand, ast.Constant):
            return to_number(-node.operand.value)  # type: ignore[operator]
        value = self.value(node.operand)
        if value.kind == "i8":
            return Number("i8", self.put(f"sub nsw i64 0, {value.text}"))
        return Number(value.kind, self.put(f"fneg {_FAST} {KINDS[value.kind]} {value.text}"))

    def _binop(self, node: ast.BinOp) -> Value:
        sign, one = type(node.op), self.value(node.left)
        two = one if sign is ast.Pow else self.value(node.right)
        if sign is ast.Pow:
            sign = {2: ast.Mult}[self.static(node.right)]
        kind, a, b = self.alike(one, two)
        if sign in _BITS:
            return Number(kind, self.put(f"{_BITS[sign]} {KINDS[kind]} {a}, {b}"))
        if sign is ast.Div and kind == "i8":
            kind, a, b = "f8", self.convert(one, "f8"), self.convert(two, "f8")
        if kind == "i8" and sign in _SUMS:
            return Number(kind, self.put(f"{_SUMS[sign]} nsw i64 {a}, {b}"))
        if sign in (ast.FloorDiv, ast.Mod):
            return self._floor_divide(sign, kind, a, b)
        word = {**_SUMS, ast.Div: "div"}[sign]
        return Number(kind, self.put(f"f{word} {_FAST} {KINDS[kind]} {a}, {b}"))

    def _floor_divide(self, sign: type[ast.AST], kind: str, a: str, b: str) -> Number:
        """Divide as Python does: floor of the quotient, remainder with the sign of the divisor."""
        if kind == "i8":
            rest = self.put(f"srem i64 {a}, {b}")
            other = self.put(f"icmp slt i64 {self.put(f'xor i64 {rest}, {b}')}, 0")
            off = self.put(f"and i1 {other}, {self.put(f'icmp ne i64 {rest}, 0')}")
            if sign is ast.Mod:
                more = self.put(f"select i1 {off}, i64 {b}, i64 0")
                return Number(kind, self.put(f"add nsw i64 {rest}, {more}"))
            less = self.put(f"sext i1 {off} to i64")
            return Number(kind, self.put(f"add nsw i64 {self.put(f'sdiv i64 {a}, {b}')}, {less}"))
        rest = self.put(f"frem double {a}, {b}")
        below = [self.put(f"fcmp olt double {x}, 0.0") for x in (rest, b)]
        off = self.put(f"xor i1 {below[0]}, {below[1]}")
        off = self.put(f"and i1 {off}, {self.put(f'fcmp une double {rest}, 0.0')}")
        more = self.put(f"fadd double {rest}, {b}")
        return Number(kind, self.put(f"select i1 {off}, double {more}, double {rest}"))

    def _compare(self, node: ast.Compare) -> Value:
        whole, one = "", self.value(node.left)
        for sign, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(sign, ast.In):
                hits = [self._is(ast.Eq(), one, two) for two in self.value(right)]
                hit = hits[0]
                for other in hits[1:]:
                    hit = self.put(f"or i1 {hit}, {other}")
            else:
                two = self.value(right)
                hit = self._is(sign, one, two)
                one = two
            whole = self.put(f"and i1 {whole}, {hit}") if whole else hit
        return Number("b1", whole)

    def _is(self, sign: ast.cmpop, one: Number, two: Number) -> str:
        kind, a, b = self.alike(one, two)
        real, whole = _SIGNS[type(sign)]
        how = f"fcmp {real}" if kind[0] == "f" else f"icmp {whole}"
        return self.put(f"{how} {KINDS[kind]} {a}, {b}")

    def truth(self, node: ast.expr) -> str:
        """Return whether an expression is true."""
        return self.convert(self.value(node), "b1")

    def branch(self, node: ast.expr, yes: str, no: str) -> None:
        """Branch to one of two blocks, and evaluate no more than Python would."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.branch(node.operand, no, yes)
        elif isinstance(node, ast.BoolOp):
            for part in node.values[:-1]:
                onward = self.fresh()
                is_and = isinstance(node.op, ast.And)
                self.branch(part, onward if is_and else yes, no if is_and else onward)
                self.place(onward)
            self.branch(node.values[-1], yes, no)
        else:
            self.do(f"br i1 {self.truth(node)}, label {yes}, label {no}")

    def _boolop(self, node: ast.BoolOp) -> Value:
        yes, no, join = self.fresh(), self.fresh(), self.fresh()
        self.branch(node, yes, no)
        for label in (yes, no):
            self.place(label)
            self.do(f"br label {join}")
        self.place(join)
        return Number("b1", self.put(f"phi i1 [ true, {yes} ], [ false, {no} ]"))

    def _ifexp(self, node: ast.IfExp) -> Value:
        labels, join = [self.fresh(), self.fresh()], self.fresh()
        self.branch(node.test, labels[0], labels[1])
        before, sides = self.lines, []
        for label, part in zip(labels, (node.body, node.orelse), strict=True):
            self.lines = []
            self.place(label)
            value = self.value(part)
            sides.append((self.lines, self.block, value if isinstance(value, tuple) else (value,)))
        kinds = [widest(a.kind, b.kind) for a, b in zip(sides[0][2], sides[1][2], strict=True)]
        texts = []
        for lines, _, values in sides:
            self.lines = lines
            texts.append([self.convert(v, kind) for v, kind in zip(values, kinds, strict=True)])
            self.do(f"br label {join}")
            before += lines
        self.lines = before
        self.place(join)
        ends = [end for _, end, _ in sides]
        values = tuple(
            Number(kind, self.put(f"phi {KINDS[kind]} [ {a}, {ends[0]} ], [ {b}, {ends[1]} ]"))
            for kind, a, b in zip(kinds, *texts, strict=True)
        )
        return values if isinstance(value, tuple) else values[0]

    def _call(self, node: ast.Call) -> Value:
        function = self.static(node.func)
        if function in (np.empty, np.zeros, np.full):
            return self.new_array(function, node.args)
        if function is float and isinstance(node.args[0], ast.Constant):  # "nan"
            return to_number(self.static(node))
        values = [self.value(a) for a in node.args]
        if function in (min, max):
            return self._least(values, "olt" if function is min else "ogt")
        built_in = _BUILT_IN.get(function)
        if built_in is not None:
            return built_in(self, values[0])
        if function in _OF_C:
            given = ", ".join(f"double {self.convert(v, 'f8')}" for v in values)
            return Number("f8", self.put(f"call double @{_OF_C[function]}({given})"))
        return self.of_kernel(function, values)

    def _least(self, values: Sequence[Number], sign: str) -> Number:
        one = values[0]
        for two in values[1:]:
            kind, a, b = self.alike(one, two)
            how = f"fcmp {sign}" if kind[0] == "f" else f"icmp s{sign[1:]}"
            second = self.put(f"{how} {KINDS[kind]} {b}, {a}")
            word = KINDS[kind]
            one = Number(kind, self.put(f"select i1 {second}, {word} {b}, {word} {a}"))
        return one

    def root(self, value: Number) -> Number:
        """Return the square root."""
        kind = "f4" if value.kind == "f4" else "f8"
        word, bits = KINDS[kind], 32 if kind == "f4" else 64
        text = self.convert(value, kind)
        return Number(kind, self.put(f"call {_FAST} {word} @llvm.sqrt.f{bits}({word} {text})"))

    def size(self, value: Number) -> Number:
        """Return the absolute value."""
        if value.kind == "i8":
            return Number("i8", self.put(f"call i64 @llvm.abs.i64(i64 {value.text}, i1 true)"))
        text = self.convert(value, "f8")
        return Number("f8", self.put(f"call double @llvm.fabs.f64(double {text})"))

    def whole(self, value: Number, how: str) -> Number:
        """Return a number rounded up, or to the nearest whole number."""
        text = self.put(f"call double @llvm.{how}.f64(double {self.convert(value, 'f8')})")
        return Number("i8", self.convert(Number("f8", text), "i8"))

    def times(self, value: Number, factor: float) -> Number:
        """Return a number times a constant."""
        text = f"fmul {_FAST} double {self.convert(value, 'f8')}, {to_number(factor).text}"
        return Number("f8", self.put(text))


_BUILT_IN: dict[Any, Callable[[Expressions, Value], Number]] = {
    builtins.len: lambda _, v: Number("i8", v.shape[0]),
    builtins.int: lambda e, v: Number("i8", e.convert(v, "i8")),
    builtins.float: lambda e, v: Number("f8", e.convert(v, "f8")),
    np.float32: lambda e, v: Number("f4", e.convert(v, "f4")),
    builtins.abs: Expressions.size,
    builtins.round: lambda e, v: e.whole(v, "rint"),
    math.ceil: lambda e, v: e.whole(v, "ceil"),
    math.sqrt: Expressions.root,
    math.radians: lambda e, v: e.times(v, math.pi / 180.0),
    math.degrees: lambda e, v: e.times(v, 180.0 / math.pi),
}
