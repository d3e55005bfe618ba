"""The Streamlit app and the command line. Draws what the engine recorded; decides nothing."""
