"""Choosing a branch: the first rule that holds, else a model that must name a declared branch."""

from __future__ import annotations

from typing import Any

from engine.ports import Call, Llm, Outcome
from engine.steps.llm import ask, llm_request

Json = Any


class RoutePerformer:
    """Chooses one of the declared branches; the answer says who chose, and why."""

    def __init__(self, llm: Llm, default_model: str) -> None:
        self._llm = llm
        self._default = default_model

    async def perform(self, call: Call) -> Outcome:
        """Return the branch as `{branch, by, reason}`."""
        request = call.request
        for row in request["rules"]:
            if row["held"]:
                return _chosen(row["to"], "rule", f"`{row['when']}` is true")
        if not request["prompt"]:
            return _chosen(request["default"], "default", "no rule holds")
        return await self._by_model(call)

    async def _by_model(self, call: Call) -> Outcome:
        branches = list(call.request["branches"])
        schema = {
            "type": "object",
            "properties": {
                "branch": {"type": "string", "enum": branches},
                "reason": {"type": "string", "maxLength": 200},
            },
            "required": ["branch", "reason"],
            "additionalProperties": False,
        }
        listed = ", ".join(branches)
        prompt = f"{call.request['prompt']}\n\nAnswer with exactly one of these branches: {listed}."
        asked = llm_request(
            {**call.request, "prompt": prompt, "output_schema": schema, "max_tokens": 200},
            self._default,
            call.timeout_s,
        )
        outcome, reply = await ask(self._llm, asked)
        if reply is None:
            return outcome
        chosen = _chosen(reply.data["branch"], "model", reply.data["reason"])
        return chosen.model_copy(update={"meta": outcome.meta})


def _chosen(branch: str, by: str, reason: str) -> Outcome:
    return Outcome(outcome="ok", output={"branch": branch, "by": by, "reason": reason})
