"""The settings page."""

import streamlit as st

st.title("Settings")
