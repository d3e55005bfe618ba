"""How a run is planned anew after a repair, as a definition: who proposes, how often, and what admits a proposal."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.core.parts import LlmCall, Part, PythonCall, Retry
from engine.core.validators import CHECK_RETRY, Validator

Json = Any


class LlmPlanner(Part):
    """A model proposes; `prompt` says what to look at, the engine adds what happened and what may change."""

    kind: Literal["llm"]
    with_: LlmCall = Field(alias="with")
    patch: dict[str, Json] | None = Field(
        default=None,
        description="JSON Schema of the changes by step id; unless said, any change of the steps in scope",
    )


class PythonPlanner(Part):
    """A registered function proposes: `propose(situation, findings, **args)`."""

    kind: Literal["python"]
    with_: PythonCall = Field(alias="with")


class Replan(Part):
    """Planning the rest of a run anew, after a repair has undone what is affected."""

    by: Annotated[LlmPlanner | PythonPlanner, Field(discriminator="kind")]
    rounds: int = Field(
        default=3,
        ge=1,
        le=10,
        description="refused proposals before more steps may change, and at last a person is asked",
    )
    tokens: int = Field(
        default=2000, ge=300, le=100_000, description="tokens that a request to a model may have at most"
    )
    validate_: tuple[Validator, ...] = Field(
        default=(),
        alias="validate",
        max_length=20,
        description="what a proposal must fulfil besides; here `output.steps` are the steps of the proposed plan",
    )
    retry: Retry = CHECK_RETRY
    timeout_s: float = Field(default=120, gt=0, le=3600, description="seconds until one call is given up")
