"""What this session drafts: the problem, its proposals, and what people do to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import streamlit as st
from streamlit.elements.lib.mutable_status_container import StatusContainer

from engine.core.document import saga_from_document
from engine.core.errors import DefinitionInvalid
from engine.core.saga import Saga
from engine.planning.words.drafting import Drafting, Round
from engine.planning.words.problem import APPROACHES, Approach, Example, Words, examples
from engine.ports import Draft
from engine.rehearsal.proposals import proposals, revised
from ui.components.design_state import taken_names
from ui.components.start_run import ask_to_run
from ui.models.plan_drafts import Board, approved, lines, named, round_lines, round_title
from ui.models.plan_words import approach_word
from ui.session import me, studio

BOARD: Final = "plan-board"
APPROVED: Final = "plan-approved"
PROBLEM, CONSTRAINTS, METRICS, MODEL = "plan-problem", "plan-constraints", "plan-metrics", "plan-model"
ROUNDS_KEY: Final = "plan-rounds"


def board() -> Board:
    """Return the proposals that this session looks at."""
    found: Board = st.session_state.setdefault(BOARD, Board())
    return found


def take_example(entry: Example) -> None:
    """Fill the form with a problem that ships."""
    st.session_state[PROBLEM] = entry.problem
    st.session_state[CONSTRAINTS] = "\n".join(entry.constraints)
    st.session_state[METRICS] = "\n".join(entry.metrics)
    st.session_state[MODEL] = entry.model


def model_names() -> list[str]:
    """Return the models to choose from; any other name of LiteLLM can be typed."""
    own = studio().settings.model
    return list(dict.fromkeys([own, "local", *(entry.model for entry in examples())]))


def draft(words: Words, model: str, *, count: int, rounds: int) -> None:
    """Draft proposals, showing each round as it ends, and keep them."""
    st.session_state.pop(APPROVED, None)
    with st.status("Drafting ...", expanded=True) as status:
        found = proposals(studio().llm, model, words, tuple(APPROACHES)[:count], rounds=rounds, told=_tell)
        st.session_state[BOARD] = Board(tuple(found))
        _say_end(status, found)


def revise(index: int, comment: str, *, rounds: int) -> None:
    """Ask for a proposal changed as the comment says, and keep it in its place."""
    with st.status("Revising ...", expanded=True) as status:
        changed = revised(studio().llm, board().proposals[index], comment, rounds=rounds, told=_tell)
        st.session_state[BOARD] = board().revised(index, changed)
        _say_end(status, [changed])


def _tell(approach: Approach, done: Round) -> None:
    st.text(f"{approach_word(approach)}. {round_title(done)}")
    for words, finding in round_lines(done):
        st.text(f"    {words}: {finding}")


def _say_end(status: StatusContainer, found: list[Drafting]) -> None:
    ready = sum(drafting.state == "ready" for drafting in found)
    unheard = any(drafting.error for drafting in found)
    words = f"{ready} of {len(found)} ready" + (", and the model could not be asked" if unheard else "")
    status.update(label=words, state="complete" if ready and not unheard else "error", expanded=False)


def open_in_designer(drafting: Drafting) -> None:
    """Keep a proposal as a draft, its marks with it, and leave for the Designer."""
    document = named(drafting.document or {}, taken_names())
    now = datetime.now(UTC)
    name = str(document["saga"])
    studio().store.save_draft(Draft(saga=name, document=document, by=me(), updated_at=now))
    st.switch_page("views/designer.py", query_params={"saga": name})


def approve(drafting: Drafting) -> None:
    """Take a proposal over: save it as a version, and ask for the inputs of its first run."""
    document = approved(drafting.document or {}, taken_names())
    try:
        saga = saga_from_document(document)
        studio().engine.publish(saga, me())
    except DefinitionInvalid as invalid:
        st.error(str(invalid.problems[0]))
        return
    st.session_state[APPROVED] = document
    ask_to_run(saga)


def approved_saga() -> Saga | None:
    """Return the saga that was approved last, for its first run."""
    document = st.session_state.get(APPROVED)
    return saga_from_document(document) if document else None


def words_of(problem: str, constraints: str, metrics: str, *, as_chain: bool) -> Words:
    """Return the problem as the form states it."""
    return Words(
        problem=problem.strip(),
        constraints=lines(constraints),
        metrics=lines(metrics),
        style="chain" if as_chain else "saga",
    )
