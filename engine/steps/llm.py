"""Model calls: the prompt as it is sent, the answer checked, tokens and cost kept (R9: one try)."""

from __future__ import annotations

from typing import Any

from engine.llm_port import Llm, LlmError, LlmReply, LlmRequest, Message
from engine.ports import Call, Outcome

Json = Any
EXPLAIN_TOKENS = 400
"""What an answer may be longer where it is explained."""
EXPLANATION = {
    "reasoning": {"type": "string", "maxLength": 400},
    "alternatives": {"type": "array", "items": {"type": "string", "maxLength": 120}, "maxItems": 3},
    "justification": {"type": "string", "maxLength": 200},
}


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
        """Ask once; the answer is the parsed JSON where the step has an output schema, else `{text}`.

        What explains an answer is no part of it: that goes into `meta`.
        """
        schema = call.request.get("output_schema")
        outcome, reply = await ask(self._llm, llm_request(call.request, self._default, call.timeout_s))
        if reply is None:
            return outcome
        if call.request.get("explain"):
            told = {key: reply.data[key] for key in EXPLANATION}
            answer = reply.data["answer"]
            output = answer if schema else {"text": answer}
            return outcome.model_copy(update={"output": output, "meta": outcome.meta | told})
        return outcome.model_copy(update={"output": reply.data if schema else {"text": reply.text}})


def llm_request(request: Json, default_model: str, timeout_s: float) -> LlmRequest:
    """Return the exact model call that a step's rendered request makes."""
    messages = [Message(role="system", content=request["system"])] if request.get("system") else []
    schema, max_tokens = request.get("output_schema"), request.get("max_tokens", 300)
    if request.get("explain"):
        schema, max_tokens = _explained(schema), max_tokens + EXPLAIN_TOKENS
    return LlmRequest(
        model=request.get("model") or default_model,
        messages=(*messages, Message(role="user", content=_prompt(request))),
        output_schema=schema,
        temperature=request.get("temperature", 0.0),
        max_tokens=max_tokens,
        timeout_s=timeout_s,
    )


def _prompt(request: Json) -> str:
    """Return the user message: the context, the prompt, and what was said of earlier answers."""
    prompt = str(request["prompt"])
    if context := context_text(request):
        prompt = f"{context}\n\n{prompt}"
    if request.get("lessons"):
        prompt += f"\n\nNotes on earlier answers to this:\n{_listed(request['lessons'])}"
    if request.get("feedback"):
        prompt += f"\n\nYour earlier answer was not accepted:\n{_listed(request['feedback'])}\nAnswer again and mend this."
    return prompt


def context_text(request: Json) -> str:
    """Return the context of a request between its marks, which nothing in it can forge; empty where there is none."""
    text = (request.get("context") or {}).get("text", "").replace("</context", "< /context")
    return f"<context>\n{text}\n</context>" if text else ""


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _explained(schema: dict[str, Json] | None) -> dict[str, Json]:
    """Return the schema of an answer with its explanation; the reasoning comes first, so that it leads there."""
    answer = {"type": "string"} if schema is None else _moved(schema)
    return {
        "type": "object",
        "properties": {
            "reasoning": EXPLANATION["reasoning"],
            "alternatives": EXPLANATION["alternatives"],
            "answer": answer,
            "justification": EXPLANATION["justification"],
        },
        "required": ["reasoning", "alternatives", "answer", "justification"],
        "additionalProperties": False,
    }


def _moved(schema: Json) -> Json:
    """Return a schema that stands under `answer` now, its references led there."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(part) for key, part in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = f"#/properties/answer{reference[1:]}"
    return moved


async def ask(llm: Llm, request: LlmRequest) -> tuple[Outcome, LlmReply | None]:
    """Return what came of a model call, with its cost, and the reply if there is one."""
    meta: dict[str, Json] = {"model": request.model, "messages": [m.model_dump() for m in request.messages]}
    try:
        reply = await llm.complete(request)
    except LlmError as error:
        outcome = "failed" if error.retryable else "rejected"
        meta |= {"tokens": error.tokens, "cost_usd": error.cost_usd} if error.tokens or error.cost_usd else {}
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
