"""The dialogs of the Run page: disrupt the run, change the plan, restore the state, cancel and undo.

Which one is open is kept in the session, so that a dialog survives a rerun of the whole page.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.core.commands import Cancel, MarkStale, RestoreApp
from engine.core.run import Run
from engine.core.templates import as_text
from ui.components.run_commands import forget_refusal, now, refuse, send, show_refusal
from ui.components.run_disrupt import draw_disrupt
from ui.components.run_plan import PLAN, draw_plan
from ui.components.run_repair import culprits_key, draw_ways, pick_culprits
from ui.components.run_rollback import draw_lines
from ui.components.text import escape, plain
from ui.models.run_actions import outdatable
from ui.models.run_disrupt import GROUPS
from ui.models.run_repair import FOLLOWS, what_follows
from ui.models.run_rollback import rollback_lines
from ui.models.run_state import broken_by_restore, no_restore, restored
from ui.models.run_words import counted, doubtful_pivots, money
from ui.models.undo_cost import price_words
from ui.session import me

OPEN: Final = "run-dialog"
STALE: Final = "run-stale"
RESTORE: Final = "restore:"
"""What the name of the dialog for a restore begins with; the event follows."""
CHANGED: Final = "Something changed"
DISRUPTIONS: Final = (*GROUPS, CHANGED)


def open_dialog(name: str) -> None:
    """Open a dialog with the rerun of the whole page that this asks for."""
    forget_refusal()
    st.session_state[OPEN] = name
    st.rerun()


def close_dialog() -> None:
    """Close the open dialog."""
    st.session_state.pop(OPEN, None)
    forget_refusal()


def draw_dialog(run: Run) -> None:
    """Draw the dialog that is open, if one is."""
    name = st.session_state.get(OPEN)
    if name is None or run.is_closed:
        st.session_state.pop(OPEN, None)
    elif name == "disrupt":
        _disrupt(run)
    elif name == "cancel":
        _cancel(run)
    elif name == PLAN:
        _plan(run)
    elif name.startswith(RESTORE):
        _restore(run, int(name.removeprefix(RESTORE)))


@st.dialog("Disrupt the run", icon=":material/bolt:", width="large", on_dismiss=close_dialog)
def _disrupt(run: Run) -> None:
    show_refusal("run-dialog-refusal")
    way = st.segmented_control(
        "What to do", DISRUPTIONS, default=DISRUPTIONS[0], key="run-disrupt-way", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if way == CHANGED:
        draw_changed(run)
    elif draw_disrupt(run, way or DISRUPTIONS[0]):
        close_dialog()
        st.rerun()


def draw_changed(run: Run) -> None:
    """Draw the form that says what steps have relied on has changed, with what follows from that."""
    st.caption("Say what is no longer as it was when these steps were done, and see first what follows.")
    titles = {target.step: target.title for target in outdatable(run, now()) if not target.refusal}
    if not titles:
        st.info("No step of this run has begun that could be done anew.", icon=":material/info:")
        return
    steps = pick_culprits(run, STALE, "Steps that relied on it")
    way = what_follows(run)
    st.markdown(FOLLOWS[way])
    found = draw_ways(
        run,
        steps,
        MarkStale(steps=tuple(steps) or ("",), reason="?", by=me()),
        key="run-stale-ways",
        follows=way,
    )
    st.caption("Calls under way are waited for first; what fails meanwhile is affected, too.")
    with st.form("run-stale", border=False):
        st.text_input(
            "What has changed", key="run-stale-reason", placeholder="Kept with the run", max_chars=500
        )
        st.form_submit_button(
            "It has changed",
            type="primary",
            icon=":material/update:",
            disabled=found is None or bool(found.refusal),
            on_click=_send_stale,
            args=(run.id,),
        )


def _send_stale(run_id: str) -> None:
    steps = tuple(st.session_state.get(culprits_key(STALE)) or ())
    reason = str(st.session_state.get("run-stale-reason") or "").strip()
    if not steps:
        refuse("choose the steps that relied on what has changed")
    elif send(run_id, MarkStale(steps=steps, reason=reason, by=me()), "Noted: these steps no longer count"):
        close_dialog()
        st.rerun()


@st.dialog("Change the plan", icon=":material/edit_note:", width="large", on_dismiss=close_dialog)
def _plan(run: Run) -> None:
    show_refusal("run-dialog-refusal")
    if draw_plan(run):
        close_dialog()
        st.rerun()


@st.dialog("Cancel and undo", icon=":material/undo:", width="large", on_dismiss=close_dialog)
def _cancel(run: Run) -> None:
    show_refusal("run-dialog-refusal")
    lines = rollback_lines(run, now())
    for title in doubtful_pivots(run):
        st.warning(
            f"**{escape(title)}** is a point of no return, and nobody knows yet whether it happened. That is "
            "settled first: if it did, nothing is undone and the run goes forward; only if not, this follows.",
            icon=":material/lock:",
        )
    if lines:
        st.markdown(
            f"The run stops, waits for open calls to end, and then undoes **{counted(len(lines), 'effect')}** in this order."
        )
        draw_lines(lines, key="run-cancel-lines")
        st.markdown(f"**{escape(price_words(run))}**")
    else:
        st.markdown("Nothing has taken effect yet: the run just ends, and there is nothing to undo.")
    if run.cost_usd:
        st.caption(f"What models have cost so far, {escape(money(run.cost_usd))}, is spent either way.")
    with st.form("run-cancel", border=False):
        st.text_input("Reason", key="run-cancel-reason", placeholder="Kept with the run")
        st.form_submit_button(
            "Cancel the run and undo" if lines else "Cancel the run",
            type="primary",
            icon=":material/undo:",
            on_click=_send_cancel,
            args=(run.id,),
        )


def _send_cancel(run_id: str) -> None:
    reason = str(st.session_state.get("run-cancel-reason") or "")
    if len(reason) > 500:
        refuse("the reason is too long; 500 characters are enough")
        return
    if send(run_id, Cancel(reason=reason, by=me()), "Cancelled. The run is going back"):
        close_dialog()
        st.rerun()


@st.dialog(
    "Restore the application state", icon=":material/history:", width="medium", on_dismiss=close_dialog
)
def _restore(run: Run, seq: int) -> None:
    show_refusal("run-dialog-refusal")
    refused = no_restore(run, seq, now())
    if refused:
        st.info(escape(f"Not now: {refused}"), icon=":material/info:")
        return
    changes = restored(run, seq)
    if changes:
        st.markdown(
            f"**{counted(len(changes), 'key')}** would be as after event {seq}. Steps stay as they are."
        )
        st.dataframe(
            {
                "Key": [change.key for change in changes],
                "Now": [as_text(change.before) for change in changes],
                "Then": [as_text(change.after) for change in changes],
            },
            hide_index=True,
            key="run-restore-keys",
        )
    else:
        plain("The application state is the same now as it was then: nothing would change.")
    broken = broken_by_restore(run, seq, now())
    if broken:
        st.warning(f"The run would go back: {escape(broken)}", icon=":material/warning:")
    with st.form("run-restore", border=False):
        st.text_input("Reason", key="run-restore-reason", placeholder="Kept with the run", max_chars=500)
        st.form_submit_button(
            "Restore it",
            type="primary",
            icon=":material/history:",
            on_click=_send_restore,
            args=(run.id, seq),
        )


def _send_restore(run_id: str, seq: int) -> None:
    reason = str(st.session_state.get("run-restore-reason") or "")
    if send(run_id, RestoreApp(seq=seq, reason=reason, by=me()), f"Restored to event {seq}"):
        close_dialog()
        st.rerun()
