"""Choosing a branch: the first rule that holds, else a model that must name a declared branch and how sure it is."""

from __future__ import annotations

from typing import Any

from engine.llm_port import Llm
from engine.ports import Call, Outcome
from engine.steps.llm import ask, llm_request

Json = Any


class RoutePerformer:
    """Chooses one of the declared branches; the answer says who chose, and why."""

    def __init__(self, llm: Llm, default_model: str) -> None:
        self._llm = llm
        self._default = default_model

    async def perform(self, call: Call) -> Outcome:
        """Return the branch as `{branch, by, reason}`, with what a model thought and how sure it was."""
        request = call.request
        for row in request["rules"]:
            if row["held"]:
                return _chosen(row["to"], "rule", f"`{row['when']}` is true")
        if not request["prompt"]:
            return _chosen(request["default"], "default", "no rule holds")
        return await self._by_model(call)

    async def _by_model(self, call: Call) -> Outcome:
        request = call.request
        asked = llm_request(
            {**request, "prompt": _prompt(request), "output_schema": _schema(request), "max_tokens": 200},
            self._default,
            call.timeout_s,
        )
        outcome, reply = await ask(self._llm, asked)
        if reply is None:
            return outcome
        return _weighed(request, reply.data).model_copy(update={"meta": outcome.meta})


def _prompt(request: Json) -> str:
    described = request.get("about") or {}
    listed = [
        f"- {name}: {described[name]}" if name in described else f"- {name}" for name in request["branches"]
    ]
    return "\n".join(
        [
            f"{request['prompt']}\n\nAnswer with exactly one of these branches:",
            *listed,
            "`confidence` says how sure you are, from 0 (a guess) to 1 (certain).",
        ]
    )


def _schema(request: Json) -> dict[str, Json]:
    """Return the form of the answer; how sure a model is must be said only where something depends on it."""
    return {
        "type": "object",
        "properties": {
            "branch": {"type": "string", "enum": list(request["branches"])},
            "reason": {"type": "string", "maxLength": 200},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["branch", "reason", *(["confidence"] if _least(request) else [])],
        "additionalProperties": False,
    }


def _least(request: Json) -> float:
    """Return how sure a model must be; requests of older versions do not say."""
    return float(request.get("min_confidence") or 0)


def _weighed(request: Json, answer: Json) -> Outcome:
    """Return the branch that a model named, or the default where it is not sure enough."""
    branch, sure, least = answer["branch"], answer.get("confidence"), _least(request)
    more = {} if sure is None else {"confidence": sure}
    if sure is None or sure >= least:
        return _chosen(branch, "model", answer["reason"], **more)
    doubt = f"the model was {sure:.0%} sure of '{branch}' ({answer['reason']}); {least:.0%} is asked for"
    return _chosen(request["default"], "default", doubt, proposed=branch, **more)


def _chosen(branch: str, by: str, reason: str, **more: Json) -> Outcome:
    return Outcome(outcome="ok", output={"branch": branch, "by": by, "reason": reason, **more})
