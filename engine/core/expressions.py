"""CEL, the one expression language: guards, rules, mappings and the `${...}` in templates.

Numbers are JSON numbers: where an expression mixes whole and fractional ones, it is computed in
doubles (CEL alone would refuse `2 * 1.5`), and a whole result comes back whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import cel

from engine.core.errors import ExpressionError

MAX_LENGTH = 2000
NOT_YET = {"status": "pending"}
_FIELDS = 6  # named where a field is missing
_NAME_CHARS = 40  # of each
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_STEP = re.compile(r"(?<![\w.])steps\.([A-Za-z_]\w*)")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_INPUT = re.compile(r"(?<![\w.])run\.input\.([A-Za-z_]\w*)")
_WHOLE = re.compile(r"(?<![\w.\[])(\d+)(?![\w.\]])")
_NAME_AND_PATH = r"[A-Za-z_][\w.]*\.{key}\b"

Scope = Mapping[str, Any]


def add_days(day: str, days: float) -> str:
    """Return the ISO date that lies some days after another; the `add_days` of expressions.

    Raises:
        ValueError: if `day` is no ISO date.
    """
    return (date.fromisoformat(day[:10]) + timedelta(days=int(days))).isoformat()


def round_to(value: float, digits: float = 0) -> float:
    """Return a number rounded to some decimals; the `round` of expressions."""
    return round(value, int(digits))


FUNCTIONS = {"add_days": add_days, "round": round_to}
"""What expressions can call beyond CEL's own functions."""
STANDARD = frozenset(
    [
        "size",
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "bool",
        "dyn",
        "type",
        "duration",
        "timestamp",
        "getFullYear",
        "getMonth",
        "getDayOfYear",
        "getDayOfMonth",
        "getDate",
        "getDayOfWeek",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ]
) - {"bool"}
"""CEL's own functions, as far as the binding has them."""


class Expression:
    """A compiled CEL expression; made by `compile_expression`.

    Attributes:
        names: the variables at its roots, such as `run` and `output`.
        steps: the steps it speaks of.
        unknown: the functions it calls that there are not.
        inputs: the inputs of the run it speaks of.
    """

    __slots__ = (
        "_functions", "_narrow", "_program", "_promoted", "inputs", "names", "source", "steps", "unknown"
    )  # fmt: skip

    def __init__(self, source: str) -> None:
        self.source = source
        self._program = _compile(source)
        self._promoted: Any = None
        called = {
            name for name in self._program.functions() if name.isidentifier() and not name.startswith("_")
        }
        self._functions = {name: FUNCTIONS[name] for name in called if name in FUNCTIONS}
        self.unknown = called - STANDARD - FUNCTIONS.keys()
        bare = _STRING.sub("''", source)
        self.names = frozenset(cast("list[str]", self._program.variables())) - frozenset(_BOUND.findall(bare))
        self.steps = frozenset(_STEP.findall(bare))
        self.inputs = frozenset(_INPUT.findall(bare))
        # Only the steps it speaks of are handed over: a long run must not cost more per expression.
        self._narrow = bool(self.steps) and not re.search(r"(?<![\w.])steps(?!\.)", bare)

    def evaluate(self, scope: Scope) -> Any:
        """Return the value of the expression over `scope` as JSON.

        Raises:
            ExpressionError: naming the expression and the missing path or the types that clash.
        """
        known = {name: scope[name] for name in self.names if name in scope} | self._functions
        if self._narrow and "steps" in known:
            known["steps"] = {step: known["steps"].get(step, NOT_YET) for step in self.steps}
        elif "steps" in known:
            known["steps"] = dict(known["steps"])
        try:
            return _as_json(self._program.execute(known))
        except TypeError as clash:
            return self._evaluate_in_doubles(known, clash)
        except (LookupError, ArithmeticError, RuntimeError, ValueError) as problem:
            raise ExpressionError(self._explain(problem, known)) from None

    def _evaluate_in_doubles(self, known: dict[str, Any], clash: TypeError) -> Any:
        if self._promoted is None:
            self._promoted = _compile(_promote_literals(self.source))
        try:
            value = _as_json(self._promoted.execute(_doubles(known)))
        except (TypeError, LookupError, ArithmeticError, RuntimeError, ValueError):
            raise ExpressionError(f"`{self.source}`: {_first_line(clash)}") from None
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _explain(self, problem: Exception, known: Scope) -> str:
        if isinstance(problem, KeyError):
            key = str(problem.args[0])
            found = re.search(_NAME_AND_PATH.format(key=re.escape(key)), _STRING.sub("''", self.source))
            path = found.group() if found else key
            return f"`{self.source}`: there is no `{path}`{_instead(path, known)}"
        return f"`{self.source}`: {_first_line(problem)}"


def _instead(path: str, known: Scope) -> str:
    """Return what is there where a path ends: the first fields by name; nothing where that is no mapping."""
    above, _, _ = path.rpartition(".")
    where: Any = known
    for piece in above.split("."):
        where = where.get(piece) if isinstance(where, Mapping) else None
    if not isinstance(where, Mapping) or above == "steps":
        return ""
    names = [str(name)[:_NAME_CHARS] for name in sorted(where, key=str)]
    more = f" and {len(names) - _FIELDS} more" if len(names) > _FIELDS else ""
    return f"; there is {', '.join(names[:_FIELDS])}{more}" if names else f"; `{above}` is empty"


def _compile(source: str) -> Any:
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(source)} characters; at most {MAX_LENGTH} are allowed")
    try:
        return cel.compile(source)
    except ValueError as problem:
        raise ExpressionError(f"`{source}` is not an expression: {_syntax(problem)}") from None


def _syntax(problem: Exception) -> str:
    text = _first_line(problem)
    where = re.search(r"<input>:\d+:(\d+): (?:Syntax error: )?(.*)", str(problem))
    if not where:
        return text
    what = re.sub(r", expecting \{.*|expecting \{.*", "", where.group(2)).strip().rstrip(":")
    return f"{what.replace('<EOF>', 'the end')} at character {where.group(1)}"


def _first_line(problem: Exception) -> str:
    return (
        str(problem)
        .splitlines()[0]
        .split(". CEL does not", maxsplit=1)[0]
        .split(". Check that", maxsplit=1)[0]
    )


def _promote_literals(source: str) -> str:
    """Return the source with whole-number literals as doubles, strings and list indexes left alone."""
    parts, last = [], 0
    for quoted in _STRING.finditer(source):
        parts += [_WHOLE.sub(r"\1.0", source[last : quoted.start()]), quoted.group()]
        last = quoted.end()
    return "".join([*parts, _WHOLE.sub(r"\1.0", source[last:])])


def _doubles(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_doubles(item) for item in value]
    return value


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the result is {value}, which JSON does not know")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"the result is a {type(value).__name__}, which JSON does not know")


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Return the expression ready to evaluate.

    Raises:
        ExpressionError: if it is no CEL, or longer than `MAX_LENGTH`.
    """
    return Expression(source)


def is_true(source: str, scope: Scope) -> bool:
    """Return the truth of a CEL condition.

    Raises:
        ExpressionError: if it can't be evaluated, or is not a Boolean.
    """
    value = compile_expression(source).evaluate(scope)
    if not isinstance(value, bool):
        raise ExpressionError(f"`{source}` gave {value!r}; a condition must give true or false")
    return value
