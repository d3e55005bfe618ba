"""Parts of a page that draw themselves again and again, while the rest stands.

Streamlit (1.67) forgets what a fragment has drawn but not yet sent when the fragment is drawn anew, and two things it gets
wrong there would cost the reader the page:

- Its browser counts a block's children by place. A fragment that was forgotten is taken away there for a moment, and what
  stands after it takes its place. So each fragment here has a block of its own around it, which is not forgotten.
- It does not forget elements that it sends by reference (`global.minCachedMessageSize`), only the blocks that they are in.
  The browser then has no place for them and stops, on a blank page. So `config.toml` lets it send nothing by reference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import streamlit as st

from engine.ports import Unavailable

P = ParamSpec("P")
Draw = Callable[P, None]
AWAY: Final = "What stands here needs the database; it comes back by itself."


def live(every_s: float, *, key: str | None = None) -> Callable[[Draw[P]], Draw[P]]:
    """Return the decorator for what is drawn again every so many seconds: a note stands there while it can't be read.

    Args:
        every_s: Seconds from one drawing to the next.
        key: A name for the block, so that styles find it.
    """

    def decorate(draw: Draw[P]) -> Draw[P]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                draw(*args, **kwargs)
            except Unavailable:
                st.caption(AWAY)

        again = st.fragment(drawn, run_every=every_s)

        @wraps(draw)
        def placed(*args: P.args, **kwargs: P.kwargs) -> None:
            with st.container(key=key):
                again(*args, **kwargs)

        return placed

    return decorate
