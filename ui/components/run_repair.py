"""A repair beside the full rollback: what each would undo, do anew and keep, and why; and the repairs of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from engine.core.commands import AnyCommand
from engine.core.events import Recorded, StepsRedone
from engine.core.run import Run
from engine.core.saga import Saga
from ui.components.badges import Badge, draw, run_badge, step_badge
from ui.components.run_commands import now
from ui.components.text import escape
from ui.models.run_repair import (
    Member,
    RepairPreview,
    Round,
    effort,
    repair_preview,
    rounds_open,
    rounds_over,
    suspects,
)
from ui.models.run_rollback import RollbackLine, rollback_lines
from ui.models.run_words import clock, counted, listed, titles_of
from ui.models.undo_cost import price_words

MAX_LINES = 60
"""How many steps of each kind are listed."""

KEPT: Final = 32
"""Of how many runs the repairs that are over stay folded; a tick of the page folds none of them again."""


def culprits_key(key: str) -> str:
    """Return the session key of the steps that are said not to count any more."""
    return f"{key}-culprits"


def pick_culprits(run: Run, key: str, label: str, default: Sequence[str] = ()) -> list[str]:
    """Draw the choice of the steps that no longer count, and return it; the previews follow it at once."""
    titles, options = titles_of(run), suspects(run)
    where = culprits_key(key)
    if where not in st.session_state:
        st.session_state[where] = list(default)
    st.session_state[where] = [name for name in st.session_state[where] if name in options]
    return st.multiselect(label, options, format_func=lambda name: escape(titles[name]), key=where)


def draw_ways(
    run: Run, culprits: Sequence[str], command: AnyCommand, *, key: str, follows: str = ""
) -> RepairPreview | None:
    """Draw a repair beside the full rollback, and return the repair; `follows` is which of them the policy takes."""
    repair, whole = st.columns(2, gap="small")
    found = repair_preview(run, culprits, command, now()) if culprits else None
    with repair, st.container(border=True, key=f"{key}-repair", gap="small"):
        _head("repairing", "Repair", chosen=follows == "repair")
        if found is None:
            st.caption("Choose the steps that no longer count, to see what a repair would do.")
        else:
            _draw_repair(found)
    with whole, st.container(border=True, key=f"{key}-whole", gap="small"):
        _head("compensating", "Undo everything", chosen=follows == "compensate")
        _draw_whole(run)
    return found


def _head(status: str, word: str, *, chosen: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        draw(run_badge(status, word=word))
        if chosen:
            draw(Badge("The saga's policy", "arrow_forward", "gray"))


def _draw_repair(found: RepairPreview) -> None:
    if found.refusal:
        st.warning(escape(f"Not possible: {found.refusal}"), icon=":material/block:")
    if not found.affected:
        return
    _draw_order(found.undo, "Nothing has to be undone.")
    _members(f"Done anew: {counted(len(found.affected), 'step')}", found.affected)
    _members(f"Stays as it is: {counted(len(found.kept), 'step')}", found.kept)
    st.caption(escape(f"{found.price} What is done anew has taken {found.anew} so far."))
    if found.stuck:
        st.warning(
            escape(
                f"The engine can't undo {listed(found.stuck)}. Done anew it would be there twice, so unless a "
                "person undoes it by hand, everything else is undone as well."
            ),
            icon=":material/warning:",
        )


def _draw_whole(run: Run) -> None:
    lines = rollback_lines(run, now())
    _draw_order(lines, "Nothing has taken effect yet.")
    stuck = [line.title for line in lines if line.obstacle]
    if stuck:
        st.warning(escape(f"The engine can't undo {listed(stuck)}."), icon=":material/warning:")
    st.markdown("**Done anew: nothing.** The run ends.")
    spent = effort(run.steps.values(), now())
    st.caption(escape(f"{price_words(run)} What all steps have taken so far is lost: {spent}."))


def _draw_order(lines: Sequence[RollbackLine], otherwise: str) -> None:
    if not lines:
        st.markdown(f"**{otherwise}**")
        return
    st.markdown(f"**Undone, in this order: {counted(len(lines), 'effect')}**")
    said = [
        f"{line.number}. {escape(line.title)} :gray[{escape(_facts(line))}]" for line in lines[:MAX_LINES]
    ]
    st.markdown("\n".join(said))
    _and_more(len(lines))


def _facts(line: RollbackLine) -> str:
    cost = f"costs {line.cost}" if line.cost else ""
    after = f"after {line.after}" if line.after else ""
    return " · ".join(part for part in (line.action, after, cost, line.obstacle) if part)


def _members(title: str, members: Sequence[Member]) -> None:
    st.markdown(f"**{escape(title)}**")
    for member in members[:MAX_LINES]:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(escape(member.title), width="content")
            draw(step_badge(member.status))
            st.caption(escape(member.why), width="stretch")
    _and_more(len(members))


def _and_more(count: int) -> None:
    if count > MAX_LINES:
        st.caption(f"and {count - MAX_LINES:,} more")


def draw_under_way(run: Run) -> None:
    """Draw what the repair under way does anew and what it keeps, each with the reason."""
    assert run.repair is not None
    found = repair_preview(run, run.repair.culprits, None, now())
    anew, kept = st.columns(2, gap="small")
    with anew, st.container(border=True, key=f"run-{run.id}-affected", gap="small"):
        _members(f"To be done anew: {counted(len(found.affected), 'step')}", found.affected)
    with kept, st.container(border=True, key=f"run-{run.id}-kept", gap="small"):
        _members(f"Stays as it is: {counted(len(found.kept), 'step')}", found.kept)


def draw_rounds(run: Run, history: Sequence[Recorded]) -> None:
    """Draw the repairs that a run had, the last one first."""
    ended = next((told.seq for told in reversed(history) if isinstance(told.event, StepsRedone)), 0)
    rounds = [*rounds_open(run, history), *_rounds_over((run.id, ended), run.first_plan, history)]
    for number, one in zip(range(len(rounds), 0, -1), rounds, strict=True):
        label = f"Repair {number} at {clock(one.at)} UTC: {counted(len(one.undone), 'effect')} undone"
        with st.expander(
            escape(label),
            key=f"run-{run.id}-round-{number}",
            icon=":material/healing:",
            expanded=number == len(rounds),
        ):
            _draw_round(one)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _rounds_over(at: tuple[str, int], _saga: Saga, _history: Sequence[Recorded]) -> list[Round]:
    return rounds_over(_saga, _history[: at[1]])


def _draw_round(one: Round) -> None:
    by = f" ({one.by})" if one.by else ""
    st.caption(escape(f"{one.reason}{by}"))
    st.markdown(escape(f"Undone: {one.order}." if one.undone else "Nothing had to be undone."))
    _members(f"To be done anew: {counted(len(one.affected), 'step')}", one.affected)
    st.markdown(escape(f"Stayed as it was: {listed(one.kept)}." if one.kept else "Nothing else was done."))
