"""Random composite steps, drawn from a tape: maps, loops, nested sagas, teams and agents, also in each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, cast

from engine.rehearsal.sagas_checked import between_steps, validators
from engine.rehearsal.tape import Tape

Json = Any
Document = dict[str, Any]
Draw = Callable[[Tape], Document]
Make = Callable[[Tape, Collection[str], int], Document]
Needs = Callable[[Tape, Document], list[str] | str | None]
DEPTH = 2
"""So deep composite steps stand in each other."""
READ: Document = {"kind": "python", "with": {"function": "read", "args": {}}}
PAY: Document = {"kind": "python", "with": {"function": "pay", "args": {}}, "effect": "pivot"}


SOUND = {
    "app.nothing": "app.n", "output.nothing": "output.good", "1 / (app.n - app.n)": "1", '"when": "app.n"': '"when": "app.n < 3"',
    '"over": "${app.n}"': '"over": [1, 2, 3]', '{"x": "no"}': '{"x": 3}',
}  # fmt: skip


def sound(document: Document) -> Document:
    """Return a saga whose expressions all have a value: it gets further than one in which any of them may fail."""
    text = json.dumps(document)
    for bad, good in SOUND.items():
        text = text.replace(bad, good)
    return cast("Document", json.loads(text))


class Composer:
    """Draws composite steps; what is inside them is drawn by `step`, and what it needs by `needs`."""

    def __init__(self, step: Draw, needs: Needs) -> None:
        self._step, self._needs = step, needs

    def composite(self, tape: Tape, earlier: Collection[str], depth: int = 1) -> Document:
        """Return a composite step; `earlier` are the steps that have committed before it."""
        makers: list[Make] = [self._map, self.nested, self._loop, self._map, self._team, self._agent]
        step = tape.pick(makers)(tape, earlier, depth)
        if tape.often(8):
            step["when"] = tape.pick(["run.by == 'ann'", "app.n < 2", "app.nothing"])
        if tape.often(8):
            step["approval"] = {"quorum": 1 + tape.below(2)}
        if tape.often(15):
            step["validate"] = validators(tape, readonly=False)
        if tape.often(4):
            step |= {"locks": tape.pick([["seat"], ["aisle"]]), "lock_wait_s": 1 + tape.below(60)}
        return step

    def _map(self, tape: Tape, earlier: Collection[str], depth: int) -> Document:
        over: list[Json] = [[1, 2, 3], [1, 2], [1, 2, 3, 4, 5], [], "${app.n}"]
        over += [f"${{steps.{name}.output.items}}" for name in earlier]
        call = {"over": tape.pick(over), "concurrency": 1 + tape.below(3)}
        if tape.often(60):
            call |= tape.pick([{"tolerate": 1}, {"tolerate": 5}, {"tolerate_share": 0.5}])
        if tape.often(30):
            how = tape.pick(["vote", "best", "concat", "merge", "weighted"])
            call |= {
                "gather": how,
                "value": tape.pick(["output", "output.score"]),
                "score": tape.pick(["", "index"]),
            }
        return {"kind": "map", "with": call, "body": self._body(tape, depth, apart=True, word="item")}

    def _loop(self, tape: Tape, _earlier: Collection[str], depth: int) -> Document:
        body = self._body(tape, depth, apart=False, word="round")
        first = next(iter(body["steps"]))
        body["output"] = tape.pick([f"${{steps.{first}.output}}", {"score": "${round}"}])
        call = {
            "until": tape.pick(["output.score >= 7", "round >= 2", "false", "output.good", "round >= 3"]),
            "score": tape.pick(["output.score", "", "output.score"]), "max_rounds": 1 + tape.below(4),
            "stall_rounds": 1 + tape.below(3), "on_end": tape.pick(["accept_best", "ask", "fault", "accept_best"]),
        }  # fmt: skip
        return {"kind": "loop", "with": call, "body": body}

    def nested(self, tape: Tape, _earlier: Collection[str], depth: int, *, pays: bool = False) -> Document:
        """Return a nested saga, with a point of no return in it where it `pays`."""
        steps = self._steps(tape, depth, apart=False, word="run.input.x")
        if pays:
            steps["pay"] = {**PAY, "needs": [name for name in steps if tape.often(70)]}
        inner: Document = {
            "saga": "child", "app": {"n": 0}, "input": {"x": {"type": "integer", "default": 1}}, "steps": steps,
            "output": tape.pick([{}, {"n": "${app.n}"}, {"n": "${app.n}"}, {"x": "${app.nothing}"}]),
        }  # fmt: skip
        if tape.often(15):
            inner["invariants"] = [{"name": "inner", "rule": f"app.n < {1 + tape.below(4)}"}]
        if tape.often(25):
            inner |= between_steps(tape, steps)
        given = tape.pick([{}, {"x": 2}, {"x": "${app.n}"}, {"x": "no"}])
        return {"kind": "saga", "with": {"saga": "child", "input": given}, "definition": inner}

    def _team(self, tape: Tape, _earlier: Collection[str], depth: int) -> Document:
        roles = ["one", "two"][: 1 + tape.below(2)]
        tasks: list[Document] = []
        for name in "abcd"[: 1 + tape.below(4)]:
            needs = [task["id"] for task in tasks if tape.often(30)]
            tasks.append({"id": name, "role": tape.pick(roles), "needs": needs})
        call = {"tasks": tasks, "concurrency": 1 + tape.below(3), "tolerate": tape.below(3)}
        workers = {role: self._body(tape, depth, apart=True, word="task.id") for role in roles}
        return {"kind": "team", "with": call, "workers": workers}

    def _agent(self, tape: Tape, _earlier: Collection[str], depth: int) -> Document:
        tools: Document = {}
        for name in ["look", "act"][: 1 + tape.below(2)]:
            step = self._one(tape, depth, apart=False, word="args")
            if step["kind"] in {"approval", "wait", "route"}:
                step = READ
            schema: Document = {"type": "object", "properties": {"q": {"type": "integer"}}}
            schema |= tape.pick([{}, {"required": ["q"]}])
            tools[name] = {"description": "It helps.", "input": schema, "step": step}
        call = {"prompt": "Help.", "max_calls": 1 + tape.below(3)}
        return {"kind": "agent", "with": call, "tools": tools, "retry": {"max_attempts": 1 + tape.below(3)}}

    def _body(self, tape: Tape, depth: int, *, apart: bool, word: str) -> Document:
        steps = self._steps(tape, depth, apart=apart, word=word)
        return {"steps": steps} | tape.pick([{}, {"output": {"got": f"${{{word}}}"}}, {}])

    def _steps(self, tape: Tape, depth: int, *, apart: bool, word: str) -> Document:
        steps: Document = {}
        for index in range(1 + tape.below(3)):
            needs = self._needs(tape, steps)
            step = self._one(tape, depth, apart=apart, word=word)
            steps[f"b{index}"] = step | ({"needs": needs} if needs else {})
        return steps

    def _one(self, tape: Tape, depth: int, *, apart: bool, word: str) -> Document:
        """Return a step of a body; side by side with others of its kind (`apart`) it writes what can be in any order."""
        deeper = depth < DEPTH and tape.often(20)
        step = self.composite(tape, (), depth + 1) if deeper else self._step(tape)
        if step["kind"] == "python" and "args" in step["with"] and tape.often(30):
            step["with"] = {**step["with"], "args": {"x": f"${{{word}}}"}}
        if apart and "writes" in step:
            step["commutative"] = True
        return step
