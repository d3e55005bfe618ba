"""The sagas of the kill loops, and how each must end; between them they use every path of the engine."""

from __future__ import annotations

from engine.core.document import parse_saga
from engine.core.saga import Saga

QUICK = "timeout_s: 0.5\n    settle_s: 0.1\n    retry: {max_attempts: 9, backoff_s: 0.02}"
UNDO_RETRY = "retry: {max_attempts: 30, backoff_s: 0.02, max_backoff_s: 0.5}"


def step(name: str, collection: str, body: str, *extra: str, undo: bool = True) -> str:
    """Return a step that makes a record in a collection of the practice world, undone by its key."""
    lines = [
        f"  {name}:",
        "    kind: http",
        f'    with: {{method: POST, url: "${{world}}/{collection}", json: {body}, refused_on: [503]}}',
        f"    {QUICK}",
        *(f"    {line}" for line in extra),
    ]
    if undo:
        found = f'url: "${{world}}/{collection}", params: {{key: "${{key}}"}}'
        lines += [
            "    effect: compensatable",
            f"    compensate: {{kind: http, timeout_s: 0.5, {UNDO_RETRY}, with: {{method: DELETE, {found}}}}}",
        ]
    return "\n".join(lines)


def ticket(name: str, *extra: str) -> str:
    return step(name, "tickets", f"{{title: {name}, severity: low}}", *extra)


def after(name: str) -> str:
    return f"needs: {name}"


REFUSED = ticket("refused", "needs: d").replace(
    'POST, url: "${world}/tickets', 'POST, url: "${world}/nowhere'
)
CHAIN = [ticket("a"), ticket("b", after("a")), ticket("c", after("b")), ticket("d", after("c"))]
RULES = """[{when: 'steps.a.output.severity == "high"', to: high}]"""
BRANCH = [
    ticket("a"),
    f"  pick: {{kind: route, needs: a, with: {{branches: [high, low], rules: {RULES}, default: low}}}}",
    ticket("b", after("pick.low")),
    ticket("x", after("pick.high")),
    step("hold", "payments/authorisations", "{amount_usd: 5, order: o1}", "needs: b"),
    ticket("d", after("hold")),
]
MONEY = "{amount_usd: 5, order: o1}"

TEXTS = {
    "chain": CHAIN,
    "doomed": [*CHAIN, REFUSED],
    "diamond": [
        ticket("a"),
        *(ticket(name, after("a")) for name in ("b1", "b2", "b3")),
        step("hold", "payments/authorisations", MONEY, "needs: [b1, b2, b3]"),
    ],
    "branch": BRANCH,
    "branch-doomed": [*BRANCH, REFUSED],
    "asked": [
        ticket("a"),
        "  ask: {kind: approval, needs: a, with: {question: go on?}}",
        ticket("b", after("ask"), "approval: {question: really?}"),
    ],
    "denied": [
        ticket("a"),
        ticket("a2"),
        "  ask: {kind: approval, needs: [a, a2], with: {question: go on?}}",
        ticket("b", after("ask")),
    ],
    "cancelled": CHAIN,
    "pivot": [
        ticket("a"),
        step("pay", "payments/captures", MONEY, "needs: a", "effect: pivot", undo=False),
        step("ship", "notices", "{to: you, text: sent}", "needs: pay", "effect: retriable", undo=False),
    ],
    "faulty": [
        step("n1", "changes", "{service: s, action: one}"),
        step("n2", "changes", "{service: s, action: two}", "needs: n1"),
    ],
    "faulty-doomed": [
        step("n1", "changes", "{service: s, action: one}"),
        step("d", "changes", "{service: s, action: two}", "needs: n1"),
        REFUSED,
    ],
}  # fmt: skip
ENDS: dict[str, set[str]] = {
    "chain": {"completed"},
    "doomed": {"compensated"},
    "diamond": {"completed"},
    "branch": {"completed"},
    "branch-doomed": {"compensated"},
    "asked": {"completed"},
    "denied": {"compensated"},
    "cancelled": {"compensated", "completed"},
    "pivot": {"completed"},
    "faulty": {"completed"},
    "faulty-doomed": {"compensated"},
}
SAGAS: dict[str, Saga] = {
    name: parse_saga(f"saga: {name}\nsteps:\n" + "\n".join(steps)) for name, steps in TEXTS.items()
}
EFFECTS: dict[str, int] = {
    name: sum(definition.kind == "http" for definition in saga.steps.values()) for name, saga in SAGAS.items()
} | {"branch": 4}
"""How many records a completed run leaves standing."""
FAULTS = [
    {"kind": kind, "resource": "changes", "operation": operation, "times": 1, "delay_s": delay}
    for kind, delay in (
        ("fail", 0),
        ("error_after", 0),
        ("timeout_but_land", 1.5),
        ("land_late", 0.55),
        ("slow", 0.1),
    )
    for operation in ("create", "cancel")
]
"""What the world does to the calls of the faulty sagas, again and again."""
