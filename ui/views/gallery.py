"""The Gallery: sagas to run, to break and to start from."""

import streamlit as st

from engine.templates import examples, templates
from ui.components.gallery_card import section_row, version_row
from ui.components.gallery_examples import example_cards
from ui.components.gallery_filter import gallery_filter, nothing_found
from ui.components.gallery_hero import hero, planted_notice
from ui.models.gallery import own_versions
from ui.models.gallery_sections import finds, rows, sections
from ui.session import studio

hero()
planted_notice()
shelf, search = gallery_filter(templates())
found = sections(templates(), shelf, search)
for row in rows(found):
    section_row(row)

own = own_versions(studio().store.versions(), [entry.saga for entry in (*templates(), *examples())])
if own and not shelf and not search:
    st.subheader("Published here", anchor=False)
    for version in own:
        version_row(version)

checks = [entry for entry in examples() if finds(entry, search)] if shelf in {None, "checks"} else []
if checks:
    example_cards(checks)
if not found and not checks:
    nothing_found()
