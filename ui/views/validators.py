"""The validators page: which ones there are, how often each ran and caught something, at what price."""

from __future__ import annotations

from ui.components.badges import header
from ui.components.live import live
from ui.components.validator_list import draw_filters, draw_nothing, draw_validators, saga_titles
from ui.session import studio

TICK_S = 5.0


@live(TICK_S)
def live_validators() -> None:
    """Draw filters, numbers and table; drawn again at each tick."""
    titles = saga_titles()
    stats = draw_filters(titles)
    if stats:
        draw_validators(stats, titles)
    else:
        draw_nothing(filtered=bool(studio().store.validators()))


header("Validators", key="validators-head")
live_validators()
