"""Model calls: the prompt as it is sent, the answer checked, tokens and cost kept (R9: one try)."""

from __future__ import annotations

from typing import Any

from engine.ports import Call, Llm, LlmError, LlmReply, LlmRequest, Message, Outcome

Json = Any


class LlmPerformer:
    """Asks a model.

    Args:
        llm: the port to every model.
        default_model: the model of steps that name none.
    """

    def __init__(self, llm: Llm, default_model: str) -> None:
        self._llm = llm
        self._default = default_model

    async def perform(self, call: Call) -> Outcome:
        """Ask once; the answer is the parsed JSON where the step has an output schema, else `{text}`."""
        asked = llm_request(call.request, self._default, call.timeout_s)
        outcome, reply = await ask(self._llm, asked)
        if reply is None:
            return outcome
        return outcome.model_copy(
            update={"output": reply.data if asked.output_schema else {"text": reply.text}}
        )


def llm_request(request: Json, default_model: str, timeout_s: float) -> LlmRequest:
    """Return the exact model call that a step's rendered request makes."""
    prompt = str(request["prompt"])
    if request.get("feedback"):
        findings = "\n".join(f"- {finding}" for finding in request["feedback"])
        prompt += f"\n\nYour earlier answer was not accepted:\n{findings}\nAnswer again and mend this."
    messages = [Message(role="system", content=request["system"])] if request.get("system") else []
    return LlmRequest(
        model=request.get("model") or default_model,
        messages=(*messages, Message(role="user", content=prompt)),
        output_schema=request.get("output_schema"),
        temperature=request.get("temperature", 0.0),
        max_tokens=request.get("max_tokens", 300),
        timeout_s=timeout_s,
    )


async def ask(llm: Llm, request: LlmRequest) -> tuple[Outcome, LlmReply | None]:
    """Return what came of a model call, with its cost, and the reply if there is one."""
    meta: dict[str, Json] = {"model": request.model, "messages": [m.model_dump() for m in request.messages]}
    try:
        reply = await llm.complete(request)
    except LlmError as error:
        outcome = "failed" if error.retryable else "rejected"
        said = Outcome(
            outcome=outcome, error=str(error), code=error.code, retryable=error.retryable, meta=meta
        )
        return said, None
    meta |= {
        "model": reply.model,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "tokens": reply.prompt_tokens + reply.completion_tokens,
        "cost_usd": reply.cost_usd,
        "latency_s": round(reply.latency_s, 4),
        "text": reply.text,
    }
    return Outcome(outcome="ok", meta=meta), reply
