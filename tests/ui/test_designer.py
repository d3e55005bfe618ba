"""The Designer, driven as people drive it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

import ui
from engine.ports import Draft
from ui import session
from ui.components import design_canvas, design_state
from ui.compose import Studio
from ui.settings import Settings

APP = Path(ui.__file__).parent / "app.py"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), model="scripted", warm_up=False, user="ada")
    with Studio.open(settings) as opened:
        session.hold(opened)
        yield opened
        session.let_go()


@pytest.fixture
def store(studio):
    yield studio.store
    for draft in studio.store.drafts():
        studio.store.delete_draft(draft.saga)


class Page:
    """A browser tab on the Designer."""

    def __init__(self, **query):
        self.app = AppTest.from_file(APP, default_timeout=90)
        self.app.switch_page("views/designer.py")
        for key, value in query.items():
            self.app.query_params[key] = value
        self.run()

    def run(self):
        self.app.run()
        assert not self.app.exception
        return self

    def click(self, *keys):
        for key in keys:
            self.app.button(key=key).click()
            self.run()
        return self

    def fill(self, key, value, kind="text_input"):
        self.field(key, kind).set_value(value)
        return self.run()

    def field(self, name, kind="text_input"):
        """The widget of a field; fields of the draft get new widgets, each under a key of its own."""
        found = [each for each in getattr(self.app, kind) if str(each.key).split("~")[0] == name]
        assert len(found) == 1, f"{name}: {[each.key for each in getattr(self.app, kind)]}"
        return found[0]

    def view(self, name):
        return self.fill("designer-view", name, "segmented_control")

    def form(self, name):
        return self.fill("designer-segment", name, "segmented_control")

    def pick(self, card):
        """Select what a click on a card selects; AppTest can't click inside a frame."""
        self.app.session_state["designer"].selected = card
        return self.run()

    @property
    def name(self):
        found = self.app.query_params["saga"]
        return found if isinstance(found, str) else found[0]

    @property
    def document(self):
        return self.app.session_state["designer"].document

    @property
    def badges(self):
        return " ".join(element.value for element in self.app.markdown if "-badge[" in element.value)

    @property
    def captions(self):
        """The small words below fields."""
        return " ".join(e.value for e in [*self.app.caption, *self.app.markdown] if "-badge[" not in e.value)

    @property
    def cards(self):
        (canvas,) = self.app.get("component_instance")
        data = json.loads(json.loads(canvas.proto.json_args)["data"])
        return {node["id"].split("\x1f")[0] for node in data["nodes"] if node["shape"] == "image"}


@pytest.fixture
def page(store):
    return Page().click("designer-blank")


def test_a_saga_is_drawn_from_nothing_saved_and_started_without_yaml(page, store):
    assert "1 problem" in page.badges
    assert page.app.button(key="designer-save").disabled
    assert "no step yet" in page.app.button(key="designer-run").help
    page.click("designer-add-llm", "designer-add-http", "designer-add-wait")
    assert page.cards == {"ask_model", "call_service", "pause"}
    assert "problem" not in page.badges
    page.fill("designer-step-pause-title", "Breathe").fill("designer-step-pause-with-duration_s", "0")
    assert store.draft(page.name).document == page.document, "kept at each change"
    page.click("designer-save")
    assert store.draft(page.name) is None
    assert store.versions(page.name)[0].document == page.document
    assert page.app.toast[0].value.startswith("Saved as version 1")
    assert page.app.button(key="designer-save").disabled
    page.click("designer-run")
    assert page.app.button(key=f"start_{page.name}_go").label == "Start the run"


