"""What the Gallery says about a saga: what it shows, in badges, and which published ones to list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.core.composites import AgentStep
from engine.core.embed import embed
from engine.core.saga import Saga, Step, bodies_of, effect_of, undo_of
from engine.core.validators import CheckType, tier_of
from engine.ports import SagaVersion
from engine.sandbox.faults import Fault
from engine.templates import Break, Template, shipped
from ui.models.status import Family, effect_look, kind_look
from ui.models.world_words import fault_words

CHECKS: Final[dict[CheckType, str]] = {
    "syntactic": "Syntactic", "semantic": "Semantic", "factual": "Factual", "constraint": "Constraint",
    "reasoning": "Reasoning", "context": "Context preservation", "contract": "Contract",
    "dependency": "Dependency satisfaction", "consistency": "Consistency", "temporal": "Temporal ordering",
    "agreement": "Mutual agreement", "boundary": "Transaction boundary",
}  # fmt: skip
"""The types of validation, as people call them."""


@dataclass(frozen=True)
class Sign:
    """A badge of a card: a word, an icon, a colour, and what it means."""

    word: str
    icon: str
    family: Family = "gray"
    help: str = ""


def signs(saga: Saga) -> list[Sign]:
    """Return what a saga shows: its size, its kinds, and what makes it worth looking at."""
    saga, steps = embed(saga, shipped), len(saga.steps)
    return [
        Sign(f"{steps} step{'' if steps == 1 else 's'}", "account_tree"),
        *_kinds(saga),
        *_policies(saga),
    ]


def _kinds(saga: Saga) -> list[Sign]:
    counted = Counter(step.kind for step in every_step(saga))
    found = []
    for kind, count in counted.items():
        look = kind_look(kind)
        found.append(Sign(f"{count} {look.word}" if count > 1 else look.word, look.icon, "gray"))
    return found


def _policies(saga: Saga) -> list[Sign]:
    steps = list(every_step(saga))
    undoable = sum(1 for step in steps if undo_of(step) is not None)
    found = []
    if undoable:
        look = effect_look("compensatable")
        found.append(
            Sign(f"{undoable} can be undone", look.icon, look.family, "Each of these has its own undo")
        )
    if any(effect_of(step) == "pivot" for step in steps):
        look = effect_look("pivot")
        found.append(Sign(look.word, look.icon, look.family, "Past it, the saga only goes forward"))
    gated = [step for step in steps if step.approval is not None]
    if gated:
        when = "" if any(step.approval and step.approval.when is None for step in gated) else " if it must"
        found.append(Sign(f"Asks a person{when}", "how_to_reg", "yellow", "A step waits for a yes"))
    checks = [*saga.validate_, *(v for edge in saga.edges for v in edge.validate_)]
    checks += [v for step in steps for v in step.validate_]
    if checks:
        words = "Validators look at what steps give, before it counts"
        found.append(
            Sign(f"{len(checks)} check{'' if len(checks) == 1 else 's'}", "fact_check", "gray", words)
        )
    if saga.invariants:
        names = ", ".join(invariant.name.replace("_", " ") for invariant in saga.invariants)
        found.append(Sign("Holds an invariant", "rule", "gray", f"Checked at each step: {names}"))
    return found


def every_step(saga: Saga) -> Iterator[Step]:
    """Yield the steps of a saga with those that stand inside others."""
    for step in saga.steps.values():
        yield step
        if isinstance(step, AgentStep):
            yield from (tool.step for tool in step.tools.values())
        else:
            for body in bodies_of(step).values():
                yield from every_step(body)


def tiers(entries: Sequence[Template]) -> dict[str, list[Template]]:
    """Return the examples by what their check is about: one step's result, or what passes between steps."""
    found: dict[str, list[Template]] = {"The result of one step": [], "What passes between steps": []}
    words = dict(zip(("intra", "inter"), found, strict=True))
    for entry in entries:
        if entry.check is not None:
            found[words[tier_of(entry.check)]].append(entry)
    return found


def faults_of(entry: Break) -> list[Fault]:
    """Return the faults that a way to break a template plants."""
    return [Fault.model_validate(fault) for fault in entry.faults]


def break_words(entry: Break) -> str:
    """Return what a way to break a template does to the practice world, in one line."""
    return "; ".join(fault_words(fault) for fault in faults_of(entry))


def shortage(saga: Saga, free: Mapping[str, int]) -> str:
    """Return which article the default order of a saga wants and the shop no longer has; else ""."""
    sku, wanted = (saga.input.get(name, {}).get("default") for name in ("sku", "quantity"))
    if not isinstance(sku, str) or not isinstance(wanted, int) or sku not in free:
        return ""
    return sku if free[sku] < wanted else ""


def own_versions(versions: Iterable[SagaVersion], originals: Sequence[Saga]) -> list[SagaVersion]:
    """Return the published versions that are not one of the templates as they ship, newest first."""
    known = {embed(saga, shipped).hash for saga in originals}
    return sorted(
        (version for version in versions if version.hash not in known),
        key=lambda version: version.created_at,
        reverse=True,
    )
