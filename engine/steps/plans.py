"""Calls of planners: a model that answers with a patch of the plan, and registered functions that compute one.

A planner changes nothing outside: whatever goes wrong with it had no effect, and it is asked again.
"""

from __future__ import annotations

from typing import Any

from engine.llm_port import Llm, LlmRequest, Message
from engine.ports import Call, Outcome
from engine.steps.llm import ask
from engine.steps.python import FUNCTIONS, Functions, PythonPerformer

Json = Any


class PlannerPerformer:
    """Asks a model for a plan.

    Args:
        llm: the port to every model.
        default_model: the model of planners that name none.
    """

    def __init__(self, llm: Llm, default_model: str) -> None:
        self._llm = llm
        self._default = default_model

    async def perform(self, call: Call) -> Outcome:
        """Ask once for `{reason, steps}`."""
        outcome, reply = await ask(self._llm, planner_request(call.request, self._default, call.timeout_s))
        return outcome if reply is None else outcome.model_copy(update={"output": reply.data})


class SolverPerformer:
    """Calls a registered function as `propose(situation, findings, **args)`; it gives `{reason, steps}`."""

    def __init__(self, functions: Functions = FUNCTIONS) -> None:
        self._python = PythonPerformer(functions)

    async def perform(self, call: Call) -> Outcome:
        """Call the function once."""
        outcome = await self._python.perform(call)
        if outcome.outcome == "ok" and not _is_proposal(outcome.output):
            said = f"'{call.request['function']}' gave {str(outcome.output)[:120]!r}; a planner gives {{reason, steps}}"
            return Outcome(outcome="failed", error=said, code="invalid_output")
        return outcome


def _is_proposal(output: Json) -> bool:
    return isinstance(output, dict) and isinstance(output.get("steps"), dict)


def planner_request(request: Json, default_model: str, timeout_s: float) -> LlmRequest:
    """Return the exact model call that a planner's recorded request makes."""
    return LlmRequest(
        model=request.get("model") or default_model,
        messages=(
            Message(role="system", content=request["system"]),
            Message(role="user", content=request["prompt"]),
        ),
        output_schema=request["output_schema"],
        temperature=request.get("temperature", 0.0),
        max_tokens=request.get("max_tokens", 300),
        timeout_s=timeout_s,
    )
