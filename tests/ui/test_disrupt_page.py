"""The dialog that disturbs a run: every kind is filled in, sent, and arrives as it was said."""

import time
from contextlib import suppress

import pytest

from engine.core.disruption_kinds import KINDS
from engine.core.document import parse_saga
from engine.ports import Unavailable
from tests.ui.run_studio import PATIENCE_S, Tab, answer, open_studio, until
from ui.components.run_dialogs import OPEN
from ui.models.run_disrupt import GROUPS

SAGA = """
saga: disturbed
title: What can be disturbed
recovery: repair
app: {spent: 0}
input: {seat: {type: string}}
constraints: [No smoke]
assumptions: [{name: rooms, value: 1, otherwise: 2, why: one is enough, owner: the desk}]
steps:
  allowed: {kind: approval, title: May it be, with: {question: May it be?}}
  find: {kind: python, title: Find, needs: allowed, with: {function: echo, args: {price: 420, day: monday}}}
  book:
    kind: http
    title: Book
    needs: find
    effect: compensatable
    locks: ["seat:${run.input.seat}"]
    with: {method: POST, url: "${world}/hotels/bookings", json: {city: Berlin, check_in: '2027-06-08',
      nights: 2, stars: 4, guest: Robin, why: "${steps.find.output.price * assume.rooms}"}}
    compensate: {kind: http, with: {method: DELETE, url: "${world}/hotels/bookings", params: {key: "${key}"}}}
  sure: {kind: approval, title: Shall it be, needs: book, with: {question: All well?}}
  later: {kind: python, title: Later, needs: sure, with: {function: noop}}
"""
SAID = {
    "fail": {"step": "later"},
    "refuse": {"step": "later", "phase": "forward"},
    "timeout_but_land": {"step": "later"},
    "land_late": {"step": "later", "delay_s": 2.0},
    "delay": {"step": "later", "delay_s": 1.0, "factor": 3.0},
    "garbage": {"step": "later", "output": '{"total": [1, 2]}'},
    "tool_down": {"target": "hotels"},
    "model_down": {"model": "local"},
    "fact": {"path": "steps.find.output", "value": '{"price": 500, "rooms": [1]}'},
    "lost_resource": {"resource": "seat:lost_resource", "steps": ["find"]},
    "cancelled_booking": {"step": "book"},
    "constraint": {"name": "cheaper", "rule": "app.spent < 900", "text": "Be cheap"},
    "relax": {"name": "No smoke"},
    "budget": {"limit": "calls", "allowed": 900.0},
    "withdraw_approval": {"step": "allowed"},
    "database_away": {"seconds": 0.5},
    "crash": {},
}
MEANT = {
    "garbage": {"output": {"total": [1, 2]}},
    "fact": {"value": {"price": 500, "rooms": [1]}},
    "lost_resource": {"steps": ("find",)},
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def disturbed(studio, seat):
    """Return a run that has acted, and waits for its second approval."""
    run_id = studio.engine.start_run(parse_saga(SAGA), {"seat": seat}, "ann")
    until(studio, run_id, lambda row: row.approvals)
    answer(studio, run_id, "allowed")
    until(studio, run_id, lambda row: row.done == 3 and row.approvals)
    return run_id


def dialog(run_id, kind):
    """Return the page with the dialog open at one kind."""
    group = next(name for name, kinds in GROUPS.items() if kind in kinds)
    tab = Tab("run", id=run_id)
    tab.app.session_state[OPEN] = "disrupt"
    tab.app.session_state["run-disrupt-way"] = group
    tab.app.session_state[f"run-disrupt-kind-{group}"] = kind
    if kind == "fact":  # a path that is typed, not chosen, which AppTest can't
        tab.app.session_state["run-disrupt-path"] = SAID[kind]["path"]
    return tab.run()


def fill(tab, values):
    """Fill the fields of the form; each is known by the end of its key."""
    fields = [*tab.app.selectbox, *tab.app.multiselect, *tab.app.text_input, *tab.app.number_input,
              *tab.app.slider, *tab.app.get("segmented_control")]  # fmt: skip
    for name, value in values.items():
        if name == "path":
            continue
        (field,) = [f for f in fields if f.key and f.key.startswith(f"run-disrupt-{name}")
                    and not f.key.startswith("run-disrupt-steps" * (name == "step") or "?")]  # fmt: skip
        field.set_value(value)
    tab.app.text_input(key="run-disrupt-reason").set_value("so it came")
    return tab.run()


def log(studio, run_id):
    """Return the log of a run, as soon as the database is there again."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(Unavailable):
            return studio.store.history(run_id)
        time.sleep(0.05)
    raise AssertionError("the database stays away")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_disruption_can_be_filled_in_and_sent(studio, kind):
    run_id = disturbed(studio, kind)
    tab = fill(dialog(run_id, kind), SAID[kind])
    tab.click("run-disrupt-send")
    if kind == "crash":
        assert "this studio may not be crashed" in tab.words()
        return
    known = [r.event for r in log(studio, run_id) if r.event.type == "disrupted"]
    assert [event.what.word for event in known] == [kind], tab.words()
    what = known[0].what
    expected = {**SAID[kind], **MEANT.get(kind, {})}
    assert {name: getattr(what, name) for name in expected} == expected
    assert what.reason == "so it came"
    assert OPEN not in tab.run().app.session_state


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("lost_resource", "Not yet: Resource is missing"),
        ("constraint", "Not yet: Name is missing"),
        ("relax", "Not yet: Constraint is missing"),
        ("budget", "Not yet: In all is missing"),
        ("tool_down", "Not yet: Host, path or function is missing"),
    ],
)
def test_what_is_missing_is_called_as_it_is_on_the_screen(studio, kind, said):
    run_id = disturbed(studio, f"missing-{kind}")
    assert said in dialog(run_id, kind).words()


def test_a_plan_is_not_changed_without_a_reason_and_the_dialog_says_so(studio):
    run_id = disturbed(studio, "amended")
    tab = Tab("run", id=run_id).click("run-plan-open")
    text = tab.app.text_area(key=f"run-{run_id}-plan-text")
    text.set_value(text.value.replace("title: Later", "title: Much later"))
    tab.run().click(f"run-{run_id}-plan-send")
    assert "Say why the plan changes" in tab.words()
    assert "Not done" not in tab.words()
    tab.app.text_input(key=f"run-{run_id}-plan-reason").set_value("no hurry")
    tab.run().click(f"run-{run_id}-plan-send")
    assert "disturbed v1, amended" in Tab("run", id=run_id).words()


def facts(run_id):
    """Return the page with the facts of a run."""
    tab = Tab("run", id=run_id)
    tab.app.session_state[f"run-{run_id}-view"] = "Facts"
    return tab.run()


def judged(studio, run_id):
    return [r.event.accepted for r in log(studio, run_id) if r.event.type == "assumption_judged"]


def test_an_assumption_is_judged_only_by_somebody_who_chose(studio):
    run_id = disturbed(studio, "judged")
    tab = facts(run_id)
    (reason,) = [field for field in tab.app.text_input if field.label == "Reason" and "assume" in field.key]
    reason.set_value("it is enough")
    tab.press("Say so")
    assert "Not done: choose Accept or Refuse" in tab.words()
    assert judged(studio, run_id) == []
    choice = tab.app.get("segmented_control")[-1]
    assert choice.label == "What do you say"
    choice.set_value("Accept")
    tab.press("Say so")
    assert judged(studio, run_id) == [True]
