"""Sixty steps with 2 kB each: what step 1 stated still counts in step 60, inside the budget, and is enforced.

Contradictions are planted in the last output that only a constraint of the first step forbids; the judge knows
nothing but the messages it gets, so it can catch only what its context still holds.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from engine.core.context.rebuild import rebuild
from engine.core.run import Run
from engine.llm_port import LlmReply, LlmRequest
from engine.scripted import ScriptedLlm
from engine.steps.python import Functions
from tests.engine.test_judges import JUDGE, Desk, desk

STEPS = 60
BUDGET = 1000
GOAL = "Bring the seed samples from Lisbon to the vault in Longyearbyen before 2026-06-30"
CONSTRAINTS = {
    "total_usd": "the total stays below 4200 USD",
    "travel_days": "nobody travels on 2026-06-17",
    "vessel": "the vessel Aurora is not used",
    "warmest_c": "the crate never gets warmer than 8 degrees",
}
FINE = {"total_usd": 3900, "travel_days": ["2026-06-15"], "vessel": "Boreas", "warmest_c": 5}
NEAR = {"total_usd": 4199, "travel_days": ["2026-06-16", "2026-06-18"], "vessel": "Aurora II", "warmest_c": 8}
PLANTED = {"total_usd": 4200, "travel_days": ["2026-06-16", "2026-06-17"], "vessel": "Aurora", "warmest_c": 9}
RULES = {
    r"total stays below (\d+) USD": lambda out, limit: out["total_usd"] < int(limit),
    r"nobody travels on ([\d-]+)": lambda out, day: day not in out["travel_days"],
    r"vessel (\w+) is not used": lambda out, name: out["vessel"] != name,
    r"never gets warmer than (\d+)": lambda out, limit: out["warmest_c"] <= int(limit),
}
FIRST = {"goal": GOAL, "constraints": list(CONSTRAINTS.values())}


def filler(number: int) -> dict[str, Any]:
    """Return about 2 kB that belong to another matter, with words of the last prompt now and then."""
    dice = random.Random(number)
    words = [
        "the",
        "final",
        "plan",
        "for",
        "a",
        "crate",
        "is",
        "right",
        ":",
        "write",
        "permit",
        "harbour",
        "customs",
        "weather",
        "ledger",
        "route",
        "invoice",
    ]
    told = (f"{dice.choice(words)} {dice.choice(words)} {dice.randint(0, 99)}" for _ in range(130))
    return {"section": number, "text": " ".join(told)}


def broken(text: str, output: dict[str, Any]) -> list[str]:
    """Return the rules in a text that an output breaks."""
    found = (
        (match[0], holds(output, match[1]))
        for rule, holds in RULES.items()
        for match in re.finditer(rule, text)
    )
    return list(dict.fromkeys(rule for rule, held in found if not held))


class Model(ScriptedLlm):
    """Writes the planned last output, and judges by nothing but the messages it gets."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__()
        self.plan = plan

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.calls.append(request)
        system, user = request.messages[0].content, request.messages[-1].content
        if JUDGE in system:
            output = json.loads(user.split("<output>\n")[1].split("\n</output>")[0])
            found = broken(system, output)
            answer: Any = {"accept": not found, "evidence": "; ".join(found)}
        else:
            answer = self.plan
        return LlmReply(text=json.dumps(answer), data=answer, model=request.model)


def saga(steps: int = STEPS, validate: str = "", effort: str = "select: ancestors") -> str:
    lines = [
        "  s1: {kind: python, with: {function: tell, args: {n: 1}}, states: {goals: output.goal, constraints: output.constraints}}"
    ]
    lines += [
        f"  s{n}: {{kind: python, needs: s{n - 1}, with: {{function: tell, args: {{n: {n}}}}}}}"
        for n in range(2, steps)
    ]
    lines.append(f"""
  s{steps}:
    kind: llm
    needs: s{steps - 1}
    with: {{prompt: Write the final plan for the crate.}}
    output: {{type: object, required: [total_usd, travel_days, vessel, warmest_c]}}
    context: {{budget_tokens: {BUDGET}, {effort}}}
    validate: [{validate}]""")
    return "\n".join(["saga: long", "steps:", *lines])


