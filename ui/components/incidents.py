"""Incidents: the world is not as a run left it. Each is shown with its evidence, and closed with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from ui.components.badges import draw, run_badge
from ui.components.run_commands import done_now, now, refuse
from ui.components.text import escape
from ui.models.incidents import IncidentCard, incident_cards
from ui.session import me, studio

_ADVICE: Final = "The run has ended, so the engine does nothing about it any more. Put it right at the target, then say how it was settled."


def draw_run_incidents(run_id: str) -> None:
    """Draw the incidents of a run that has ended, the open ones with the form that closes them."""
    cards = incident_cards(studio().store.incidents(run_id, open_only=False), now())
    settled = [card for card in cards if card.closed]
    draw_incidents([card for card in cards if not card.closed], linked=False)
    if settled:
        with st.expander(
            f"Incidents that are closed ({len(settled)})",
            key=f"run-{run_id}-closed-incidents",
            icon=":material/task_alt:",
        ):
            for card in settled:
                st.markdown(f"**{escape(card.what)}**")
                st.caption(escape(card.closed))


def draw_incidents(cards: Sequence[IncidentCard], *, linked: bool) -> None:
    """Draw open incidents; `linked` adds the way to the run of each."""
    for card in cards:
        key = f"incident-{card.id}"
        with st.container(border=True, key=key, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center"):
                draw(run_badge("incident"))
                st.markdown(f"**{escape(card.what)}**", width="stretch")
                if linked:
                    st.page_link("views/run.py", label="Open the run", icon=":material/open_in_full:",
                                 query_params={"id": card.run})  # fmt: skip
                st.caption(escape(card.found), width="content")
            _settle(card, key)


def _settle(card: IncidentCard, key: str) -> None:
    about, answer = st.columns([1, 1], gap="medium")
    with about:
        st.markdown(_ADVICE)
        if card.evidence:
            st.caption("What the target said")
            st.json(card.evidence, expanded=2)
    with answer, st.form(f"{key}-form", border=False):
        st.text_input(
            "How it was settled", key=f"{key}-reason", placeholder="Kept with the incident", max_chars=1000
        )
        st.form_submit_button("Close the incident", type="primary", icon=":material/task_alt:",
                              key=f"{key}-close", on_click=_close, args=(card.id, key))  # fmt: skip


def _close(incident: str, key: str) -> None:
    reason = str(st.session_state.get(f"{key}-reason") or "").strip()
    if not reason:
        refuse("say how it was settled; it is kept with the incident")
    elif studio().store.close_incident(incident, me(), reason, now()):
        done_now("The incident is closed")
    else:
        refuse("somebody else has closed it meanwhile")
