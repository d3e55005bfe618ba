"""The Designer and a browser that is behind: what nobody touched doesn't change the draft."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from engine.core.document import to_yaml
from tests.ui.run_studio import open_studio
from tests.ui.test_designer import Page

KINDS = ("llm", "http", "python", "approval", "wait", "route", "map", "loop", "saga", "team", "agent")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture
def page(studio):
    yield Page().click("designer-blank")
    for draft in studio.store.drafts():
        studio.store.delete_draft(draft.saga)


def shows(page):
    """What a browser sends that shows the page as it stands now, and nothing is pressed."""
    return page.app._tree.get_widget_states()


def send(page, states):
    """Let a browser send these states with its next click."""
    page.app._run(states)
    assert not page.app.exception


def shows_last_drawing(page):
    """What a browser sends that got only the last drawing: Streamlit drops what the next click overtakes."""
    states = WidgetStates()
    for element in page.app._tree:
        proto = getattr(element, "proto", None)
        kind = getattr(proto, "DESCRIPTOR", None) and proto.DESCRIPTOR.name
        state = states.widgets.add(id=getattr(proto, "id", "")) if kind in DRAWN else None
        if state is not None:
            DRAWN[kind](proto, state)
    return states


def _one(name):
    def fill(proto, state):
        if proto.set_value or proto.HasField("default"):
            setattr(state, name, proto.value if proto.set_value else proto.default)

    return fill


def _bool(proto, state):
    state.bool_value = proto.value if proto.set_value else proto.default


def _option(proto, state):
    if proto.set_value:
        state.string_value = proto.raw_value
    elif proto.HasField("default"):
        state.string_value = proto.options[proto.default]


def _options(proto, state):
    names = [getattr(option, "content", option) for option in proto.options]
    chosen = proto.raw_values if proto.set_value else [names[index] for index in proto.default]
    state.string_array_value.data[:] = chosen


DRAWN = {
    "TextInput": _one("string_value"),
    "TextArea": _one("string_value"),
    "NumberInput": _one("double_value"),
    "Checkbox": _bool,
    "Selectbox": _option,
    "Radio": _option,
    "MultiSelect": _options,
    "ButtonGroup": _options,
}


def test_a_label_that_the_browser_did_not_see_change_is_no_step(page):
    page.click("designer-add-python", "designer-add-map").pick("run_function")
    page.fill("designer-step-run_function-title", "Fetch rows").pick("for_each")
    late = shows(page)
    page.click("designer-undo")
    send(page, late)
    assert page.document["steps"]["for_each"]["needs"] == ["run_function"]
    assert not page.app.button(key="designer-redo").disabled
    page.run()
    (needs,) = [each for each in page.app.multiselect if each.label == "Comes after"]
    assert needs.values == ["Run a function"]
    page.click("designer-redo")
    assert page.document["steps"]["run_function"]["title"] == "Fetch rows"


def test_words_that_are_no_option_never_become_what_a_step_comes_after(page):
    page.click("designer-add-python", "designer-add-map")
    page.fill("designer-step-for_each-needs", ["Fetch rows"], "multiselect")
    assert page.document["steps"]["for_each"]["needs"] == ["run_function"]
    assert page.field("designer-step-for_each-needs", "multiselect").value == ["run_function"]


def test_what_the_browser_showed_before_an_undo_is_no_edit(page):
    page.click("designer-add-http").fill("designer-step-call_service-title", "Stock")
    page.fill("designer-step-call_service-with-method", "PUT", "selectbox")
    page.form("Retry").fill("designer-step-call_service-retry-max_attempts", 5, "number_input").form("Step")
    late = shows(page)
    page.click("designer-undo", "designer-undo", "designer-undo")
    before = page.document
    assert before["steps"]["call_service"]["title"] == "Call a service"
    send(page, late)
    page.run()
    assert page.document == before
    assert page.app.button(key="designer-redo").help == "Make it again"
    assert page.field("designer-step-call_service-title").value == "Call a service"


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_that_missed_a_drawing_gets_it_whole_with_the_next(page, kind):
    page.click(f"designer-add-{kind}", "designer-add-python")
    (step, _) = page.document["steps"]
    before = page.document
    for form in ("Step", "Retry", "Validate", "Undo", "Approve"):
        page.app.session_state["designer"].segment = form
        page.pick(step).run()
        send(page, shows_last_drawing(page))
        page.run()
        assert page.document == before
        page.pick(None)
    page.app.session_state["designer"].segment = "Step"
    page.pick(step)
    assert page.field(f"designer-step-{step}-title").value == before["steps"][step]["title"]


def test_what_a_person_did_to_a_field_is_not_taken_back_by_the_next_drawing(page):
    page.click("designer-add-http")
    tries = "designer-step-call_service-with-method"
    key = page.field(tries, "selectbox").key
    page.fill(tries, "PUT", "selectbox").fill(tries, "GET", "selectbox")
    assert page.field(tries, "selectbox").key == key, "its own edits leave the widget where it is"
    assert page.document["steps"]["call_service"]["with"].get("method", "GET") == "GET"
    page.click("designer-settings").fill("designer-saga-form", "Limits", "segmented_control")
    for tokens in (500, 600, None):
        page.fill("designer-saga-budget-tokens", tokens, "number_input")
        assert page.document.get("budget", {}).get("tokens") == tokens


def test_an_edit_of_a_step_that_got_another_id_with_the_same_click_makes_no_second_step(page):
    page.click("designer-add-python")
    page.field("designer-step-run_function-id").set_value("load")
    page.field("designer-step-run_function-lock_wait_s", "number_input").set_value(7.0)
    page.run()
    assert list(page.document["steps"]) == ["load"]


def test_a_source_text_made_from_an_older_draft_is_not_applied_without_a_word(page):
    page.click("designer-add-wait").view("Source")
    text = page.field("designer-source", "text_area").value
    page.fill("designer-source", text.replace("duration_s: 2", "duration_s: 7"), "text_area")
    assert not page.app.warning
    page.fill("designer-step-pause-title", "Breathe")
    assert "duration_s: 7" in page.field("designer-source", "text_area").value
    assert "The draft was changed after this text" in page.app.warning[0].value
    assert "designer-source-apply" not in {button.key for button in page.app.button}
    page.click("designer-source-overwrite")
    assert page.document["steps"]["pause"]["with"]["duration_s"] == 7
    assert page.document["steps"]["pause"]["title"] != "Breathe"
    assert not page.app.warning


def test_an_apply_pressed_before_the_change_was_shown_applies_nothing(page):
    page.click("designer-add-wait").view("Source")
    text = page.field("designer-source", "text_area").value
    page.fill("designer-source", text.replace("duration_s: 2", "duration_s: 7"), "text_area")
    page.app.button(key="designer-source-apply").click()
    title = page.field("designer-step-pause-title")
    late = WidgetStates(widgets=[state for state in shows(page).widgets if state.id != title.id])
    page.app.button(key="designer-source-apply")._value = False
    page.fill("designer-step-pause-title", "Breathe")
    send(page, late)
    assert page.document["steps"]["pause"]["title"] == "Breathe"
    assert page.document["steps"]["pause"]["with"]["duration_s"] == 2
    assert "Not applied" in page.app.toast[0].value
    page.click("designer-source-discard")
    assert page.field("designer-source", "text_area").value == to_yaml(page.document)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("${run.input.rows}", "${run.input.rows}"),
        ('${run.input.rows.map(r, {"id": r})}', '${run.input.rows.map(r, {"id": r})}'),
        ('["${run.input.row}"]', ["${run.input.row}"]),
    ],
)
@pytest.mark.parametrize(("kind", "part"), [("map", "over"), ("team", "tasks")])
def test_items_are_a_list_or_an_expression_whatever_stood_there(page, kind, part, typed, kept):
    page.click(f"designer-add-{kind}")
    (step,) = page.document["steps"]
    field = f"designer-step-{step}-with-{part}"
    for first in ("${run.input.x}", '["x"]'):
        page.fill(field, first, "text_area").fill(field, typed, "text_area")
        assert page.document["steps"][step]["with"][part] == kept
        assert page.field(field, "text_area").value == typed


@pytest.mark.parametrize("typed", ["a, b", '{"a": 1}', '["a", ${run.input.b}]', "7"])
def test_what_is_neither_a_list_nor_an_expression_is_not_taken_for_items(page, typed):
    page.click("designer-add-map")
    before = page.document
    page.fill("designer-step-for_each-with-over", typed, "text_area")
    assert page.document == before
    assert "Write a list in JSON" in page.captions


def test_an_event_that_a_step_causes_is_called_an_event(page):
    page.click("designer-add-python", "designer-step-run_function-emits-add")
    assert page.field("designer-step-run_function-emits-0-event").label == "Event"
    page.click("designer-add-wait")
    assert page.field("designer-step-pause-with-event").label == "For a signal"
