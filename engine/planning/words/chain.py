"""A chain of narrow prompts as answers to the same questions: each link is a model step with a check of its own."""

from __future__ import annotations

from engine.planning.words.answers import (
    Answer,
    Chain,
    Check,
    EdgeAnswer,
    Edges,
    Frame,
    Link,
    Node,
    Nodes,
    RoleAnswer,
    Roles,
    Spec,
    Value,
)
from engine.planning.words.finding import Stage
from engine.planning.words.problem import Words

WRITER = RoleAnswer(name="writer", does="answers one narrow question, in the form asked for")


def expanded(chain: Chain, words: Words) -> dict[Stage, Answer]:
    """Return what a chain says, as answers to the questions of a saga."""
    nodes = tuple(
        Node(id=link.id, title=link.title, role=WRITER.name, tool="model", does=link.criterion.words)
        for link in chain.steps
    )
    found: dict[Stage, Answer] = {
        "frame": Frame(
            name=chain.name,
            title=chain.title,
            summary=words.problem[:400],
            inputs=chain.inputs,
            goals=(words.problem[:300],),
        ),
        "roles": Roles(roles=(WRITER,)),
        "nodes": Nodes(nodes=nodes),
        "edges": Edges(edges=tuple(edge for link in chain.steps for edge in _edges(link))),
    }
    return found | {f"spec:{link.id}": _spec(link) for link in chain.steps}


def _edges(link: Link) -> list[EdgeAnswer]:
    """Return one edge for each earlier link that is used, with what it hands over."""
    carried: dict[str, list[str]] = {}
    for used in link.uses:
        source, _, key = used.partition(".")
        if source != "input":
            carried.setdefault(source, []).append(key)
    return [EdgeAnswer(first=first, then=link.id, carries=tuple(keys)) for first, keys in carried.items()]


def _spec(link: Link) -> Spec:
    rule = link.criterion.rule.strip()
    return Spec(
        args=tuple(Value(name=used.rpartition(".")[2] or used, value=_hole(used)) for used in link.uses),
        prompt=f"{link.prompt}\nIt must hold: {link.criterion.words}",
        gives=link.gives,
        checks=(Check(name=f"{link.id}_holds", rule=rule),) if rule else (),
        judge="" if rule else link.criterion.words,
        log=(link.gives[0].name,),
    )


def _hole(used: str) -> str:
    source, _, key = used.partition(".")
    return f"${{run.input.{key}}}" if source == "input" else f"${{steps.{source}.output.{key}}}"
