"""The run page."""

import streamlit as st

st.title("Run")
