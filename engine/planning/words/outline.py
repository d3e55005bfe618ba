"""The answers so far, put together: what a draft is before it is a saga."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx

from engine.planning.words.answers import Answer, Edges, Frame, Node, Nodes, Roles, Spec, Undo
from engine.planning.words.finding import Stage
from engine.planning.words.tools import Tool

Json = Any
_TYPES = {
    "text": "string",
    "number": "number",
    "integer": "integer",
    "yes_no": "boolean",
    "list": "array",
    "date": "string",
}


@dataclass(frozen=True)
class Outline:
    """What the answers say, by question; what was not asked yet is empty.

    Attributes:
        tools: what steps may use, by name.
    """

    tools: Mapping[str, Tool]
    frame: Frame | None = None
    roles: Roles | None = None
    nodes: tuple[Node, ...] = ()
    edges: Edges = field(default_factory=Edges)
    specs: Mapping[str, Spec] = field(default_factory=dict)
    undos: Mapping[str, Undo] = field(default_factory=dict)

    def node(self, name: str) -> Node | None:
        """Return the node of that id, or None."""
        return next((node for node in self.nodes if node.id == name), None)

    @property
    def titles(self) -> dict[str, str]:
        """What people call each node."""
        return {node.id: node.title for node in self.nodes}

    def tool(self, node: Node) -> Tool | None:
        """Return the tool that a node uses, or None for one that is not there."""
        return self.tools.get(node.tool)

    def users_of(self, tool: str) -> list[str]:
        """Return the nodes that use a tool."""
        return [node.id for node in self.nodes if node.tool == tool]

    def graph(self) -> nx.DiGraph[str]:
        """Return the dependencies between nodes that are there."""
        found: nx.DiGraph[str] = nx.DiGraph()
        names = [node.id for node in self.nodes]
        found.add_nodes_from(names)
        found.add_edges_from(
            (e.first, e.then) for e in self.edges.edges if e.first in names and e.then in names
        )
        return found

    def in_order(self) -> list[Node]:
        """Return the nodes, prerequisites first; as they were given where they go in circles."""
        graph, place = self.graph(), {node.id: index for index, node in enumerate(self.nodes)}
        if not nx.is_directed_acyclic_graph(graph):
            return list(self.nodes)
        order = list(nx.lexicographical_topological_sort(graph, key=place.__getitem__))
        return [self.nodes[place[name]] for name in order]

    def pivots(self) -> set[str]:
        """Return the nodes whose effect can't be taken back by its tool."""
        return {n.id for n in self.nodes if (t := self.tool(n)) and t.has_effect and t.undo is None}

    def past_pivot(self) -> set[str]:
        """Return the nodes that come after a point of no return."""
        graph = self.graph()
        return {after for pivot in self.pivots() for after in nx.descendants(graph, pivot)}

    def undoable(self) -> Iterator[Node]:
        """Yield the nodes whose effect needs an undo: all before a point of no return."""
        after = self.past_pivot() | self.pivots()
        for node in self.nodes:
            tool = self.tool(node)
            if tool is not None and tool.has_effect and node.id not in after:
                yield node

    def gives(self, node: Node) -> dict[str, dict[str, Json]] | None:
        """Return the schemas of a node's output fields; None where anything may come."""
        tool = self.tool(node)
        if tool is None or tool.kind == "python":
            return None
        if tool.kind != "llm":
            return {name: {"type": kind} for name, kind in tool.gives.items()}
        spec = self.specs.get(node.id)
        if spec is None or not spec.gives:
            return {"text": {"type": "string"}}
        return {entry.name: _schema(entry) for entry in spec.gives}

    def input_schemas(self) -> dict[str, dict[str, Json]]:
        """Return the JSON Schema of each of the saga's inputs, its example as the default."""
        found = {}
        for entry in self.frame.inputs if self.frame else ():
            schema: dict[str, Json] = {"type": _TYPES[entry.type]}
            schema |= {"format": "date"} if entry.type == "date" else {}
            schema |= {"default": literal(entry.example, entry.type)}
            found[entry.name] = schema | ({"description": entry.meaning} if entry.meaning else {})
        return found


def _schema(entry: Any) -> dict[str, Json]:
    if entry.choices:
        return {"type": "string", "enum": list(entry.choices)}
    schema: dict[str, Json] = {"type": _TYPES[entry.type]}
    if entry.type == "list":
        schema |= {"items": {"type": "string", "maxLength": 200}, "maxItems": 10}
    if entry.type == "text":
        schema |= {"minLength": 1, "maxLength": entry.longest or 1000}
    return schema


def literal(text: str, kind: str) -> Json:
    """Return what a text stands for as a value of a kind; the text itself where it is none."""
    bare = text.strip()
    if kind == "yes_no":
        return bare.casefold() in {"yes", "true", "1"}
    if kind in {"number", "integer", "amount", "quantity", "nights", "stars"}:
        if re.fullmatch(r"-?\d{1,12}", bare):
            return int(bare)
        if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", bare) and kind in {"number", "amount"}:
            return float(bare)
    return text


def outline_of(answers: Mapping[Stage, Answer], tools: Mapping[str, Tool]) -> Outline:
    """Return the outline that some answers make, by question."""
    found = Outline(tools)
    for stage, answer in answers.items():
        match answer:
            case Frame():
                found = replace(found, frame=answer)
            case Roles():
                found = replace(found, roles=answer)
            case Nodes():
                found = replace(found, nodes=answer.nodes)
            case Edges():
                found = replace(found, edges=answer)
            case Spec():
                found = replace(found, specs={**found.specs, stage.partition(":")[2]: answer})
            case Undo():
                found = replace(found, undos={**found.undos, stage.partition(":")[2]: answer})
    return found
