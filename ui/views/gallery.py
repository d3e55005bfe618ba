"""The Gallery: sagas to run, to break and to start from."""

import streamlit as st

from engine.templates import examples, templates
from ui.components.gallery_card import template_card, version_row
from ui.components.gallery_examples import example_cards
from ui.components.gallery_hero import hero, planted_notice
from ui.models.gallery import own_versions
from ui.session import studio

hero()
planted_notice()
for entry in templates():
    template_card(entry)

own = own_versions(studio().store.versions(), [entry.saga for entry in (*templates(), *examples())])
if own:
    st.subheader("Published here", anchor=False)
    for version in own:
        version_row(version)

example_cards()
