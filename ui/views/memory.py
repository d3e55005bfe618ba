"""The memory page: the facts that outlive runs, where each comes from, and how to erase them."""

from __future__ import annotations

from ui.components.badges import header
from ui.components.memory_list import draw_facts, draw_filters, draw_nothing
from ui.components.validator_list import saga_titles
from ui.session import studio

header("Memory", key="memory-head")
titles = saga_titles()
facts = draw_filters(titles)
if facts or studio().store.remembered():
    draw_facts(facts, titles)
else:
    draw_nothing()
