"""From an outline to the document of a saga: code writes what follows from the tools, the model's words fill the rest."""

from __future__ import annotations

import json
from typing import Any

from engine.planning.words.answers import ConstraintAnswer, Node, Spec, Undo
from engine.planning.words.outline import Outline, literal
from engine.planning.words.problem import Words
from engine.planning.words.tools import Tool

Json = Any
Document = dict[str, Any]
WORLD = "${world}/"
SPENT = "spent_usd"
ORDER = (
    "kind", "title", "description", "needs", "effect", "with", "output", "validate", "writes", "retry", "timeout_s",
    "settle_s", "probe", "compensate", "compensate_reason",
)  # fmt: skip
"""How people write a step."""
CALL = {"timeout_s": 8, "settle_s": 1}
PATIENT = {"max_attempts": 10, "backoff_s": 1, "max_backoff_s": 30}
CALM = {"max_attempts": 2, "backoff_s": 0.2}


def assembled(outline: Outline, by: str, words: Words) -> Document:
    """Return the saga that an outline says, every part of it marked as written by `by`."""
    frame = outline.frame
    assert frame is not None
    limit = money_limit(outline)
    steps = {node.id: _step(outline, node, by, counts=limit is not None) for node in outline.nodes}
    document: Document = {"saga": frame.name, "title": frame.title, "description": frame.summary}
    document |= {"input": outline.input_schemas(), "goals": list(frame.goals)}
    document["constraints"] = list(words.constraints)
    if limit is not None:
        rule = f"app.{SPENT} <= {amount(outline, limit.object)}"
        document |= {"app": {SPENT: 0}, "invariants": [{"name": limit.name, "rule": rule}]}
    document |= {"steps": steps, "edges": _edges(outline), "output": _output(outline)}
    parts = [part for part in ("input", "goals", "invariants", "edges", "output") if document.get(part)]
    whole = {key: value for key, value in document.items() if value not in ([], {}, "")} | {
        "drafted": {"by": by, "words": words.problem, "parts": parts}
    }
    copied: Document = json.loads(json.dumps(whole))  # nothing in it stands in two places: YAML would say so
    return copied


def money_limit(outline: Outline) -> ConstraintAnswer | None:
    """Return the constraint on what all of it may cost, if there is one and a step says what it costs."""
    frame = outline.frame
    found = [c for c in frame.constraints if c.kind == "at_most" and c.subject == "cost_usd"] if frame else []
    is_priced = any(tool.is_priced for node in outline.nodes if (tool := outline.tool(node)))
    return found[0] if found and is_priced and limit_of(outline, found[0]) is not None else None


def limit_of(outline: Outline, constraint: ConstraintAnswer) -> float | None:
    """Return the number that a limit is, an input's example where it names one; None where it is neither."""
    inputs = outline.input_schemas()
    given: Json = constraint.object.removeprefix("run.input.")
    given = inputs[given].get("default") if given in inputs else given
    try:
        return float(given)
    except (TypeError, ValueError):
        return None


def amount(outline: Outline, given: str) -> str:
    """Return a limit as an expression: an input of that name, or the number."""
    name = given.removeprefix("run.input.")
    return f"run.input.{name}" if name in outline.input_schemas() else given


def _step(outline: Outline, node: Node, by: str, *, counts: bool) -> Document:
    tool, spec = outline.tool(node), outline.specs.get(node.id, Spec())
    needs = list(dict.fromkeys(e.first for e in outline.edges.edges if e.then == node.id))
    step: Document = {"kind": tool.kind if tool else "python", "title": node.title}
    step |= {"description": node.does} if node.does else {}
    step |= {"needs": needs} if needs else {}
    if tool is None:
        step |= {"with": {"function": node.tool}}
    else:
        step |= _MAKE[tool.kind](outline, node, tool, spec)
    if tool is not None and tool.has_effect:
        step |= _effect(outline, node, tool, counts=counts)
    parts = ["call", *(["output"] if "output" in step else [])]
    parts += ["checks"] if step.keys() & {"validate", "writes"} else []
    parts += ["undo"] if "compensate" in step else []
    return {key: step[key] for key in ORDER if key in step} | {"drafted": {"by": by, "parts": parts}}


def _http(outline: Outline, node: Node, tool: Tool, spec: Spec) -> Document:
    arguments = given_arguments(tool, spec)
    call: Document = {"url": f"{WORLD}{tool.name}"}
    if tool.has_effect:
        call = {"method": "POST", **call, "json": arguments, "refused_on": [503]}
    elif arguments:
        call |= {"params": arguments}
    step: Document = {"with": call}
    if node.id not in outline.past_pivot() or not tool.has_effect:
        step["output"] = _promised(outline, node)
    return step | _checks(outline, node, spec) | (CALL if tool.has_effect else {})


def _llm(outline: Outline, node: Node, _tool: Tool, spec: Spec) -> Document:
    role = next((r for r in outline.roles.roles if r.name == node.role), None) if outline.roles else None
    given = "\n".join(f"{entry.name}: {entry.value}" for entry in spec.args)
    call: Document = {"system": f"You are the {node.role}: {role.does}."} if role else {}
    call |= {"prompt": f"{spec.prompt}\n\n{given}".strip(), "max_tokens": _tokens(spec)}
    call |= {"model": spec.model} if spec.model else {}
    step: Document = {"with": call}
    if spec.gives:
        step["output"] = _promised(outline, node) | {"additionalProperties": False}
    return step | _checks(outline, node, spec) | {"retry": CALM}


