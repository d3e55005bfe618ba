"""From words: say what is wanted, see proposals beside each other with all that was found, revise, approve, run."""

import streamlit as st

from ui.components.badges import header
from ui.components.plan_ask import ask_form, example_row
from ui.components.plan_board import draw_board, draw_run_dialog
from ui.components.plan_state import board

header("From words", key="plan-head", icon="edit_note")
st.caption(
    "Say what is wanted. A model drafts a saga by answering narrow questions; code checks each draft, tries its undos on a"
    " practice world of its own, and sends back what it finds. Nothing runs before you say so."
)
example_row()
ask_form()
if board().proposals:
    draw_board(board())
draw_run_dialog()
