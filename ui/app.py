"""Navigation, and nothing else: which pages there are, under one look."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.ports import Unavailable
from ui.components.trouble import (
    history_is_here,
    keep_count,
    page_comes_back,
    trouble_banner,
    waiting_for_people,
)

HERE = Path(__file__).parent

st.set_page_config(page_title="Saga Studio", page_icon=str(HERE / "assets" / "icon.svg"), layout="wide")
st.html(HERE / "assets" / "app.css")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")

history_is_here()
trouble_banner()
waiting = waiting_for_people()
pages = [
    st.Page("views/gallery.py", title="Gallery", icon=":material/apps:", default=True),
    st.Page("views/runs.py", title="Runs", icon=":material/timeline:", url_path="runs"),
    st.Page("views/plan.py", title="From words", icon=":material/edit_note:", url_path="plan"),
    st.Page("views/designer.py", title="Designer", icon=":material/schema:", url_path="designer"),
    st.Page(
        "views/approvals.py",
        title=f"Approvals · {waiting}" if waiting else "Approvals",
        icon=":material/how_to_reg:",
        url_path="approvals",
    ),
    st.Page("views/validators.py", title="Validators", icon=":material/fact_check:", url_path="validators"),
    st.Page("views/memory.py", title="Memory", icon=":material/bookmark:", url_path="memory"),
    st.Page("views/sandbox.py", title="Sandbox", icon=":material/science:", url_path="sandbox"),
    st.Page("views/guide.py", title="Guide", icon=":material/menu_book:", url_path="guide"),
    st.Page("views/settings.py", title="Settings", icon=":material/settings:", url_path="settings"),
    st.Page("views/run.py", title="Run", url_path="run", visibility="hidden"),
]
keep_count(waiting)
page = st.navigation(pages, position="top")
try:
    page.run()
except Unavailable:
    page_comes_back()
