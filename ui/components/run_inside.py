"""What composite steps did: the items of a map, the rounds of a loop, an agent's conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from engine.core.run import Run, StepState
from ui.components.badges import Badge, Metric, draw, metric_cards, step_badge
from ui.components.run_commands import now
from ui.components.run_place import go
from ui.components.text import escape, plain
from ui.models.design_values import as_json
from ui.models.run_items import (
    CHOICES,
    RoundLine,
    Turn,
    ended_words,
    item_lines,
    matching,
    round_lines,
    said,
    task_of,
    turns,
)
from ui.models.run_tally import tally
from ui.models.run_words import counted
from ui.models.status import STEP, step_look

PER_PAGE: Final = 25


def draw_inside(run: Run, step: StepState) -> None:
    """Draw what a composite step did."""
    _DRAW[step.definition.kind](run, step)


def _items(run: Run, step: StepState) -> None:
    key = f"run-{run.id}-items-{step.id}"
    found = tally(run, step)
    numbers = [("Items", found.total), ("Done", found.done), ("Failed", found.failed), ("Under way", found.running),
               ("Still to come", found.waiting + found.stopped)]  # fmt: skip
    metric_cards([Metric(label, f"{value:,}") for label, value in numbers], key=f"{key}-numbers")
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}-filter"):
        which = st.segmented_control("Show", list(CHOICES), default="All", required=True, key=f"{key}-which")
        text = st.text_input(
            "Search", key=f"{key}-text", type="search", live="300ms", placeholder="In items and failures", width=280
        )  # fmt: skip
        names = matching(run, step, text or "", which or "All")
        pages = max(-(-len(names) // PER_PAGE), 1)
        st.space("stretch")
        page = min(_page(key, pages), pages)
    shown = names[(page - 1) * PER_PAGE : page * PER_PAGE]
    if not shown:
        st.caption("No item is like that.")
        return
    _table(run, shown, f"{key}-table", "Item")
    first = (page - 1) * PER_PAGE + 1
    st.caption(f"{first:,} to {first + len(shown) - 1:,} of {counted(len(names), 'item')}, what failed first. "
               "Select a row to open it.")  # fmt: skip


def _page(key: str, pages: int) -> int:
    if pages < 2:
        return 1
    where = f"{key}-page"
    if int(st.session_state.get(where, 1)) > pages:
        st.session_state[where] = pages
    return int(
        st.number_input(f"Page of {pages:,}", min_value=1, max_value=pages, step=1, key=where, width=150)
    )


def _table(run: Run, names: list[str], key: str, noun: str) -> None:
    lines = item_lines(run, names, now())
    colours = {look.word: look.family for look in STEP.values()}
    data: dict[str, list[Any]] = {
        noun: [line.title for line in lines],
        "Status": [[line.look.word] for line in lines],
        "Result": [line.result for line in lines],
        "Score": [line.score for line in lines],
        "Steps": [line.steps for line in lines],
        "Took": [line.took for line in lines],
        "Cost": [line.cost for line in lines],
    }
    for empty in ("Score", "Cost"):
        if not any(value not in {None, ""} for value in data[empty]):
            del data[empty]
    st.dataframe(
        data, hide_index=True, key=key, on_select=lambda: _open_row(run.id, key, names), selection_mode="single-row",
        height=36 * (len(lines) + 1) + 3, alt=f"What {noun.lower()}s came to", row_height=36,
        column_config={
            "Status": st.column_config.MultiselectColumn(options=list(colours), color=list(colours.values()), width="small"),
            noun: st.column_config.TextColumn(width="medium"),
            "Result": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def _open_row(run_id: str, key: str, names: list[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(names):
        go(run_id, names[rows[0]])


def _rounds(run: Run, step: StepState) -> None:
    key = f"run-{run.id}-rounds-{step.id}"
    lines = round_lines(run, step, now())
    words = ended_words(run, step)
    if words:
        st.caption(escape(words))
    if len(lines) > 1:
        _scores(lines, f"{key}-table")
    for line in lines:
        _round(run, line, f"{key}-{line.number}", latest=line is lines[0])


def _scores(lines: list[RoundLine], key: str) -> None:
    data: dict[str, list[Any]] = {
        "Round": [line.number for line in lines],
        "Score": [line.score for line in lines],
        "Gain": [line.gain for line in lines],
        "Status": [line.stop or step_look(line.status).word for line in lines],
        "Counts": ["this one" if line.is_best else "" for line in lines],
        "Took": [line.took for line in lines],
        "Cost": [line.cost for line in lines],
    }
    best = max((line.score for line in lines if line.score is not None), default=1.0)
    st.dataframe(
        data, hide_index=True, key=key, alt="The rounds of this loop",
        column_config={"Score": st.column_config.ProgressColumn(format="%g", min_value=0, max_value=max(best, 1))},
    )  # fmt: skip


def _round(run: Run, line: RoundLine, key: str, *, latest: bool) -> None:
    with st.container(border=True, key=key, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**Round {line.number}**", width="content")
            draw(step_badge(line.status))
            if line.score is not None:
                draw(Badge(f"Score {line.score:g}", "speed", "gray"))
            if line.gain:
                draw(
                    Badge(line.gain, "trending_up" if line.gain.startswith("+") else "trending_down", "gray")
                )
            if line.is_best:
                draw(Badge("The one that counts", "star", "green"))
            if line.stop:
                draw(Badge(line.stop, "flag", "gray"))
            st.space("stretch")
            st.caption(escape(" · ".join(part for part in (line.took, line.cost) if part)), width="content")
            st.button("Open", key=f"{key}-open", icon=":material/open_in_full:", on_click=go, args=(run.id, line.frame))  # fmt: skip
        if line.diff:
            st.caption("What changed against the round before")
            st.code(line.diff, language="diff", wrap_lines=True)
        elif line.number > 1 and line.output and line.status == "committed":
            st.caption("The same as the round before.")
        if line.output:
            with st.expander("All of it", expanded=latest and not line.diff, key=f"{key}-all"):
                st.code(line.output, language=None, wrap_lines=True)


def _talk(run: Run, step: StepState) -> None:
    key = f"run-{run.id}-talk-{step.id}"
    with st.chat_message("user", avatar=":material/assignment:"):
        plain(task_of(run, step))
    for turn in turns(run, step, now()):
        _turn(run, turn, f"{key}-{turn.frame}")
    if step.output is not None and isinstance(step.output, dict):
        with st.chat_message("assistant", avatar=":material/flag:"):
            st.markdown("**Answer**")
            _value(step.output.get("answer"))


def _turn(run: Run, turn: Turn, key: str) -> None:
    thinks = turn.kind == "thought"
    with st.chat_message(
        "assistant" if thinks else "tool", avatar=f":material/{'psychology' if thinks else 'build'}:"
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{escape(turn.title)}**", width="content")
            draw(step_badge(turn.status))
            words = said(turn)
            if words:
                st.caption(escape(words), width="content")
            st.space("stretch")
            st.caption(escape(" · ".join(part for part in (turn.took, turn.cost) if part)), width="content")
            st.button("Open", key=f"{key}-open", icon=":material/open_in_full:", on_click=go, args=(run.id, turn.frame))  # fmt: skip
        if thinks:
            _thought(turn)
        else:
            st.caption("Arguments")
            _value(turn.says)
            if turn.result is not None:
                st.caption("Result")
                _value(turn.result)
        if turn.error:
            st.code(turn.error, language=None, wrap_lines=True)


def _thought(turn: Turn) -> None:
    told = turn.says if isinstance(turn.says, dict) else None
    if told is not None and told.get("tool") != "answer":
        rest = {key: value for key, value in told.items() if key not in {"tool", "arguments", "answer"}}
        _value(rest or None)


def _value(value: object) -> None:
    if isinstance(value, dict | list):
        st.code(as_json(value), language="json", wrap_lines=True)
    elif value is not None:
        plain(str(value))


_DRAW: Final[dict[str, Callable[[Run, StepState], None]]] = {"map": _items, "loop": _rounds, "agent": _talk}
