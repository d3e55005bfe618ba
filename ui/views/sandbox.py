"""The Sandbox: the practice world that sagas act on - what stands, what happened, what goes wrong."""

import streamlit as st

from ui.components.badges import Action, header
from ui.components.text import plain
from ui.components.world_faults import fault_panel
from ui.components.world_reset import reset_dialog, stock
from ui.components.world_state import world_ledger, world_state
from ui.session import studio

world = studio().world
actions = (Action("Reset", "world_reset", icon="restart_alt"),) if world is not None else ()
clicked = header("Practice world", actions=actions, key="world_header")
if world is None:
    st.info("The practice world runs elsewhere. Look at it and plant faults there:", icon=":material/lan:")
    plain(studio().sandbox_url)
    st.caption("SAGA_SANDBOX_URL says so; without it the app starts a world of its own.")
    st.stop()

st.caption(
    "Flights, hotels, payments, parcels: small services on this machine, called over real HTTP. Whether"
    " something was really undone is answered here by looking, not by asking the engine."
)
left, right = st.columns([2.3, 1], gap="medium")
with left:
    world_state(world)
with right:
    fault_panel(world)
    stock(world)
world_ledger(world)
if clicked == "world_reset":
    reset_dialog(world)