def functions() -> Functions:
    known = Functions()
    known.register("tell")(lambda n: FIRST if n == 1 else filler(n))

    @known.register("keeps_to_it")
    def keeps_to_it(output: dict[str, Any], constraints: list[str]) -> dict[str, Any]:
        found = broken("\n".join(constraints), output)
        return {"accept": not found, "evidence": "; ".join(found)}

    return known


BY_JUDGE = "{kind: judge, name: sticks, rubric: The final plan is right.}"
BY_CODE = "{kind: python, name: sticks, with: {function: keeps_to_it, args: {output: '${output}', constraints: '${steps.s1.output.constraints}'}}}"


def played(plan: dict[str, Any], validate: str = "") -> tuple[Run, Model, Desk]:
    model = Model(plan)
    with desk(model, functions()) as at:
        return at.ended(saga(validate=validate)), model, at


def test_the_outputs_are_about_2_kb_each() -> None:
    sizes = [len(json.dumps(filler(n))) for n in range(2, STEPS)]
    assert min(sizes) > 1700
    assert max(sizes) < 2300


def test_the_goal_and_every_constraint_of_step_1_are_in_the_context_of_step_60_inside_the_budget() -> None:
    run, model, at = played(FINE, BY_JUDGE)
    assert run.status == "completed"
    step = run.steps[f"s{STEPS}"]
    for attempt in (step.attempts[0], step.checks[0]):
        shown = attempt.intent.request["context"]
        assert f"Goals:\n- {GOAL}\n" in shown["text"]
        assert all(f"- {rule}" in shown["text"] for rule in CONSTRAINTS.values())
        assert 0 < shown["tokens"] <= shown["budget_tokens"] == BUDGET
        history = at.store.history(run.id)
        assert rebuild(run.saga, history, attempt.seq) == shown
    prompt = model.calls[0].messages[-1].content
    assert GOAL in prompt
    assert "tokens left out, event" in prompt


@pytest.mark.parametrize("validate", [BY_JUDGE, BY_CODE], ids=["judge", "code"])
class TestContradictions:
    @pytest.mark.parametrize("what", PLANTED)
    def test_each_that_only_step_1_forbids_is_caught(self, what: str, validate: str) -> None:
        run, _, _ = played({**FINE, what: PLANTED[what]}, validate)
        [verdict] = [v for v in run.steps[f"s{STEPS}"].verdicts if v.validator == "sticks"]
        assert verdict.verdict == "reject"
        assert run.status == "compensated"
        assert verdict.evidence in CONSTRAINTS[what]

    @pytest.mark.parametrize("what", NEAR)
    def test_a_near_miss_passes(self, what: str, validate: str) -> None:
        run, _, _ = played({**FINE, what: NEAR[what]}, validate)
        assert run.status == "completed"


def test_a_judge_without_the_critical_section_would_miss_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.core.context.build.statements", lambda run: [])
    run, _, _ = played(PLANTED, BY_JUDGE)
    assert run.status == "completed"


def test_the_prompt_does_not_grow_with_the_run() -> None:
    sizes = {}
    for steps in (20, 60, 180):
        model = Model(FINE)
        with desk(model, functions()) as at:
            run = at.ended(saga(steps))
        shown = run.steps[f"s{steps}"].attempts[0].intent.request["context"]
        sizes[steps] = (len(model.calls[0].messages[-1].content), shown["tokens"], len(shown["items"]))
    assert all(tokens <= BUDGET for _, tokens, _ in sizes.values())
    assert max(chars for chars, _, _ in sizes.values()) < 1.15 * min(chars for chars, _, _ in sizes.values())
    assert max(items for _, _, items in sizes.values()) <= 16
