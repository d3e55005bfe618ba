"""The page that drafts sagas from words, driven as people drive it; and the marks in the Designer."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import ui
from engine.core.checks import publish_problems
from engine.core.document import saga_from_document
from ui import session
from ui.components import plan_state
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


def page(view="plan"):
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(f"views/{view}.py")
    app.run()
    assert not app.exception
    return app


def click(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def drafted(name):
    return click(click(page(), f"plan-example-{name}"), "plan-draft")


def texts(app):
    return [element.value for element in app.text]


def test_an_example_fills_the_form(store):
    app = click(page(), "plan-example-order")
    assert "reserve them" in app.text_area(key="plan-problem").value.lower()
    assert app.selectbox(key="plan-model").value == "scripted/words-order"
    assert len(app.text_area(key="plan-constraints").value.splitlines()) == 2


def test_the_model_that_only_follows_rules_is_not_asked_to_draft(store):
    app = page()
    app.text_area(key="plan-problem").set_value("Book a room and pay for it, or neither.")
    app.selectbox(key="plan-model").set_value("scripted")
    click(app, "plan-draft")
    assert any("take an example" in warning.value for warning in app.warning)
    assert not any("rounds came out the same" in text for text in texts(app))


def test_two_proposals_stand_side_by_side_with_what_was_found(store):
    app = drafted("wedding")
    said = texts(app)
    assert any("a cycle: rooms -> train -> invite -> rooms" in text for text in said)
    assert [text for text in said if text.endswith("effects, for 5.00 USD")] == [
        "4 of 4 effects, for 5.00 USD"
    ] * 2
    assert any(text.startswith("85 min: Rooms for the guests → Look at the invitations") for text in said)
    assert any(
        text.startswith("100 min: Rooms for the guests → Train for the grandparents → Deposit")
        for text in said
    )
    assert not app.button(key="plan-approve-0").disabled


def test_nothing_said_is_asked_for(store):
    app = click(page(), "plan-draft")
    assert "Say what is wanted" in app.warning[0].value


def test_a_model_that_is_not_there_ends_politely(store, monkeypatch):
    monkeypatch.setattr(plan_state, "model_names", lambda: ["scripted/nobody"])
    app = page()
    app.text_area(key="plan-problem").set_value("Book a trip")
    click(app, "plan-draft")
    assert any("there is no script" in error.value.replace("\\", "") for error in app.error)
    assert app.button(key="plan-approve-0").disabled
    assert "could not be asked" in app.button(key="plan-approve-0").help


def test_a_comment_goes_into_another_round(store):
    app = drafted("travel")
    app.text_area(key="plan-comment-0").set_value("Rather four stars")
    click(app, "plan-revise-go-0")
    assert any("A person said: Rather four stars" in text for text in texts(app))
    assert not app.button(key="plan-approve-0").disabled


def test_a_proposal_that_is_ready_stays_so_where_the_model_is_away_when_it_is_revised(store, monkeypatch):
    app = drafted("travel")
    monkeypatch.setattr(plan_state, "revised", lambda llm, before, *_, **__: replace(before, error="no key"))
    app.text_area(key="plan-comment-0").set_value("Rather four stars")
    click(app, "plan-revise-go-0")
    assert any(
        "Not revised, the model can't be asked: no key" in w.value.replace("\\", "") for w in app.warning
    )
    assert not app.button(key="plan-approve-0").disabled


def test_a_revision_has_as_many_rounds_as_the_form_says(store, monkeypatch):
    app, asked = click(page(), "plan-example-order"), []
    monkeypatch.setattr(
        plan_state, "revised", lambda llm, before, *_, rounds=None, **__: asked.append(rounds) or before
    )
    app.number_input(key="plan-rounds").set_value(9)
    click(app, "plan-draft")
    app.text_area(key="plan-comment-0").set_value("Rather four stars")
    click(app, "plan-revise-go-0")
    assert asked == [9]


def test_approving_saves_a_version_and_asks_for_the_first_run(store):
    app = click(drafted("order"), "plan-approve-0")
    (version,) = store.versions("ordered-goods")
    saga = saga_from_document(version.document)
    assert publish_problems(saga) == []
    assert all(step.drafted is None for step in saga.steps.values())
    assert saga.drafted.rounds[0].findings[0].startswith("missing_compensation")
    assert app.button(key="start_ordered-goods_go").label == "Start the run"


def test_a_proposal_opens_in_the_designer_with_its_marks_which_are_accepted_one_by_one_or_all(store):
    click(drafted("incident"), "plan-open-0")
    (draft,) = store.drafts()
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("views/designer.py")
    app.query_params["saga"] = draft.saga
    app.run()
    assert not app.exception
    app.session_state["designer"].selected = "apply"
    app.run()
    click(app, "designer-marks-apply-call")
    assert "call" not in store.draft(draft.saga).document["steps"]["apply"]["drafted"]["parts"]
    assert any("Done and undone on the practice world" in c.value.replace("\\", "") for c in app.caption)
    click(app, "designer-accept-all")
    document = store.draft(draft.saga).document
    assert not any("drafted" in step for step in document["steps"].values())
    assert "parts" not in document["drafted"]


def test_an_undo_that_a_model_wrote_counts_only_once_it_was_tried(store):
    click(drafted("incident"), "plan-open-0")
    (draft,) = store.drafts()
    changed = draft.document | {}
    changed["steps"]["apply"]["compensate"]["timeout_s"] = 9
    store.save_draft(draft.model_copy(update={"document": changed}))
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("views/designer.py")
    app.query_params["saga"] = draft.saga
    app.run()
    assert app.button(key="designer-save").disabled
    click(app, "designer-try-undos")
    assert not app.button(key="designer-save").disabled
