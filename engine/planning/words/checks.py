"""Structural checks of a draft: roles, tools, arguments, producers, undos; and then all that publishing checks.

Each finding names the question whose answer must change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.core.checks import publish_problems
from engine.core.checks_contracts import output_paths
from engine.core.checks_expressions import some, uses
from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid, Problem
from engine.core.saga import Saga
from engine.planning.words.answers import Node, Undo, Value
from engine.planning.words.assemble import Document
from engine.planning.words.finding import Code, Finding, Stage
from engine.planning.words.outline import Outline, literal
from engine.planning.words.tools import NUMBERS, Tool, kind_words

_UNDO_USES = re.compile(r"\$\{(?:key|(?:output|request)\.[a-z_]+|run\.(?:id|input\.[a-z_]+))\}")


def outline_findings(outline: Outline) -> Iterator[Finding]:
    """Yield what the answers say that fits nothing: roles, tools, ends of edges, arguments, undos."""
    yield from _twice(outline)
    roles = [role.name for role in outline.roles.roles] if outline.roles else []
    for node in outline.nodes:
        where = f"steps.{node.id}"
        if node.role not in roles:
            what = f"'{node.role}' is no role"
            yield Finding("unknown_role", "nodes", f"{where}.role", what, f"roles are {', '.join(roles)}")
        tool = outline.tool(node)
        if tool is None:
            remedy = f"tools are {some(outline.tools)}"
            yield Finding("unknown_tool", "nodes", f"{where}.tool", f"there is no tool '{node.tool}'", remedy)
            continue
        yield from _arguments(outline, node, tool)
    yield from _edges(outline)
    for node in outline.undoable():
        yield from _undo(outline, node)


def _twice(outline: Outline) -> Iterator[Finding]:
    names = [node.id for node in outline.nodes]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Finding("invalid", "nodes", f"steps.{name}", "two nodes have this id", "give each its own")


def _edges(outline: Outline) -> Iterator[Finding]:
    for edge in outline.edges.edges:
        where = f"edges.{edge.first}>{edge.then}"
        for end in (edge.first, edge.then):
            if outline.node(end) is None:
                known = ", ".join(node.id for node in outline.nodes)
                what = f"'{end}' is no node"
                yield Finding("missing_dependency", "edges", where, what, f"nodes are {known}")
        node = outline.node(edge.first)
        gives = outline.gives(node) if node else None
        for key in edge.carries:
            if gives is not None and key not in gives:
                what = f"it hands over '{key}', which '{edge.first}' does not give"
                yield Finding("no_producer", "edges", where, what, f"it gives {', '.join(gives)}")


def _arguments(outline: Outline, node: Node, tool: Tool) -> Iterator[Finding]:
    spec, stage = outline.specs.get(node.id), f"spec:{node.id}"
    if spec is None:
        return
    where = f"steps.{node.id}.with"
    given = {entry.name: entry.value for entry in spec.args}
    for name in tool.takes.keys() - given.keys():
        what = f"`{name}` is missing: {kind_words(tool.takes[name])}"
        yield Finding("bad_argument", stage, where, what, f"give {', '.join(tool.takes)}")
    kinds = {**tool.takes, **tool.optional}
    for name, value in given.items():
        if name not in kinds and not tool.is_open:
            what = f"{tool.name} takes no `{name}`"
            yield Finding("bad_argument", stage, where, what, f"it takes {', '.join(kinds) or 'nothing'}")
        elif (
            "${" not in value and kinds.get(name) in NUMBERS and isinstance(literal(value, kinds[name]), str)
        ):
            what = f"`{name}` must be {kind_words(kinds[name])}, not '{value}'"
            yield Finding("bad_argument", stage, where, what)
    if tool.kind == "llm" and not spec.prompt.strip():
        yield Finding("bad_argument", stage, where, "the model is asked nothing", "write its prompt")
    gives = outline.gives(node)
    for key in spec.log:
        if gives is not None and key not in gives:
            what = f"`{key}` is to be on record, and nothing gives it"
            yield Finding("no_producer", stage, f"steps.{node.id}.log", what, f"there is {', '.join(gives)}")


def _undo(outline: Outline, node: Node) -> Iterator[Finding]:
    """Yield what is wrong with a compensation: none, one that its tool does not know, or inputs nobody has."""
    tool, undo = outline.tool(node), outline.undos.get(node.id, Undo())
    assert tool is not None
    assert tool.undo is not None
    where, stage, way = f"steps.{node.id}.compensate", f"undo:{node.id}", tool.undo
    remedy = f"say `{way.action}` by {' or '.join(way.takes)}, or `none` with a reason"
    if undo.action == "none":
        if not undo.reason.strip():
            what = "it says that nothing can undo this, and not why"
            yield Finding("missing_compensation", stage, where, what, remedy)
    elif undo.action != way.action:
        what = f"{tool.name} knows no undo '{undo.action}'" if undo.action else "its effect has no undo"
        yield Finding("missing_compensation", stage, where, what, remedy)
    else:
        yield from _undo_inputs(outline, node, way.takes, undo.inputs)


def _undo_inputs(
    outline: Outline, node: Node, takes: tuple[str, ...], inputs: tuple[Value, ...]
) -> Iterator[Finding]:
    where, stage = f"steps.{node.id}.compensate", f"undo:{node.id}"
    known = [entry for entry in inputs if entry.name in takes]
    if len(known) != 1 or len(inputs) != 1:
        what = "it does not say by what the effect is found"
        yield Finding(
            "compensation_inputs", stage, where, what, f"give one of {', '.join(takes)}, and no more"
        )
        return
    value, gives = known[0].value.strip(), outline.gives(node) or {}
    if _UNDO_USES.fullmatch(value) is None:
        what = f"`{value}` is nothing that an undo can know"
        yield Finding("compensation_inputs", stage, where, what, "use `${key}` or `${output.id}`")
    elif value.startswith("${output.") and value[9:-1] not in gives:
        what = f"`{value}` is nothing that the step gives"
        yield Finding("no_producer", stage, where, what, f"it gives {', '.join(gives)}")


def saga_findings(document: Document, outline: Outline) -> tuple[Saga | None, list[Finding]]:
    """Return the saga of an assembled draft, if it is one, and what keeps it from being published."""
    try:
        saga = saga_from_document(document)
    except DefinitionInvalid as invalid:
        return None, [_of(problem, "invalid") for problem in invalid.problems]
    if circle := saga.graph.cycle():
        shown = " -> ".join([*circle, circle[0]])
        remedy = "remove one of these dependencies"
        return saga, [Finding("cycle", "edges", f"steps.{circle[0]}.needs", f"a cycle: {shown}", remedy)]
    found = [*_unproduced(saga, outline)]
    places = {finding.where for finding in found}
    errors = [p for p in publish_problems(saga) if p.severity == "error" and not _is_untried(saga, p)]
    found += [_of(problem, _code(problem, saga)) for problem in errors if problem.path not in places]
    return saga, found


def _unproduced(saga: Saga, outline: Outline) -> Iterator[Finding]:
    """Yield what is used of an output that its step does not give."""
    for use in uses(saga):
        if isinstance(use.expression, str):
            continue
        for name, path in output_paths(use.expression.source):
            node = outline.node(name)
            gives = outline.gives(node) if node else None
            if gives is not None and path[0] not in gives:
                what = f"`{use.expression.source}` uses `{path[0]}`, which '{name}' does not give"
                remedy = f"'{name}' gives {', '.join(gives)}"
                yield Finding("no_producer", stage_of(use.where), use.where, what, remedy)


def _is_untried(saga: Saga, problem: Problem) -> bool:
    """Whether a problem is only that an undo was not tried yet: that comes next."""
    match = re.fullmatch(r"steps\.(\w+)\.compensate", problem.path)
    step = saga.steps.get(match[1]) if match else None
    return step is not None and step.drafted is not None and "undo" in step.drafted.parts


def _code(problem: Problem, saga: Saga) -> Code:
    if problem.path.endswith(".needs"):
        return "missing_dependency"
    match = re.fullmatch(r"steps\.(\w+)\.compensate(_reason)?", problem.path)
    if match and saga.steps[match[1]].compensate in {None, "none"}:
        return "missing_compensation"
    use = next((u for u in uses(saga) if u.where == problem.path and not isinstance(u.expression, str)), None)
    if use is not None and not isinstance(use.expression, str) and use.expression.steps:
        return "missing_dependency"
    return "invalid"


def _of(problem: Problem, code: Code) -> Finding:
    stage = "edges" if code == "missing_dependency" else stage_of(problem.path)
    return Finding(code, stage, problem.path, problem.problem, problem.remedy)


def stage_of(path: str) -> Stage:
    """Return the question whose answer stands at a place of the document."""
    match = re.match(r"steps\.(\w+)(?:\.(\w+))?", path)
    if match is None:
        return "edges" if path.startswith("edges") else "nodes" if path.startswith("steps") else "frame"
    if match[2] == "needs":
        return "edges"
    is_undo = match[2] in {"compensate", "compensate_reason", "probe"}
    return f"undo:{match[1]}" if is_undo else f"spec:{match[1]}"
