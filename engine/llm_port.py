"""What the engine asks of language models; adapters live elsewhere (`engine/llm.py`, `engine/scripted.py`)."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Json = Any
"""A JSON value: None, bool, int, float, str, or lists and string-keyed dicts of them."""


class Message(BaseModel):
    """One chat message, in the roles that every provider knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Literal["system", "user", "assistant"]
    content: str


class LlmRequest(BaseModel):
    """One model call, fully rendered: what is recorded is what is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str = Field(description="`local`, `scripted`, or any LiteLLM name such as `openai/gpt-5`")
    messages: tuple[Message, ...]
    output_schema: dict[str, Json] | None = Field(default=None, description="JSON Schema of the answer")
    temperature: float = 0.0
    max_tokens: int = 512
    timeout_s: float = 60.0


class LlmReply(BaseModel):
    """What a model answered, and what it cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: str
    data: Json = Field(default=None, description="the parsed answer where the request had a schema")
    model: str = Field(description="the model id that the provider reports")
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    latency_s: float = 0.0


class LlmError(Exception):
    """A model call that gave no usable answer. A model call has no outside effect, so none landed.

    Attributes:
        retryable: whether the same call may work later (down, overloaded, bad JSON) or never will
            (unknown model, no key, refused content).
        code: a short machine-readable class, such as `timeout`, `auth`, `invalid_output`.
        tokens: what the provider counted all the same: an answer that is of no use is paid for, too.
        cost_usd: what that cost.
    """

    def __init__(self, message: str, *, retryable: bool, code: str) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.code = code
        self.tokens = 0
        self.cost_usd = 0.0


class Llm(Protocol):
    """Model calls. One attempt per call: adapters never retry by themselves (R9)."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Return the model's answer; `data` obeys `output_schema` where one is given.

        Raises:
            LlmError: for anything that is not a usable answer, a timeout included.
        """
        ...
