"""The guide page."""

import streamlit as st

st.title("Guide")