def test_a_run_asks_for_its_inputs_and_says_what_does_not_fit(page, store, studio, monkeypatch):
    page.click("designer-add-python", "designer-settings")
    page.fill("designer-saga-form", "Inputs", "segmented_control").click("designer-saga-add-input")
    page.fill("designer-saga-input-input-name", "start").fill(
        "designer-saga-input-start-type", "integer", "selectbox"
    )
    went = []
    monkeypatch.setattr("ui.components.start_run.st.switch_page", lambda *a, **k: went.append((a, k)))
    go = f"start_{page.name}_go"
    page.click("designer-run")
    assert page.app.button(key=go).label == "Save and start"
    page.click(go)
    assert "Start is empty" in page.app.error[0].value
    assert not went
    page.app.number_input(key=f"start_{page.name}_start").set_value(7)
    page.click(go)
    ((path,), where) = went[0]
    assert path == "views/run.py"
    row = store.row(where["query_params"]["id"])
    assert (row.saga, row.by) == (page.name, "ada")
    assert store.draft(page.name) is None


def test_undo_and_redo_bring_fields_back(page):
    page.click("designer-add-http").fill("designer-step-call_service-title", "Stock")
    page.click("designer-undo")
    assert page.field("designer-step-call_service-title").value == "Call a service"
    page.click("designer-redo")
    assert page.field("designer-step-call_service-title").value == "Stock"
    page.click("designer-undo", "designer-undo")
    assert page.document["steps"] == {}


def test_problems_are_shown_where_they_are_and_vanish_when_mended(page):
    page.click("designer-add-http")
    page.fill("designer-step-call_service-with-method", "POST", "selectbox")
    assert "1 problem" in page.badges
    assert "without a word on its effect" in page.captions
    page.click("designer-settings")
    page.click("designer-problem-0-go")
    assert page.app.session_state["designer"].selected == "call_service"
    page.fill("designer-step-call_service-effect", "compensatable", "selectbox")
    assert "problem" not in page.badges
    assert page.cards == {"call_service", "undo:call_service"}


def test_json_that_cant_be_read_stays_and_changes_nothing(page):
    page.click("designer-add-http")
    before, key = page.document, "designer-step-call_service-with-params"
    page.fill(key, "{sku: tent}", "text_area")
    assert page.document == before
    assert page.field(key, "text_area").value == "{sku: tent}"
    assert "not JSON" in page.captions
    assert "1 problem" in page.badges
    page.fill(key, '{"sku": "tent"}', "text_area")
    assert page.document["steps"]["call_service"]["with"]["params"] == {"sku": "tent"}
    assert "not JSON" not in page.captions
    assert "problem" not in page.badges


def test_the_id_follows_into_expressions_and_says_what_it_cant_be(page):
    page.click("designer-add-http", "designer-add-llm")
    page.fill("designer-step-ask_model-with-prompt", "${steps.call_service.output.sku}", "text_area")
    page.pick("call_service").fill("designer-step-call_service-id", "Not an id")
    assert "small letters" in page.captions
    page.fill("designer-step-call_service-id", "stock")
    assert page.document["steps"]["ask_model"]["with"]["prompt"] == "${steps.stock.output.sku}"
    assert page.document["steps"]["ask_model"]["needs"] == ["stock"]
    assert page.app.session_state["designer"].selected == "stock"


def test_steps_are_connected_in_the_inspector_as_a_condition_and_in_the_table(page):
    page.click("designer-add-python", "designer-settings", "designer-add-wait")
    assert "needs" not in page.document["steps"]["pause"]
    page.fill("designer-step-pause-needs", ["run_function"], "multiselect")
    assert page.document["steps"]["pause"]["needs"] == ["run_function"]
    page.view("Edges").click("designer-edge-run_function--pause-remove")
    assert "needs" not in page.document["steps"]["pause"]
    page.fill("designer-edge-to", "pause", "selectbox").fill(
        "designer-edge-from", "run_function", "selectbox"
    )
    page.click("designer-edge-add")
    assert page.document["steps"]["pause"]["needs"] == ["run_function"]
    page.click("designer-settings", "designer-add-http").pick("pause")
    page.fill("designer-step-pause-as-condition", True, "toggle")
    page.fill("designer-step-pause-condition", "run_function ||")
    assert "not a dependency condition" in page.captions
    page.fill("designer-step-pause-condition", "run_function || call_service")
    assert page.document["steps"]["pause"]["needs"] == "run_function || call_service"


