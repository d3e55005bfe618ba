"""Building a context: who is served first, what fits, and what stands in place of what does not.

1. The critical section is whole, whatever the budget; what is left of the budget is for the rest.
2. The rest is served in the policy's order: declared inputs, then outputs by relevance, then by recency.
3. A declared input that is too long is cut, another output is left out whole; both leave a reference behind,
   as long as there is room for one, and an entry under `items` in any case.
4. The same run, policy and tokenizer give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.context.critical import Statement, statements, written
from engine.core.context.pieces import Kind, Piece, candidates, declared
from engine.core.context.relevance import relevance
from engine.core.expressions import Scope
from engine.core.run import Run, StepState
from engine.core.validators import ContextPolicy

Json = Any
CRITICAL_ONLY = ContextPolicy(select="none", order=("critical",))
MAX_REFERENCES = 8
REFERENCES_TOKENS = 200
"""What is kept free for references at most; a fifth of the room where that is less."""
MIN_CUT_CHARS = 40
"""Less than this of an input says nothing."""
CHARS_PER_TOKEN = 16
"""More than a token ever has but for blanks: nobody looks behind that for the place to cut."""


@dataclass(slots=True)
class _Entry:
    """A piece with what became of it; `shown` is the text in the context, empty where it is left out."""

    piece: Piece
    kind: Kind
    tokens: int
    why: str
    shown: str = ""
    state: Literal["kept", "shortened", "left_out"] = "left_out"


@dataclass(slots=True)
class _Desk:
    """The room that is left for pieces, and the pieces so far."""

    count: Callable[[str], int]
    room: int
    entries: list[_Entry] = field(default_factory=list)

    def offer(self, piece: Piece, kind: Kind, why: str, *, cut: bool = False) -> None:
        """Show a piece if it fits, a part of it if it may be cut, or nothing."""
        entry = _Entry(piece, kind, self.count(piece.text), why)
        self.entries.append(entry)
        if self._fits(entry.piece.text):
            self._show(entry, "kept", piece.text)
        elif cut and (part := self._part(piece, entry.tokens)):
            self._show(entry, "shortened", part)
            entry.why = f"{why}; of its {entry.tokens} tokens the beginning fits"
            entry.tokens = self.count(part)
        else:
            entry.why = (
                f"{why}; its {entry.tokens} tokens do not fit into the {max(self.room, 0)} that are left"
            )

    def _fits(self, text: str) -> bool:
        return self.count(text) + 1 <= self.room

    def _show(self, entry: _Entry, state: Literal["kept", "shortened"], text: str) -> None:
        entry.state, entry.shown = state, text
        self.room -= self.count(text) + 1

    def _part(self, piece: Piece, tokens: int) -> str:
        """Return the longest beginning of a piece that fits with a reference to the rest; empty if next to nothing does."""
        low, high = 0, min(len(piece.body), max(self.room, 0) * CHARS_PER_TOKEN)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(_cut(piece, middle, tokens)) else (low, middle - 1)
        if low < MIN_CUT_CHARS:
            return ""
        return _cut(piece, low, max(tokens - self.count(piece.beginning(low)), 1))


def _cut(piece: Piece, chars: int, tokens: int) -> str:
    return f"{piece.beginning(chars)}... {piece.reference(tokens)}"


def build(
    run: Run,
    step: StepState,
    policy: ContextPolicy | None,
    query: str,
    *,
    scope: Scope,
    model: str,
    tokenizer: str = "",
) -> dict[str, Json] | None:
    """Return what a model call of a step is shown besides its prompt, as plain JSON, or None where that is nothing.

    Without a policy it is the critical section only. Relevance is measured against `query`; `scope` is what
    the policy's inputs see. Tokens are counted as `model` does, or by the `tokenizer` of an earlier count.

    Raises:
        ExpressionError: if an input, a goal or a constraint can't be told.
    """
    stated = statements(run)
    if policy is None and not stated:
        return None
    chosen = policy or CRITICAL_ONLY
    tokenizer = tokenizer or run.count.tokenizer(model)

    def count(text: str) -> int:
        return run.count.count(text, tokenizer) if text else 0

    critical, order = written(stated), _order(chosen)
    inputs, (outputs, older) = declared(run, chosen, scope), candidates(run, step, chosen)
    ranked = _ranked(query, outputs) if "relevant" in order else []
    desk = _Desk(count, chosen.budget_tokens - count(critical))
    _serve(desk, order, inputs, ranked, outputs)
    text = _fitted(desk, critical, order, chosen.budget_tokens, older=older)
    return {
        "text": text,
        "budget_tokens": chosen.budget_tokens,
        "tokens": count(text),
        "tokenizer": tokenizer,
        "order": order,
        "items": _items(desk, stated, order, older=older),
    }


def _order(policy: ContextPolicy) -> list[Kind]:
    """Return the order of priority; what must be shown and is not in it comes last."""
    needed: tuple[Kind, ...] = ("inputs", "critical") if policy.inputs else ("critical",)
    return list(dict.fromkeys((*policy.order, *needed)))


def _serve(
    desk: _Desk,
    order: list[Kind],
    inputs: list[Piece],
    ranked: list[tuple[Piece, float]],
    outputs: list[Piece],
) -> None:
    """Let the pieces take what room there is, in the order of priority; some of it is kept for references."""
    wanted = sum(desk.count(piece.text) + 1 for piece in (*inputs, *outputs))
    reserve = min(max(desk.room, 0) // 5, REFERENCES_TOKENS) if wanted > desk.room else 0
    desk.room -= reserve
    for kind in order:
        if kind == "inputs":
            for piece in inputs:
                desk.offer(piece, "inputs", "declared", cut=True)
        elif kind == "relevant":
            _choose(desk, "relevant", [(piece, f"relevance {score:.3f}") for piece, score in ranked])
        elif kind == "recent":
            _choose(desk, "recent", [(piece, "the latest first") for piece in outputs])
    desk.room += reserve


def _ranked(query: str, outputs: Sequence[Piece]) -> list[tuple[Piece, float]]:
    """Return the outputs that share a word with the query, the most relevant first, then the latest."""
    scores = relevance(query, [piece.body for piece in outputs])
    found = [(piece, score) for piece, score in zip(outputs, scores, strict=True) if score > 0]
    return sorted(found, key=lambda each: -each[1])  # stable: the latest come first


def _choose(desk: _Desk, kind: Kind, offered: list[tuple[Piece, str]]) -> None:
    taken = {entry.piece.step for entry in desk.entries if entry.piece.step}
    for piece, why in offered:
        if piece.step not in taken:
            desk.offer(piece, kind, why)


def _fitted(desk: _Desk, critical: str, order: list[Kind], budget: int, *, older: bool) -> str:
    """Return the whole text, with as many references as fit; where pieces count more together, the last goes."""
    left_out = [entry for entry in desk.entries if entry.state == "left_out"]
    for references in range(min(len(left_out), MAX_REFERENCES), -1, -1):
        text = _text(desk, critical, order, _references(left_out, references, older=older))
        if desk.count(text) <= budget:
            return text
    for entry in reversed([entry for entry in desk.entries if entry.shown]):
        if desk.count(text := _text(desk, critical, order, [])) <= budget:
            return text
        entry.state, entry.shown = "left_out", ""
    return _text(desk, critical, order, [])


def _text(desk: _Desk, critical: str, order: list[Kind], references: list[str]) -> str:
    parts = []
    for kind in order:
        shown = [entry.shown for entry in desk.entries if entry.kind == kind and entry.shown]
        parts += [critical] if kind == "critical" and critical else shown
    return "\n".join([*parts, *references])


def _references(left_out: list[_Entry], number: int, *, older: bool) -> list[str]:
    """Return the first references, and one line for the rest."""
    named = [entry.piece.reference(entry.tokens) for entry in left_out[:number]]
    rest = _rest(left_out[number:], older=older)
    return [*named, f"[and {rest}]"] if rest else named


def _rest(entries: list[_Entry], *, older: bool) -> str:
    """Return in words what else is left out, from the earliest to the latest."""
    if not entries:
        return "older outputs" if older else ""
    in_order = sorted(entries, key=lambda entry: entry.piece.seq)
    first, last = (entry.piece.step or entry.piece.source for entry in (in_order[0], in_order[-1]))
    span = f"from {first} to {last}" if first != last else first
    return f"{len(entries)} more, {span}{', and older ones' if older else ''}"


def _items(desk: _Desk, stated: list[Statement], order: list[Kind], *, older: bool) -> list[dict[str, Json]]:
    """Return what was shown and what was not, in the order of priority; of what was left out, the first few one by one."""
    found: list[dict[str, Json]] = []
    left_out = [entry for entry in desk.entries if entry.state == "left_out"]
    named = {id(entry) for entry in left_out[:MAX_REFERENCES]}
    for kind in order:
        if kind == "critical":
            found += [_critical_item(statement, desk.count) for statement in stated]
        found += [
            _item(entry) for entry in desk.entries
            if entry.kind == kind and (entry.state != "left_out" or id(entry) in named)
        ]  # fmt: skip
    rest = left_out[MAX_REFERENCES:]
    if rest or older:
        found.append(
            {"source": "", "title": _rest(rest, older=older), "kind": rest[0].kind if rest else "recent", "state": "left_out",
             "tokens": sum(entry.tokens for entry in rest), "seq": 0, "why": "there is no room for them"}
        )  # fmt: skip
    return found


def _item(entry: _Entry) -> dict[str, Json]:
    piece = entry.piece
    return {
        "source": piece.source, "title": piece.title, "kind": entry.kind, "state": entry.state,
        "tokens": entry.tokens, "seq": piece.seq, "why": entry.why,
    }  # fmt: skip


def _critical_item(statement: Statement, count: Callable[[str], int]) -> dict[str, Json]:
    return {
        "source": statement.source, "title": statement.title, "kind": "critical", "state": "kept",
        "tokens": count("\n".join(f"- {line}" for line in statement.lines)), "seq": statement.seq, "why": "always whole",
    }  # fmt: skip
