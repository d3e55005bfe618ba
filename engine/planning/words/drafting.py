"""The rounds: ask, put together, check, try, and ask again with the findings, until it holds or nothing gets better.

A round asks only what was not answered yet and what its findings are about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError

from engine.core.saga import Saga
from engine.llm_port import Llm, LlmError, LlmRequest, Message
from engine.planning.words.answers import Answer, Chain, Nodes
from engine.planning.words.assemble import Document, assembled
from engine.planning.words.chain import expanded
from engine.planning.words.checks import outline_findings, saga_findings
from engine.planning.words.constraints import constraint_findings
from engine.planning.words.finding import Finding, Stage
from engine.planning.words.outline import Outline, outline_of
from engine.planning.words.problem import Words
from engine.planning.words.prompts import ANSWERS, MAX_TOKENS, question, system_prompt
from engine.planning.words.tools import MODEL, PERSON, Tool
from engine.planning.words.trial import Trial, marked

Json = Any
State = Literal["ready", "stalled", "out_of_rounds", "no_model"]
Try = Callable[[Saga], Awaitable[Trial]]
ROUNDS = 4
TIMEOUT_S = 240.0
MOST = 12
"""So many findings a model is told of one answer, and the draft's record keeps of a round."""


@dataclass(frozen=True)
class Round:
    """One round: what was asked, and what was found in what came of it.

    Attributes:
        asked: the questions.
        comment: what a person said before it; empty for most.
    """

    number: int
    asked: tuple[Stage, ...]
    findings: tuple[Finding, ...]
    comment: str = ""
    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Drafting:
    """A proposal with the record of its rounds.

    Attributes:
        answers: the last answer to each question.
        document: the draft as far as it got; None where it never was one.
        trial: what came of trying it, if it got that far.
        error: why no model could be asked, the last time that it was to be.
    """

    words: Words
    model: str
    state: State = "out_of_rounds"
    answers: Mapping[Stage, Answer] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    outline: Outline = field(default_factory=lambda: Outline({}))
    document: Document | None = None
    saga: Saga | None = None
    trial: Trial | None = None
    error: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was still wrong at the end."""
        return self.rounds[-1].findings if self.rounds else ()


class Drafter:
    """Drafts sagas with one model.

    Args:
        llm: the port to every model.
        model: which one; it is asked once per question and round.
        tools: what steps may use, by name.
        tries: tries a draft that is right so far; None leaves its undos untried.
        on_round: told of each round as it ends.
    """

    def __init__(
        self,
        llm: Llm,
        model: str,
        tools: Mapping[str, Tool],
        tries: Try | None = None,
        on_round: Callable[[Round], None] | None = None,
    ) -> None:
        self._llm, self._model, self._tools = llm, model, tools
        self._tries, self._on_round = tries, on_round

    async def draft(self, words: Words, rounds: int = ROUNDS) -> Drafting:
        """Return a proposal: ready, or with the findings that are left and why it ended."""
        return await self._rounds(Drafting(words, self._model), (), rounds)

    async def revise(self, before: Drafting, comment: str, rounds: int = ROUNDS) -> Drafting:
        """Return the proposal changed as a person asked: the comment is a finding about all of it.

        Where the model can't be asked, it stays as it was, with the error.
        """
        stages = [stage for stage in before.answers if stage not in {"frame", "roles"}]
        asked = [Finding("comment", stage, "a person says", comment) for stage in stages]
        now = await self._rounds(before, (*before.findings, *asked), rounds, comment)
        return replace(before, error=now.error) if now.state == "no_model" else now

    async def _rounds(
        self, now: Drafting, findings: tuple[Finding, ...], rounds: int, comment: str = ""
    ) -> Drafting:
        last = len(now.rounds) + rounds
        while len(now.rounds) < last:
            now, found = await self._round(now, findings, comment)
            if now.state == "no_model":
                return now
            if not found:
                return replace(now, state="ready")
            if _same(found, findings):
                return replace(now, state="stalled")
            findings, comment = found, ""
        return replace(now, state="out_of_rounds")

    async def _round(
        self, before: Drafting, findings: tuple[Finding, ...], comment: str
    ) -> tuple[Drafting, tuple[Finding, ...]]:
        before = replace(
            before, state="out_of_rounds", error=""
        )  # how it ended before says nothing of this round
        tools = self._usable(before.words)
        asking = _Asking(self._llm, self._model, tools, before, findings)
        try:
            found = await asking.all()
        except LlmError as error:
            return replace(before, state="no_model", error=str(error)), findings
        outline = outline_of(asking.answers, tools)
        now = replace(before, answers=asking.answers, outline=outline, trial=None)
        if not found:
            now, found = self._checked(now)
        if not found and self._tries is not None and now.saga is not None:
            now, found = self._tried(now, await self._tries(now.saga))
        found = list(dict.fromkeys(found))
        number = len(before.rounds) + 1
        done = Round(number, tuple(asking.asked), tuple(found), comment, asking.tokens, asking.cost_usd)
        now = replace(now, rounds=(*before.rounds, done))
        if now.document is not None:
            now = replace(now, document=recorded(now.document, now.rounds))
        if self._on_round is not None:
            self._on_round(done)
        return now, tuple(found)

    def _checked(self, now: Drafting) -> tuple[Drafting, list[Finding]]:
        """Return the draft put together, and what is wrong with it; what is found first hides what follows from it."""
        document = assembled(now.outline, self._model, now.words)
        found = [*outline_findings(now.outline)]
        saga, more = saga_findings(document, now.outline) if not found else (None, [])
        if now.words.style == "chain":  # no code looks at its constraints: each link is told them
            return replace(now, document=document, saga=saga), [
                replace(f, stage="chain") for f in [*found, *more]
            ]
        found += more or [*constraint_findings(now.outline, now.words)]
        return replace(now, document=document, saga=saga), found

    def _tried(self, now: Drafting, trial: Trial) -> tuple[Drafting, list[Finding]]:
        assert now.document is not None
        assert now.saga is not None
        document = marked(now.document, now.saga, trial)
        saga, found = saga_findings(document, now.outline)
        return replace(now, document=document, saga=saga, trial=trial), [*trial.findings(), *found]

    def _usable(self, words: Words) -> Mapping[str, Tool]:
        return self._tools if words.style == "saga" else {t.name: t for t in (MODEL, PERSON)}


def recorded(document: Document, rounds: tuple[Round, ...]) -> Document:
    """Return a draft with the record of its rounds."""
    kept = [
        {
            "findings": [f"{f.code}: {f}"[:300] for f in done.findings[:MOST]],
            **({"comment": done.comment} if done.comment else {}),
        }
        for done in rounds
    ]
    return {**document, "drafted": {**document["drafted"], "rounds": kept}}


def _same(found: tuple[Finding, ...], before: tuple[Finding, ...]) -> bool:
    """Whether a round came out as the one before: asking the same again would not help."""
    return bool(before) and {(f.code, f.where) for f in found} == {(f.code, f.where) for f in before}


class _Asking:
    """The questions of one round."""

    def __init__(
        self, llm: Llm, model: str, tools: Mapping[str, Tool], before: Drafting, findings: tuple[Finding, ...]
    ) -> None:
        self._llm, self._model, self._tools = llm, model, tools
        self._words, self._findings = before.words, findings
        self.answers: dict[Stage, Answer] = dict(before.answers)
        self.asked: list[Stage] = []
        self.tokens, self.cost_usd = 0, 0.0

    async def all(self) -> list[Finding]:
        """Ask what must be asked, one after the other; return what the model could not answer.

        Raises:
            LlmError: where it makes no sense to ask again.
        """
        if self._words.style == "chain":
            if failed := await self._ask("chain"):
                return [failed]
            chain = self.answers["chain"]
            assert isinstance(chain, Chain)
            self.answers = {"chain": chain, **expanded(chain, self._words)}
            return []
        for stage in ("frame", "roles", "nodes", "edges"):
            if failed := await self._ask(stage):
                return [failed]
        return [failed for stage in self._details() if (failed := await self._ask(stage))]

    def _details(self) -> list[Stage]:
        """Return the questions about single nodes, in the order of the graph; forget answers about nodes that are gone."""
        outline = outline_of(self.answers, self._tools)
        wanted = [f"spec:{node.id}" for node in outline.in_order()]
        wanted += [f"undo:{node.id}" for node in outline.undoable()]
        self.answers = {s: a for s, a in self.answers.items() if ":" not in s or s in wanted}
        return wanted

    async def _ask(self, stage: Stage) -> Finding | None:
        about = [finding for finding in self._findings if finding.stage == stage][:MOST]
        if stage in self.answers and not about:
            return None
        self.asked.append(stage)
        earlier = self.answers.get(stage)
        try:
            answer = await self._answer(stage, about, earlier)
        except (LlmError, ValidationError) as error:
            if isinstance(error, LlmError) and not error.retryable:
                raise
            said = str(error) if isinstance(error, LlmError) else error.errors()[0]["msg"]
            return Finding("no_answer", stage, stage, said, "answer in the form asked for")
        if isinstance(answer, Nodes) and isinstance(earlier, Nodes):
            self._forget(earlier, answer)
        self.answers[stage] = answer
        return None

    def _forget(self, before: Nodes, now: Nodes) -> None:
        """Forget what was said about nodes that are no longer the same."""
        kept = {(node.id, node.tool) for node in before.nodes} & {(node.id, node.tool) for node in now.nodes}
        names = {name for name, _ in kept}
        if {node.id for node in before.nodes} != {node.id for node in now.nodes}:
            self.answers.pop("edges", None)
        gone = [s for s in self.answers if ":" in s and s.partition(":")[2] not in names]
        for stage in gone:
            del self.answers[stage]

    async def _answer(self, stage: Stage, about: list[Finding], earlier: Answer | None) -> Answer:
        kind = stage.partition(":")[0]
        outline = outline_of(self.answers, self._tools)
        text = question(stage, outline, self._words, about, earlier)
        reply = await self._llm.complete(
            LlmRequest(
                model=self._model,
                messages=(
                    Message(role="system", content=system_prompt()),
                    Message(role="user", content=text),
                ),
                output_schema=ANSWERS[kind].model_json_schema(),
                max_tokens=MAX_TOKENS[kind],
                timeout_s=TIMEOUT_S,
            )
        )
        self.tokens += reply.prompt_tokens + reply.completion_tokens
        self.cost_usd += reply.cost_usd
        return ANSWERS[kind].model_validate(reply.data)