def _tokens(spec: Spec) -> int:
    """Return how long an answer may be: a token is three characters or more, and JSON takes some."""
    chars = sum(entry.longest or 400 for entry in spec.gives) or 800
    return min(60 + chars // 3, 4000)


def _python(outline: Outline, node: Node, tool: Tool, spec: Spec) -> Document:
    return {"with": {"function": tool.name, "args": given_arguments(tool, spec)}} | _checks(
        outline, node, spec
    )


def _approval(_outline: Outline, node: Node, _tool: Tool, spec: Spec) -> Document:
    call: Document = {"question": spec.prompt or f"{node.title}?", "group": node.role}
    return {"with": call | ({"evidence": {v.name: v.value for v in spec.args}} if spec.args else {})}


_MAKE = {"http": _http, "llm": _llm, "python": _python, "approval": _approval}


def given_arguments(tool: Tool, spec: Spec) -> Document:
    """Return the arguments of a call, each as the value that the tool takes."""
    kinds = {**tool.takes, **tool.optional}
    return {entry.name: literal(entry.value, kinds.get(entry.name, "any")) for entry in spec.args}


def _promised(outline: Outline, node: Node) -> Document:
    """Return the JSON Schema of a node's output: what is used of it, handed over or logged must be there."""
    known = outline.gives(node) or {}
    carried = [key for edge in outline.edges.edges if edge.first == node.id for key in edge.carries]
    logged = outline.specs.get(node.id, Spec()).log
    is_model = node.tool == "model"
    required = [name for name in known if is_model or name in {*carried, *logged}]
    properties = known if is_model else {name: known[name] for name in required}
    schema: Document = {"type": "object"}
    schema |= {"properties": properties} if properties else {}
    return schema | ({"required": required} if required else {})


def _checks(outline: Outline, node: Node, spec: Spec) -> Document:
    """Return the validators of a node; past a point of no return they only note what they find."""
    tool = outline.tool(node)
    late = node.id in outline.past_pivot()
    on_fail = "feedback" if late else "reject" if tool is not None and tool.has_effect else "retry"
    found: list[Document] = [{"name": c.name, "rule": c.rule, "on_fail": on_fail} for c in spec.checks]
    if spec.judge and tool is not None and tool.kind == "llm":
        found.append({"name": f"{node.id}_judged", "kind": "judge", "rubric": spec.judge, "on_fail": on_fail})
    return {"validate": found} if found else {}


def _effect(outline: Outline, node: Node, tool: Tool, *, counts: bool) -> Document:
    """Return what the step does outside, how one finds out whether it landed, and how it is undone."""
    found: Document = {}
    if tool.kind == "http":
        found["probe"] = {"with": {"url": f"{WORLD}{tool.name}", "params": {"key": "${key}"}}}
    if node.id in outline.past_pivot():
        return {"effect": "retriable", "retry": PATIENT, **found} | _spent(tool, counts=counts)
    if node.id in outline.pivots():
        return {"effect": "pivot", **found} | _spent(tool, counts=counts)
    undo = _undo(tool, outline.undos.get(node.id, Undo()))
    if counts and tool.is_priced and isinstance(undo.get("compensate"), dict):
        undo["compensate"]["writes"] = {SPENT: f"round(app.{SPENT} - undo.refund_usd, 2)"}
    return {"effect": "compensatable", **found, **undo} | _spent(tool, counts=counts)


def _spent(tool: Tool, *, counts: bool) -> Document:
    return (
        {"writes": {SPENT: f"round(app.{SPENT} + output.cost_usd, 2)"}} if counts and tool.is_priced else {}
    )


def _undo(tool: Tool, undo: Undo) -> Document:
    """Return the compensation that the model proposed; nothing where it proposed none."""
    if undo.action == "none":
        return {"compensate": "none", "compensate_reason": undo.reason}
    if tool.undo is None or undo.action != tool.undo.action:
        return {}
    given = {entry.name: entry.value for entry in undo.inputs}
    call: Document = {"method": "DELETE", "url": f"{WORLD}{tool.name}"}
    if "id" in given:
        call["url"] += f"/{given['id']}"
    else:
        call["params"] = {"key": given.get("key", "")}
    return {"compensate": {"kind": "http", "with": {**call, "refused_on": [503]}, "timeout_s": 8}}


def _edges(outline: Outline) -> list[Document]:
    """Return a contract for each edge that hands something over."""
    found = []
    for edge in outline.edges.edges:
        node = outline.node(edge.first)
        known = (outline.gives(node) or {}) if node else {}
        if edge.carries and node is not None and outline.node(edge.then) and _is_checked(node):
            schema = {
                "type": "object",
                "properties": {key: known[key] for key in edge.carries if key in known},
                "required": list(edge.carries),
            }
            name = f"{edge.first}_hands_over_to_{edge.then}"[:48]
            late = edge.first in outline.past_pivot() | outline.pivots()
            check = {"name": name, "kind": "schema", "schema": schema} | (
                {"on_fail": "feedback"} if late else {}
            )
            found.append({"from": edge.first, "to": edge.then, "validate": [check]})
    return found


def _is_checked(node: Node) -> bool:
    return node.tool != "person"


def _output(outline: Outline) -> Document:
    """Return what the run gives: what each node must put on record."""
    return {
        name: {key: f"${{steps.{name}.output.{key}}}" for key in spec.log}
        for name, spec in outline.specs.items()
        if spec.log and outline.node(name)
    }
