"""What a model is shown as a run grows: tokens and time per prompt, from short runs to very long ones."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

from engine.core import commands as c
from engine.core.context.tokens import estimated
from engine.core.decide import turn
from engine.core.document import saga_from_document
from engine.core.run import Run
from engine.core.saga import Saga
from engine.steps.llm import llm_request
from tests.engine.test_long_run import BUDGET, FIRST, filler

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WIDTH = 48
PROMPT = "Write the next part of the final plan."


def llm_chain(length: int) -> Saga:
    """Return a chain of model steps that are each shown what went before."""
    steps: dict[str, object] = {}
    for number in range(1, length + 1):
        step: dict[str, object] = {
            "kind": "llm", "with": {"prompt": PROMPT}, "context": {"budget_tokens": BUDGET},
        }  # fmt: skip
        step |= (
            {"needs": f"s{number - 1}"}
            if number > 1
            else {"states": {"goals": "output.goal", "constraints": "output.constraints"}}
        )
        steps[f"s{number}"] = step
    return saga_from_document({"saga": f"chain-{length}", "max_events": 1_000_000, "steps": steps})


def prompts(length: int) -> list[tuple[int, float]]:
    """Return the tokens of each step's prompt, and the milliseconds of the turn that built it."""
    run, found = Run(llm_chain(length)), []
    turn(run, c.Start(run_id="r", input={}, by="bench"), NOW)
    for number in range(1, length + 1):
        output = FIRST if number == 1 else filler(number)
        request = run.steps[f"s{number}"].attempts[0].intent.request
        sent = llm_request(request, "local", 1)
        tokens = sum(estimated(message.content) for message in sent.messages)
        started = time.perf_counter()
        turn(run, c.Report(step=f"s{number}", phase="forward", attempt=1, outcome="ok", output=output), NOW)
        found.append((tokens, (time.perf_counter() - started) * 1000))
    return found


def show() -> None:
    """Print the tokens of the prompts of a 60-step run as a plot, and what a prompt costs in a run of 2,000."""
    sixty, grown, whole = prompts(60), 0, []
    for number in range(1, 61):
        grown += estimated(str(FIRST if number == 1 else filler(number)))
        whole.append(grown)
    scale = max(tokens for tokens, _ in sixty)
    print(
        f"prompt tokens in a 60-step run           budget {BUDGET:,}; beside it what the whole history would be"
    )
    for number in (1, 2, 5, *range(10, 61, 10)):
        tokens = sixty[number - 1][0]
        print(
            f"  step {number:<4} {'#' * round(tokens / scale * WIDTH):<{WIDTH}} {tokens:6,}   {whole[number - 1]:8,}"
        )
    long = prompts(2_000)
    early, late = (statistics.median(ms for _, ms in part) for part in (long[20:60], long[-200:]))
    print(
        f"a turn that builds a prompt              {early:8.2f} ms at steps 20-60, {late:.2f} ms at steps 1,800-2,000"
    )


if __name__ == "__main__":
    show()
