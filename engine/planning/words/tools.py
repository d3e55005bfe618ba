"""What a drafted step may do: the practice world's effects and look-ups, registered functions, a model, a person."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from engine.sandbox.answers import Body, RefusedError
from engine.sandbox.catalogue import COLLECTIONS, OFFERS, Collection, OfferList
from engine.sandbox.fields import KINDS, WHOLE_NUMBERS, check_body
from engine.steps.python import Functions

Json = Any
_SAMPLE: dict[str, Json] = {
    "text": "FRA", "address": "a street", "date": "2027-06-07", "amount": 12.5, "quantity": 1, "nights": 2, "stars": 3,
}  # fmt: skip
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
NUMBERS = WHOLE_NUMBERS | {"amount"}


@dataclass(frozen=True)
class UndoWay:
    """How a tool takes back what it did.

    Attributes:
        action: the tool's word for it.
        takes: what it can be told to find the effect by.
    """

    action: str
    takes: tuple[str, ...] = ("key", "id")
    costs: str = ""


@dataclass(frozen=True)
class Tool:
    """Something that a step can use.

    Attributes:
        takes: its arguments and their kinds; `optional` likewise. A model and a person take any.
        gives: the JSON types of its output's fields; empty where the step itself says what it gives.
        is_open: whether it takes arguments of any name.
        undo: how its effect is taken back; None where it has none, or can't be.
        price: what a call costs, from its arguments; raises `RefusedError` for those it refuses.
    """

    name: str
    kind: Literal["http", "python", "llm", "approval"]
    says: str
    has_effect: bool = False
    takes: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False
    undo: UndoWay | None = None
    price: Callable[[Body], float] | None = None

    @property
    def is_priced(self) -> bool:
        """Whether its output says what it cost."""
        return self.price is not None and "cost_usd" in self.gives

    def line(self) -> str:
        """Return the tool as one line of a prompt."""
        asked = [*self.takes, *(f"{name}?" for name in self.optional)]
        undo = ""
        if self.has_effect:
            way = self.undo
            undo = f"; undo: {way.action} by {' or '.join(way.takes)}{way.costs}" if way else "; no undo"
        gives = f"; gives {', '.join(self.gives)}" if self.gives else ""
        return f"{self.name}({', '.join(asked)}): {self.says}{gives}{undo}"


MODEL = Tool("model", "llm", "asks a language model; say the prompt and which fields it gives", is_open=True)
PERSON = Tool(
    "person", "approval", "asks a person to say yes; the prompt is the question, the arguments are what is shown",
    is_open=True, gives={"decision": "string", "by": "string", "comment": "string"},
)  # fmt: skip


def known_tools(functions: Functions) -> dict[str, Tool]:
    """Return every tool there is, by name."""
    own = [*_world_tools(), *(_function(name, functions) for name in functions.names), MODEL, PERSON]
    return {tool.name: tool for tool in own}


@cache
def _world_tools() -> tuple[Tool, ...]:
    return (*map(_collection, COLLECTIONS.values()), *map(_offers, OFFERS.values()))


def _collection(of: Collection) -> Tool:
    sample: Body = {name: _SAMPLE[kind] for name, kind in of.required.items()}
    if "sku" in sample:
        sample["sku"] = "mug"
    record = {**sample, "id": "", "confirmation": "", "status": "", **of.details(sample)}
    fee = [f"{of.undo.fee_share:.0%} fee"] * (of.undo.fee_share > 0)
    fee += [f"{of.undo.fee_usd:g} USD fee"] * (of.undo.fee_usd > 0)
    undo = UndoWay(of.undo.action, costs=f" ({fee[0]})" if fee else "")

    def price(body: Body) -> float:
        asked = check_body(body, of.required, of.optional)
        return float(of.details(asked)["cost_usd"])

    return Tool(
        of.path,
        "http",
        f"{of.action} it",
        has_effect=True,
        takes=of.required,
        optional=of.optional,
        gives={name: _TYPES[type(value)] for name, value in record.items()},
        undo=None if of.undo.refused_as else undo,
        price=price,
    )


def _offers(of: OfferList) -> Tool:
    def price(body: Body) -> float:
        check_body(body, of.required, of.optional)
        return 0.0

    return Tool(
        of.path,
        "http",
        "look what there is",
        takes=of.required,
        optional=of.optional,
        gives={"offers": "array"},
        price=price,
    )


def _function(name: str, functions: Functions) -> Tool:
    registered = functions.find(name)
    assert registered is not None
    parameters = inspect.signature(registered.function).parameters.values()
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = [p for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY} and p.name != "key"]
    return Tool(
        name,
        "python",
        (inspect.getdoc(registered.function) or "a function").split("\n")[0],
        has_effect=registered.wants_key,
        is_open=is_open,
        takes={p.name: "any" for p in named if p.default is p.empty},
        optional={p.name: "any" for p in named if p.default is not p.empty},
    )


def refusal(tool: Tool, arguments: Body) -> str:
    """Return why the tool would refuse these arguments; empty where it takes them, or nobody can tell."""
    if tool.price is None:
        return ""
    try:
        tool.price(arguments)
    except RefusedError as refused:
        return str(refused)
    return ""


def kind_words(kind: str) -> str:
    """Return what an argument of a kind must be, in words."""
    return KINDS[kind][0] if kind in KINDS else "any value"
