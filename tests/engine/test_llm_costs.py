"""What models take for answers that are of no use: it counts like any other money (R39)."""

from __future__ import annotations

from engine.llm_port import LlmError, LlmReply, LlmRequest
from tests.engine.test_judges import desk

SAGA = """
saga: s
budget: {cost_usd: 0.15, on_limit: stop}
steps: {ask: {kind: llm, retry: {max_attempts: 6, backoff_s: 0.01}, with: {prompt: "A number, please"}}}
"""


class Useless:
    """A model that answers what nobody asked, for ten cents."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.asked += 1
        useless = LlmError("no JSON", retryable=True, code="invalid_output")
        useless.tokens, useless.cost_usd = 500, 0.10
        raise useless


def test_R39_answers_of_no_use_are_paid_for_and_count() -> None:
    llm = Useless()
    with desk(llm) as at:
        run = at.ended(SAGA)
    assert llm.asked == 2
    assert (run.cost_usd, run.tokens) == (0.2, 1000)
    assert run.fault is not None
    assert run.fault.source == "budget"
