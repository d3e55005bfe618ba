"""The questions as a model reads them: each narrow, with what it needs to know, and what was wrong with its last answer."""

from __future__ import annotations

from collections.abc import Sequence

from engine.planning.words.answers import Answer, Chain, Edges, Frame, Node, Nodes, Roles, Spec, Undo
from engine.planning.words.finding import Finding, Stage
from engine.planning.words.outline import Outline
from engine.planning.words.problem import APPROACHES, Words

SYSTEM = (
    "You design sagas: workflows whose steps act on the world and can be taken back. "
    "You answer exactly the question asked, as JSON of the given form, and nothing else."
)
ANSWERS: dict[str, type[Answer]] = {
    "frame": Frame,
    "roles": Roles,
    "nodes": Nodes,
    "edges": Edges,
    "spec": Spec,
    "undo": Undo,
    "chain": Chain,
}
MAX_TOKENS = {"frame": 900, "roles": 400, "nodes": 900, "edges": 500, "spec": 700, "undo": 200, "chain": 1500}
_ASK = {
    "frame": (
        "State the problem: a short name (small letters, digits, -), a title, the inputs that a run needs with an "
        "example value each, the goals, and each numbered constraint in a form that code can check: "
        "`at_most` (subject cost_usd, minutes or steps; object a number or an input), `before` (subject and object "
        "are tools), `asks_person` (subject a tool), `uses` (subject a tool), or `words`. `prefer` lists the metrics."
    ),
    "roles": "Name the roles that this needs, and what each is responsible for.",
    "nodes": (
        "Break the work into nodes. Each has an id (small letters, digits, _), a role of those above, exactly one "
        "tool of those above, what it does, and how many minutes it may take."
    ),
    "edges": (
        "Say which node must wait for which: `first` is done before `then`. `carries` lists the fields of the output "
        "of `first` that `then` uses. A graph without circles, and no more edges than needed."
    ),
    "spec": (
        "Say how this node is done. `args`: the tool's arguments; a value is a text in which `${run.input.NAME}` and "
        "`${steps.NODE.output.FIELD}` stand for inputs and for outputs of nodes that come before, and "
        "`${add_days(run.input.DATE, 3)}` for dates. For the tool `model` write the `prompt` and the fields that it "
        "`gives`; for `person` the `prompt` is the question. `checks` are rules such as `size(output.title) <= 60`. "
        "`log` lists the fields of its output that must be on record."
    ),
    "undo": (
        "Say how the effect of this node is taken back: `action` is the tool's word for its undo, `inputs` by what it "
        "finds the effect: one of `key` with the value `${key}`, or `id` with `${output.id}`. Where nothing can undo it, "
        "`action` is `none`, with the reason."
    ),
    "chain": (
        "Break the request into a chain of narrow prompts, each so small that a weak model gets it right. Each has an "
        "id, a prompt, what it uses (`input.NAME` or `STEP.FIELD` of an earlier step), the fields it gives, and a "
        "criterion: in words, and as a rule over `output` where one can say it, such as `size(output.text) <= 200`."
    ),
}


def system_prompt() -> str:
    """Return the system message of every question."""
    return SYSTEM


def question(
    stage: Stage, outline: Outline, words: Words, findings: Sequence[Finding], earlier: Answer | None
) -> str:
    """Return the user message that asks one question."""
    kind, _, name = stage.partition(":")
    blocks = [_problem(words, kind)]
    if kind in {"nodes", "spec", "undo"}:
        blocks.append(_tools(outline, name))
    if kind != "frame":
        blocks += _known(outline, kind)
    if name:
        node = outline.node(name)
        assert node is not None
        blocks.append(f"Node:\n{_node(node)}")
    blocks.append(f"Task: {kind}{' ' + name if name else ''}\n{_ASK[kind]}")
    blocks += _again(findings, earlier)
    return "\n\n".join(block for block in blocks if block)


def _problem(words: Words, kind: str) -> str:
    lines = [f"Problem: {words.problem}"]
    lines += [f"Constraint {number}: {text}" for number, text in enumerate(words.constraints, 1)]
    lines += [f"Metric: {text}" for text in words.metrics]
    if kind in {"nodes", "edges"}:
        lines.append(f"Approach: {APPROACHES[words.approach]}")
    return "\n".join(lines)


def _tools(outline: Outline, name: str) -> str:
    node = outline.node(name)
    tools = [t for t in outline.tools.values() if node is None or t.name == node.tool]
    return "Tools:\n" + "\n".join(f"- {tool.line()}" for tool in tools)


def _known(outline: Outline, kind: str) -> list[str]:
    """Return what earlier answers said, as far as this question needs it."""
    blocks = []
    if outline.frame and kind != "undo":
        inputs = ", ".join(f"{entry.name} ({entry.type})" for entry in outline.frame.inputs)
        blocks.append(f"Inputs: {inputs or 'none'}")
    if outline.roles and kind == "nodes":
        blocks.append("Roles:\n" + "\n".join(f"- {role.name}: {role.does}" for role in outline.roles.roles))
    if outline.nodes and kind in {"edges", "spec"}:
        lines = [f"{_node(node)}{_gives(outline, node)}" for node in outline.nodes]
        blocks.append("Nodes:\n" + "\n".join(lines))
    if outline.edges.edges and kind == "spec":
        order = "; ".join(f"{edge.first} before {edge.then}" for edge in outline.edges.edges)
        blocks.append(f"Order: {order}")
    return blocks


def _node(node: Node) -> str:
    return f"- {node.id} ({node.role}, tool {node.tool}): {node.does or node.title}"


def _gives(outline: Outline, node: Node) -> str:
    gives = outline.gives(node)
    is_open = node.tool == "model" and node.id not in outline.specs
    return "" if not gives or is_open else f"; gives {', '.join(gives)}"


def _again(findings: Sequence[Finding], earlier: Answer | None) -> list[str]:
    if not findings:
        return []
    said = [f"- {finding}" for finding in findings]
    before = (
        [f"Your earlier answer was:\n{earlier.model_dump_json(exclude_defaults=True)}"] if earlier else []
    )
    return [*before, "It was not accepted:\n" + "\n".join(said) + "\nAnswer again and mend this."]