def test_checks_retries_approval_and_undo_are_forms(page):
    page.click("designer-add-http")
    step = "designer-step-call_service"
    page.form("Retry").fill(f"{step}-retry-max_attempts", 5, "number_input")
    page.form("Validate").click(f"{step}-validate-add").fill(
        f"{step}-validate-0-rule", "output.pieces > 0", "text_area"
    )
    page.form("Approve").fill(f"{step}-asks", True, "toggle")
    page.fill(f"{step}-approval-question", "Really?", "text_area")
    page.form("Undo").click(f"{step}-make-undo").fill(f"{step}-undo-by", "none", "selectbox")
    page.fill(f"{step}-compensate_reason", "a letter is a letter")
    body = page.document["steps"]["call_service"]
    assert body["retry"] == {"max_attempts": 5}
    assert body["validate"] == [{"name": "check", "rule": "output.pieces > 0"}]
    assert body["approval"] == {"question": "Really?"}
    assert (body["compensate"], body["compensate_reason"]) == ("none", "a letter is a letter")
    page.form("Validate").click(f"{step}-validate-0-remove")
    assert "validate" not in page.document["steps"]["call_service"]


@pytest.mark.parametrize("kind", ["llm", "python", "approval", "wait", "route"])
def test_every_form_of_every_kind_is_drawn(page, kind):
    page.click(f"designer-add-{kind}")
    for name in ("Retry", "Validate", "Undo", "Approve"):
        page.form(name)
    assert "problem" not in page.badges


def test_the_undo_form_says_what_the_problems_say_of_a_call_without_an_effect(page):
    page.click("designer-add-http").form("Undo")
    assert "only reads" in page.app.info[0].value
    page.form("Step").fill("designer-step-call_service-with-method", "POST", "selectbox").form("Undo")
    assert "not said yet" in page.app.info[0].value


def test_a_route_gets_rules(page):
    page.click("designer-add-route", "designer-step-choose-rules-add")
    page.fill("designer-step-choose-rules-0-to", "stop", "selectbox")
    page.fill("designer-step-choose-with-branches", "go_on, stop, ask")
    assert page.document["steps"]["choose"]["with"]["rules"] == [{"when": "true", "to": "stop"}]
    assert page.document["steps"]["choose"]["with"]["branches"] == ["go_on", "stop", "ask"]


def test_the_source_goes_both_ways_and_a_bad_one_changes_nothing(page):
    page.click("designer-add-wait").view("Source")
    text = page.field("designer-source", "text_area").value
    assert "duration_s: 2" in text
    before = page.document
    for bad, said in (
        ("steps: [", "not YAML"),
        (text + "stepz: 1\n", "unknown key"),
        (text.replace("wait", "wiat"), "wait"),
    ):
        page.fill("designer-source", bad, "text_area").click("designer-source-apply")
        assert page.document == before
        assert page.field("designer-source", "text_area").value == bad
        assert said in page.app.code[0].value
    page.click("designer-source-discard")
    assert page.field("designer-source", "text_area").value == text
    page.fill("designer-source", text.replace("duration_s: 2", "duration_s: 7"), "text_area")
    page.click("designer-source-apply")
    assert page.field("designer-step-pause-with-duration_s").value == "7"


def test_versions_show_what_changed_and_open_again(page, store):
    page.click("designer-add-wait", "designer-save")
    page.fill("designer-step-pause-with-duration_s", "9").click("designer-save")
    assert [version.version for version in store.versions(page.name)] == [2, 1]
    page.view("Versions").fill("designer-version", 1, "selectbox")
    assert "+      duration_s: 9" in page.app.code[0].value
    page.click("designer-version-open")
    assert page.document["steps"]["pause"]["with"]["duration_s"] == 2
    assert "Draft of v3" in page.badges
    page.click("designer-undo")
    assert "Draft" not in page.badges
    assert store.draft(page.name) is None


