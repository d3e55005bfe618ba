"""The designer page."""

import streamlit as st

st.title("Designer")
