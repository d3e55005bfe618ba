"""The Designer: draw a saga's steps, their checks and their undo; save it as a version; run it."""

import streamlit as st

from ui.components.design_below import below
from ui.components.design_canvas import design_canvas, palette
from ui.components.design_fields import code_font
from ui.components.design_header import design_header
from ui.components.design_inspector import inspector
from ui.components.design_start import start_screen
from ui.components.design_state import opened, show_started, standing
from ui.components.start_run import close_dialog, run_dialog
from ui.components.text import escape
from ui.models.draft_places import seen_at

design = opened()
if design is None:
    start_screen(missing=st.query_params.get("saga", "") or st.query_params.get("template", ""))
    st.stop()

now = standing(design)
here = seen_at(now.findings, design.whole, design.place)
code_font()
design_header(design, now)
if design.is_wide:
    palette(design)
    design_canvas(design, here)
left, right = st.columns([2.3, 1], gap="medium")
with left:
    if not design.is_wide:
        palette(design)
        design_canvas(design, here)
    below(design, now)
with right:
    inspector(here)
if now.saga is None:
    close_dialog()
else:
    run_dialog(now.saga, saves=now.next_version if now.is_draft else 0, on_start=show_started)
if design.said:
    st.toast(escape(design.said), icon=":material/check:")
    design.said = ""