def test_a_reload_loses_nothing(page):
    page.click("designer-add-approval")
    again = Page(saga=page.name)
    assert again.document == page.document
    again.pick("ask_person").fill("designer-step-ask_person-title", "Sign")
    page.run()
    assert page.document == again.document, "the other window's change is taken over"
    page.click("designer-undo")
    assert page.document["steps"]["ask_person"]["title"] == "Ask a person"


def test_the_saga_is_renamed_to_a_free_name_only(page, store):
    first = page.name
    second = Page().click("designer-blank")
    assert second.name != first
    second.fill("designer-saga-name", first)
    assert "already" in second.captions
    second.fill("designer-saga-name", "tea-time")
    assert second.name == "tea-time"
    assert store.draft("tea-time").document["title"] == "Tea time"


def test_a_name_that_is_too_long_is_told_the_limit(page):
    page.fill("designer-saga-name", "a" * 400)
    assert "400 characters; at most 64" in page.captions.replace("\\", "")


def test_a_title_follows_the_name_until_somebody_writes_one(page):
    page.fill("designer-saga-name", "first-tea")
    assert page.document["title"] == "First tea"
    page.fill("designer-saga-title", "Tea at five").fill("designer-saga-name", "late-tea")
    assert page.document["title"] == "Tea at five"


def test_a_template_opens_as_a_copy_and_twice_as_the_same_one(store):
    page = Page(template="order-fulfilment")
    assert page.name == "order-fulfilment-copy"
    assert {"ship", "undo:reserve"} <= page.cards
    page.pick("ship")
    for name in ("Step", "Retry", "Validate", "Undo", "Approve"):
        page.form(name)
    assert Page(template="order-fulfilment").name == "order-fulfilment-copy"
    page.fill("designer-segment", "Step", "segmented_control").fill("designer-step-ship-title", "Send")
    assert Page(template="order-fulfilment").name == "order-fulfilment-copy-2"


def test_the_start_screen_opens_and_discards_what_there_is(page, store):
    page.click("designer-add-wait")
    start = Page().click(f"designer-open-{page.name}")
    assert start.document == page.document
    gone = Page().click(f"designer-discard-{page.name}-yes")
    assert page.name not in {button.key for button in gone.app.button}
    assert store.draft(page.name) is None
    lost = Page(saga="nobody")
    assert "nobody" in lost.app.warning[0].value


def test_a_draft_that_is_no_saga_is_still_shown(store, studio):
    broken = {
        "saga": "broken",
        "title": 3,
        "steps": {"a": {"kind": "http", "with": 3, "needs": 4}, "b": None},
    }
    store.save_draft(Draft(saga="broken", document=broken, by="ada", updated_at=studio.engine._clock.now()))
    page = Page(saga="broken")
    assert page.cards == {"a"}
    page.pick("a")
    for name in ("Retry", "Validate", "Undo", "Approve"):
        page.form(name)
    for view in ("Edges", "Source", "Versions"):
        page.view(view)


def test_titles_are_never_markdown(page):
    page.click("designer-add-wait").fill("designer-step-pause-title", "**bold** :material/home:")
    heads = [element.value for element in page.app.subheader]
    assert any(r"\*\*bold\*\*" in head for head in heads)


def test_the_canvas_can_have_the_whole_width(page):
    page.click("designer-add-wait", "designer-wide")
    assert page.cards == {"pause"}
    page.fill("designer-step-pause-title", "Rest").click("designer-wide")
    assert page.document["steps"]["pause"]["title"] == "Rest"


def test_a_click_on_an_undo_card_shows_its_form(monkeypatch):
    chosen = SimpleNamespace(selected=None, segment="Step", place=())
    monkeypatch.setattr(design_state, "current", lambda: chosen)
    monkeypatch.setattr(design_canvas, "clicked", lambda _key: "undo:pay")
    design_canvas._choose()
    assert (chosen.selected, chosen.segment) == ("pay", "Undo")


