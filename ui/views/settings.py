"""Settings: who you are, what is in force, and where each setting is changed."""

import streamlit as st

from ui.components.badges import header
from ui.components.settings_panels import (
    engine_panel,
    models_panel,
    person_panel,
    settings_panel,
    store_panel,
    versions_panel,
)

header("Settings", key="settings_header")
person, models = st.columns([1, 2], gap="medium")
with person:
    person_panel()
with models:
    models_panel()
settings_panel()
store, engine, versions = st.columns(3, gap="medium")
with store:
    store_panel()
with engine:
    engine_panel()
with versions:
    versions_panel()
