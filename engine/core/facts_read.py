"""Which facts a step's expressions read, and for what: the lineage of data, from definitions and what was shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from engine.core.errors import ExpressionError
from engine.core.frames import nested_saga, plan_of, seen_steps
from engine.core.run import Run, StepState
from engine.core.saga import LlmStep, RouteStep, with_document
from engine.core.templates import expressions_in
from engine.core.validators import JudgeValidator, LlmFallback, Validator, ValueFallback

Json = Any
How = Literal["request", "prompt", "context", "condition", "approval", "locks", "writes", "check"]
RELIES: frozenset[How] = frozenset({"request", "prompt", "context", "condition", "approval", "locks"})
"""Readings that decide what a step does. What it writes of a fact is brought up to date, what it checks is checked anew."""
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_PATH = re.compile(
    r"(?<![\w.])(?P<root>steps\.[A-Za-z_]\w*|run\.input|app|assume|output)(?P<rest>(?:\.[A-Za-z_]\w*+(?!\s*\()|\[\d+\])*)"
)
_PARTS = re.compile(r"\w+|\[\d+\]")


@dataclass(frozen=True, slots=True)
class Reading:
    """One fact that a step reads, and for what."""

    path: str
    how: How

    @property
    def relies(self) -> bool:
        """Whether what the step does depends on it."""
        return self.how in RELIES


@lru_cache(maxsize=4096)
def paths_in(source: str) -> tuple[str, ...]:
    """Return the facts that an expression speaks of, such as `steps.a.output.cost`; its own output as `output...`."""
    found = dict.fromkeys(match.group() for match in _PATH.finditer(_STRING.sub("''", source)))
    return tuple(path for path in found if _is_fact(path))


def _is_fact(path: str) -> bool:
    if path.startswith("steps."):
        return path.split(".", 3)[2:3] == ["output"] or bool(re.match(r"steps\.\w+\.output\b", path))
    return path not in {"run.input", "app", "assume"}


def parts_of(path: str) -> tuple[str | int, ...]:
    """Return the keys and indexes of a path."""
    return tuple(int(p[1:-1]) if p.startswith("[") else p for p in _PARTS.findall(path))


def covers(one: str, other: str) -> bool:
    """Return whether two paths speak of the same fact, or one of a part of the other."""
    a, b = parts_of(one), parts_of(other)
    shorter = min(len(a), len(b))
    return a[:shorter] == b[:shorter]


def readings(run: Run, step: StepState) -> tuple[Reading, ...]:
    """Return what a step reads, each once for each purpose."""
    found = tuple(dict.fromkeys(_readings(run, step)))
    return found if not step.frame else tuple(r for r in found if _from_outside(run, step, r.path))


def _from_outside(run: Run, step: StepState, path: str) -> bool:
    """Return whether a step of a composite one reads a fact of the run, not one of its own frame."""
    frame, parts = run.frames[step.frame], parts_of(path)
    if nested_saga(run, step) is not None:
        return False
    seen = seen_steps(run, frame)
    return parts[0] != "steps" or (
        parts[1] not in frame.plan.steps and seen.get(str(parts[1])) is run.known.get(str(parts[1]))
    )


def _readings(run: Run, step: StepState) -> Iterator[Reading]:
    definition = step.definition
    how: How = "prompt" if isinstance(definition, LlmStep) else "request"
    yield from _in(with_document(definition), how)
    if isinstance(definition, RouteStep):
        for row in definition.with_.rules:
            yield from _of(row.when, "request")
    for taken in step.fallbacks:
        fallback = definition.fallback[taken.number - 1]
        if isinstance(fallback, ValueFallback):
            yield from _in(fallback.value, "request")
        elif isinstance(fallback, LlmFallback):
            yield from _in(with_document(fallback), "prompt")
    yield from _of(definition.when or "", "condition")
    yield from _in(list(definition.locks), "locks")
    if definition.approval is not None:
        yield from _of(definition.approval.when or "", "approval")
        yield from _in(definition.approval.question, "approval")
    yield from _shown(step)
    for source in definition.writes.values():
        yield from _of(source, "writes", own=step.id)
    for validator in checks_of(run, step):
        yield from (Reading(_own(path, step.id), "check") for path in check_paths(validator))


def checks_of(run: Run, step: StepState) -> Iterable[Validator]:
    """Return the validators that look at a step's output: its own, those of its edges, those of the saga."""
    plan = plan_of(run, step)
    edges = (validator for edge in plan.edges_from.get(step.local, ()) for validator in edge.validate_)
    return (*step.definition.validate_, *edges, *plan.validators_over.get(step.local, ()))


@lru_cache(maxsize=1024)
def _check_paths(document: str) -> tuple[str, ...]:
    return paths_in(_STRING.sub(lambda quoted: quoted.group()[1:-1].replace("\\", ""), document))


def check_paths(validator: Validator) -> tuple[str, ...]:
    """Return the facts that a validator looks at; what a judge is shown besides its rubric is no part of it."""
    if isinstance(validator, JudgeValidator):
        return tuple(path for _, found in expressions_in(validator.rubric) for path in paths_in(found.source))
    return _check_paths(validator.model_dump_json(by_alias=True, exclude={"name", "add", "steps"}))


def _shown(step: StepState) -> Iterator[Reading]:
    """Yield what the latest prompt was shown besides itself, by what the intent says of it."""
    request = step.attempts[-1].intent.request if step.attempts else None
    context = request.get("context") if isinstance(request, dict) else None
    for item in (context or {}).get("items", ()) if isinstance(context, dict) else ():
        if item["state"] != "left_out" and item["source"]:
            source = re.sub(r"\.(goals|constraints)$", ".output", item["source"])
            yield from (Reading(path, "context") for path in paths_in(source))


def _of(source: str, how: How, own: str = "") -> Iterator[Reading]:
    yield from (
        Reading(_own(path, own), how) for path in paths_in(source) if own or path.split(".")[0] != "output"
    )


def _own(path: str, step: str) -> str:
    return f"steps.{step}.{path}" if path.startswith("output") else path


def _in(value: Json, how: How) -> Iterator[Reading]:
    try:
        for _, expression in expressions_in(value):
            yield from _of(expression.source, how)
    except ExpressionError:
        return  # it was never rendered


def value_at(scope: Json, path: str) -> Json:
    """Return the value at a path.

    Raises:
        KeyError: if there is none.
    """
    value = scope
    for part in parts_of(path):
        try:
            value = value[part]
        except (TypeError, IndexError, KeyError):
            raise KeyError(path) from None
    return value


def with_value(document: Json, parts: tuple[str | int, ...], value: Json, *, remove: bool = False) -> Json:
    """Return a copy of a document with another value at a place; what does not change is shared."""
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(document, list) and isinstance(first, int) and 0 <= first < len(document):
        changed = with_value(document[first], rest, value, remove=remove)
        return [*document[:first], changed, *document[first + 1 :]]
    held = document if isinstance(document, dict) else {}
    if remove and not rest:
        return {key: item for key, item in held.items() if key != first}
    return {**held, str(first): with_value(held.get(str(first)), rest, value, remove=remove)}