def test_what_the_page_selects_gives_the_cards_new_ids_so_a_card_can_be_clicked_again(page):
    def ids():
        (canvas,) = page.app.get("component_instance")
        return canvas.proto.id, [
            n["id"] for n in json.loads(json.loads(canvas.proto.json_args)["data"])["nodes"]
        ]

    page.click("designer-add-wait")
    frame, before = ids()
    page.click("designer-settings")
    again, after = ids()
    assert frame == again, "the same frame: zoom and place stay"
    assert before != after


def test_a_step_can_come_after_the_failure_of_another_without_writing_a_condition(page):
    page.click("designer-add-http", "designer-add-python", "designer-settings", "designer-add-wait")
    page.fill("designer-step-pause-needs", ["call_service", "run_function"], "multiselect")
    page.fill("designer-step-pause-end-call_service", "failed", "selectbox")
    assert page.document["steps"]["pause"]["needs"] == ["call_service.failed", "run_function"]
    page.fill("designer-step-pause-enough", 1, "selectbox")
    assert page.document["steps"]["pause"]["needs"] == "call_service.failed || run_function"
    assert page.field("designer-step-pause-needs", "multiselect").value == [
        "call_service.failed",
        "run_function",
    ]
    page.fill("designer-step-pause-end-call_service.failed", "", "selectbox")
    page.fill("designer-step-pause-enough", 0, "selectbox")
    assert page.document["steps"]["pause"]["needs"] == ["call_service", "run_function"]
    page.view("Edges")
    assert "all 2 did" in " ".join(element.value for element in page.app.text)


def test_locks_limits_and_rules_for_some_errors_are_forms(page):
    page.click("designer-add-python")
    locks = "seat:${run.input.seat + 1}\ncar, red"
    page.fill("designer-step-run_function-locks", locks, "text_area")
    page.fill("designer-step-run_function-lock_wait_s", 5.0, "number_input")
    page.form("Retry").fill(
        "designer-step-run_function-retry-per_code", '{"timeout": {"max_attempts": 1}}', "text_area"
    )
    page.form("Validate").fill("designer-step-run_function-commutative", True, "toggle")
    step = page.document["steps"]["run_function"]
    assert (step["locks"], step["lock_wait_s"]) == (["seat:${run.input.seat + 1}", "car, red"], 5)
    assert step["retry"] == {"per_code": {"timeout": {"max_attempts": 1}}}
    assert step["commutative"] is True
    page.click("designer-settings").fill("designer-saga-form", "Limits", "segmented_control")
    page.fill("designer-saga-budget-tokens", 500, "number_input")
    page.fill("designer-saga-budget-on_limit", "ask", "selectbox")
    page.fill("designer-saga-max_events", 200, "number_input")
    assert page.document["budget"] == {"tokens": 500, "on_limit": "ask"}
    assert page.document["max_events"] == 200


def test_a_body_opens_on_the_same_canvas_is_changed_and_undone(store):
    page = Page().click("designer-blank", "designer-add-map")
    page.click("designer-open-for_each-", "designer-add-wait")
    draft = page.app.session_state["designer"].whole
    assert list(draft["steps"]["for_each"]["body"]["steps"]) == ["do", "pause"]
    assert page.app.session_state["designer"].place == ("steps", "for_each", "body")
    page.fill("designer-step-pause-title", "Breathe")
    assert (
        page.app.session_state["designer"].whole["steps"]["for_each"]["body"]["steps"]["pause"]["title"]
        == "Breathe"
    )
    page.click("designer-undo", "designer-undo", "designer-way-0")
    assert list(page.app.session_state["designer"].document["steps"]) == ["for_each"]
    assert list(page.app.session_state["designer"].whole["steps"]["for_each"]["body"]["steps"]) == ["do"]
    page.click("designer-undo")
    assert page.app.session_state["designer"].whole["steps"] == {}


@pytest.mark.parametrize("kind", ["map", "loop", "saga", "team", "agent"])
def test_every_form_of_a_composite_step_is_drawn(store, kind):
    page = Page().click("designer-blank", f"designer-add-{kind}")
    for form in ("Retry", "Validate", "Undo", "Approve", "Step"):
        page.field("designer-segment", "button_group").set_value(form)
        page.run()
