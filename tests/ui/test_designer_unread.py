"""What is typed into the Designer's forms and can't be read: nothing is saved or run until it is mended or reset."""

import pytest

from tests.ui.test_designer import Page, store, studio  # noqa: F401 - fixtures

PARAMS = "designer-step-call_service-with-params"
STEP = "designer-step-call_service"


@pytest.fixture
def page(store):  # noqa: F811 - the fixture of that name
    return Page().click("designer-blank", "designer-add-http")


def is_blocked(page):
    """Return whether neither Save nor Run can be clicked, with a reason that tells why."""
    save, run = (page.app.button(key=f"designer-{name}") for name in ("save", "run"))
    assert save.disabled == run.disabled
    assert not run.disabled or "t be taken" in run.help
    return run.disabled


def typed(page):
    return page.field(PARAMS, "text_area").value


def test_a_field_that_cant_be_read_keeps_the_saga_from_being_saved_and_run(page):
    page.fill(PARAMS, '{"nights": 3}', "text_area")
    assert not is_blocked(page)
    page.fill(PARAMS, '{"nights": 9', "text_area")
    assert is_blocked(page)
    page.fill(PARAMS, '{"nights": 9}', "text_area")
    assert not is_blocked(page)
    assert page.document["steps"]["call_service"]["with"]["params"] == {"nights": 9}


def test_a_field_is_reset_to_what_the_draft_says_where_it_is_and_in_the_list_of_problems(page):
    page.fill(PARAMS, '{"nights": 3}', "text_area")
    for button in (f"{PARAMS}-reset", "designer-problem-0-reset"):
        page.fill(PARAMS, '{"nights": 9', "text_area").click(button)
        assert typed(page) == '{"nights": 3}'
        assert not is_blocked(page)


def test_it_stays_while_another_step_is_looked_at(page):
    page.fill(PARAMS, "{not json", "text_area").click("designer-add-wait")
    assert is_blocked(page)
    page.click("designer-problem-0-go")
    assert typed(page) == "{not json"


def test_undo_and_redo_take_it_back_and_bring_it_again(page):
    page.fill(PARAMS, "{not json", "text_area").fill(f"{STEP}-title", "Stock").click("designer-undo")
    assert (typed(page), is_blocked(page)) == ("{not json", True)
    page.click("designer-undo")
    assert (typed(page), is_blocked(page)) == ("", False)
    page.click("designer-redo")
    assert (typed(page), is_blocked(page)) == ("{not json", True)


def test_it_goes_and_comes_back_with_its_step(page):
    page.fill(PARAMS, "{not json", "text_area").click("designer-delete", "designer-add-http")
    assert typed(page) == "", "another step of the same name is another step"
    page.click("designer-undo", "designer-undo").pick("call_service")
    assert (typed(page), is_blocked(page)) == ("{not json", True)


def test_it_follows_its_step_and_its_entry(page):
    page.fill(PARAMS, "{not json", "text_area").fill(f"{STEP}-id", "stock")
    assert page.field("designer-step-stock-with-params", "text_area").value == "{not json"
    assert is_blocked(page)


def test_a_dialog_that_was_asked_for_too_early_does_not_come_up_later(page):
    page.field(PARAMS, "text_area").set_value("{not json")
    page.app.button(key="designer-run").click()
    page.run().click(f"{PARAMS}-reset")
    assert not [button for button in page.app.button if str(button.key).endswith("_go")]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        (f"{STEP}-id", "text_input", "Not an id"),
        (f"{STEP}-condition", "text_input", "call_service ||"),
        (f"{STEP}-with-params", "text_area", "[1"),
    ],
)
def test_every_field_that_can_be_wrong_blocks(page, name, kind, text):
    if name.endswith("condition"):
        page.fill(f"{STEP}-as-condition", True, "toggle")
    page.fill(name, text, kind)
    assert is_blocked(page)
    page.click(f"{name}-reset")
    assert not is_blocked(page)


def test_a_number_beyond_its_bounds_is_shown_and_blocks(page):
    page.form("Retry").fill(f"{STEP}-retry-max_attempts", 5000, "number_input")
    assert is_blocked(page)
    assert "at most" in page.captions
    assert page.field(f"{STEP}-retry-max_attempts", "number_input").value == 5000


def test_names_that_cant_be_block(page):
    page.click("designer-settings").fill("designer-saga-name", "Not a name")
    assert is_blocked(page)
    page.click("designer-saga-name-reset")
    page.fill("designer-saga-form", "Inputs", "segmented_control").click("designer-saga-add-input")
    page.fill("designer-saga-input-input-name", "Not a name")
    assert is_blocked(page)
    page.click("designer-saga-input-input-remove")
    assert not is_blocked(page)


def test_a_source_that_is_not_applied_blocks_until_it_is_applied_or_discarded(page):
    page.view("Source")
    text = page.field("designer-source", "text_area").value
    page.fill("designer-source", text + "# nights: 9\n", "text_area")
    run = page.app.button(key="designer-run")
    assert run.disabled
    assert "not applied" in run.help
    page.click("designer-undo")
    assert "nights: 9" in page.field("designer-source", "text_area").value
    page.click("designer-redo", "designer-source-discard")
    assert not is_blocked(page)


def test_it_stays_in_its_body_while_another_one_is_open(store):  # noqa: F811 - the fixture of that name
    page = Page().click("designer-blank", "designer-add-map", "designer-open-for_each-", "designer-add-http")
    page.fill(PARAMS, "{not json", "text_area").click("designer-way-0", "designer-add-http")
    assert (typed(page), is_blocked(page)) == ("", True), "the step of that name out here is another one"
    page.click("designer-problem-0-go")
    assert page.app.session_state["designer"].place == ("steps", "for_each", "body")
    assert typed(page) == "{not json"


def test_an_entry_of_a_list_keeps_its_own(page):
    page.form("Validate").click(f"{STEP}-validate-add")
    page.fill(f"{STEP}-validate-kind", "schema", "selectbox").click(f"{STEP}-validate-add")
    page.fill(f"{STEP}-validate-1-schema", "{not json", "text_area")
    assert is_blocked(page)
    page.click(f"{STEP}-validate-0-remove")
    assert page.field(f"{STEP}-validate-0-schema", "text_area").value == "{not json"
    page.click(f"{STEP}-validate-0-remove")
    assert not is_blocked(page)
