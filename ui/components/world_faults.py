"""The fault panel of the practice world: what will go wrong, and what more should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic import ValidationError

from engine.sandbox.faults import USUAL_DELAY_S, Fault, FaultKind, Operation
from ui.components.live import live
from ui.components.text import escape
from ui.models.world_words import KINDS, OPERATIONS, fault_words, fields_of, kind_name, place, resources

if TYPE_CHECKING:
    from engine.sandbox.world import World

REFRESH_S = 2
ANYTHING = "(every call)"


@live(REFRESH_S)
def fault_panel(world: World) -> None:
    """Draw the faults that wait, and the form for one more."""
    with st.container(border=True, key="world_fault_list"):
        _planted(world)
    with st.container(border=True, key="world_fault_form"):
        st.subheader("Plant a fault", anchor=False)
        _form(world)


def _planted(world: World) -> None:
    faults = world.faults()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Planted faults :gray[{len(faults)}]", anchor=False, width="stretch")
        if faults:
            st.button("Remove all", key="world_faults_clear", type="tertiary", on_click=_clear, args=(world,))
    if not faults:
        st.caption("None: every call is answered as it should be.")
    for fault in faults:
        with st.container(
            horizontal=True, vertical_alignment="center", wrap=False, key=f"world_fault_{fault.id}"
        ):
            st.markdown(f":orange[:material/bolt:] {escape(fault_words(fault))}", width="stretch")
            st.button(
                "",
                key=f"world_fault_remove_{fault.id}",
                icon=":material/close:",
                type="tertiary",
                help="Remove this fault",
                on_click=_remove,
                args=(world, fault),
            )


def _clear(world: World) -> None:
    world.clear_faults()


def _remove(world: World, fault: Fault) -> None:
    if fault.id is not None:
        world.remove_fault(fault.id)


def _form(world: World) -> None:
    kinds = list(FaultKind)
    kind = st.selectbox("What goes wrong", kinds, format_func=kind_name, key="world_new_kind") or kinds[0]
    st.caption(escape(KINDS[kind][1]))
    operation = st.segmented_control(
        "When", list(Operation), default=Operation.CREATE, required=True,
        format_func=OPERATIONS.__getitem__, key="world_new_operation",
    )  # fmt: skip
    operation = operation or Operation.CREATE
    resource = st.selectbox(
        "Where", resources(operation), format_func=lambda path: place(path).title, key="world_new_resource"
    )
    left, right = st.columns(2)
    fields = [ANYTHING, *fields_of(resource)]
    left.selectbox("Only where", fields, key="world_new_field", help="A field of the request, of the record for an undo")  # fmt: skip
    right.text_input(
        "is", key="world_new_value", placeholder="Cologne", disabled=_get("world_new_field") == ANYTHING
    )
    left, right = st.columns(2)
    forever = bool(_get("world_new_forever"))
    left.number_input("Times", 1, 1000, 1, key="world_new_times", disabled=forever)
    usual = USUAL_DELAY_S.get(kind)
    right.number_input(
        "Delay in s", 0.0, 3600.0, usual or 0.0, step=1.0, key=f"world_new_delay_{kind}", disabled=usual is None,
        help="How long the caller is kept waiting",
    )  # fmt: skip
    st.toggle(
        "Until removed", key="world_new_forever", help="It strikes every call, until somebody removes it"
    )
    st.button(
        "Plant it",
        key="world_fault_add",
        type="primary",
        icon=":material/bolt:",
        on_click=_add,
        args=(world,),
    )
    if said := st.session_state.pop("world_fault_said", ""):
        st.error(escape(said), icon=":material/error:")


def _add(world: World) -> None:
    """Plant what the form says; where it makes no sense, say why."""
    kind = _get("world_new_kind")
    name, value = _get("world_new_field"), str(_get("world_new_value") or "").strip()
    if name != ANYTHING and not value:
        st.session_state["world_fault_said"] = f"Say what {name} must be, or choose {ANYTHING}."
        return
    try:
        fault = Fault(
            kind=kind,
            resource=_get("world_new_resource"),
            operation=_get("world_new_operation") or Operation.CREATE,
            match={} if name == ANYTHING else {name: value},
            times=-1 if _get("world_new_forever") else _get("world_new_times"),
            delay_s=_get(f"world_new_delay_{kind}") if kind in USUAL_DELAY_S else None,
        )
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Value error, ")
        st.session_state["world_fault_said"] = f"{first[:1].upper()}{first[1:]}."
        return
    world.add_fault(fault)


def _get(key: str) -> Any:
    return st.session_state.get(key)
