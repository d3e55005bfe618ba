"""The approvals page."""

import streamlit as st

st.title("Approvals")
