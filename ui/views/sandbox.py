"""The sandbox page."""

import streamlit as st

st.title("Sandbox")
