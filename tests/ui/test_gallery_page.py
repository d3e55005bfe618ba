"""The Gallery, driven as people drive it, on a real studio with a practice world."""

import pytest

from engine.core.document import parse_saga
from engine.templates import examples, template, templates
from tests.ui.run_studio import Tab, open_studio, until
from ui.components.text import escape
from ui.models.draft_problems import problems
from ui.models.gallery import CHECKS, break_words, faults_of, own_versions, shortage, signs, tiers
from ui.models.gallery_picture import picture, two_lines
from ui.models.gallery_sections import finds, rows, sections


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_faults(studio):
    world = studio.world
    yield
    world.clear_faults()


def words(tab):
    return " ".join(element.value for element in [*tab.app.markdown, *tab.app.caption, *tab.app.subheader])


def keys(tab):
    return {button.key for button in tab.app.button}


def newest(studio):
    from engine.ports import RunFilter

    return studio.store.rows(RunFilter(), 1)[0]


def test_every_template_has_a_card_with_its_words_picture_and_buttons(studio):
    tab = Tab("gallery")
    shown = words(tab)
    for entry in templates():
        assert entry.saga.name.split()[0] in shown
        assert {f"gallery_run_{entry.name}", f"gallery_run_with_{entry.name}", f"gallery_design_{entry.name}"} <= keys(tab)  # fmt: skip
        assert all(f"gallery_break_{entry.name}_{i}" in keys(tab) for i, _ in enumerate(entry.breaks))
    assert len(tab.app.get("image")) == len(templates())
    assert "gallery_clear_faults" not in keys(tab)


def test_every_example_of_a_check_has_a_small_card_under_its_tier(studio):
    tab = Tab("gallery")
    shown = words(tab)
    assert "Checks, one at a time" in shown
    for entry in examples():
        assert f"{CHECKS[entry.check]}**" in shown
        assert escape(entry.when) in shown
        assert {f"gallery_run_{entry.name}_caught", f"gallery_run_{entry.name}_near_miss", f"gallery_design_{entry.name}"} <= keys(tab)  # fmt: skip
    assert [len(entries) for entries in tiers(examples()).values()] == [6, 6]
    assert set(CHECKS) == {entry.check for entry in examples()}


@pytest.mark.parametrize(("case", "status"), [("caught", "compensated"), ("near_miss", "completed")])
def test_both_cases_of_an_example_start_with_a_click(studio, case, status):
    tab = Tab("gallery").click(f"gallery_run_check-temporal_{case}")
    row = newest(studio)
    assert row.saga == "check-temporal"
    assert row.id in tab.app.query_params["id"]
    assert until(studio, row.id, lambda row: row.ended_at).status == status
    assert "gallery_edit_check-temporal" not in keys(Tab("gallery")), "it is no saga of somebody here"


def test_one_click_starts_a_run_with_the_defaults_and_opens_it(studio):
    tab = Tab("gallery").click("gallery_run_order-fulfilment")
    row = newest(studio)
    assert (row.saga, row.by) == ("order-fulfilment", "maria")
    assert row.id in tab.app.query_params["id"]
    assert until(studio, row.id, lambda row: row.ended_at).status == "completed"


def test_breaking_plants_the_fault_in_place_of_others_and_runs(studio):
    entry = template("order-fulfilment")
    studio.world.add_fault(faults_of(template("incident-response").breaks[0])[0])
    Tab("gallery").click("gallery_break_order-fulfilment_0")
    assert [fault.resource for fault in studio.world.faults()] == ["shipping/orders"]
    row = newest(studio)
    assert until(studio, row.id, lambda row: row.ended_at).status == "compensated"
    tab = Tab("gallery")
    assert "1 fault is planted" in words(tab)
    assert break_words(entry.breaks[0]).split(":")[0] in words(tab)
    tab.click("gallery_clear_faults")
    assert studio.world.faults() == []
    assert "fault is planted" not in words(tab)


def test_the_dialog_takes_inputs_and_says_what_does_not_fit(studio):
    tab = Tab("gallery").click("gallery_run_with_trip-to-germany")
    tab.app.text_input(key="start_trip-to-germany_traveller").set_value("")
    tab.click("start_trip-to-germany_go")
    assert "traveller" in tab.app.error[0].value
    tab.app.text_input(key="start_trip-to-germany_traveller").set_value("Grace")
    tab.app.number_input(key="start_trip-to-germany_budget_usd").set_value(1500.0)
    tab.click("start_trip-to-germany_go")
    row = newest(studio)
    assert until(studio, row.id, lambda row: row.ended_at).status == "compensated", "over the budget"
    started = studio.store.history(row.id)[0].event
    assert started.input["traveller"] == "Grace"
    assert started.input["budget_usd"] == 1500


OWN = """
saga: hello-there
title: "*Hello* there"
input: {name: {type: string}}
steps:
  greet: {kind: python, with: {function: echo, args: {text: "${run.input.name}"}}}
"""


def test_published_sagas_are_listed_and_ask_for_what_has_no_default(studio):
    assert "gallery_edit_hello-there" not in keys(Tab("gallery"))
    studio.engine.publish(parse_saga(OWN), "maria")
    tab = Tab("gallery")
    assert r"\*Hello\* there" in words(tab), "a title is text, not Markdown"
    tab.click("gallery_run_hello-there_v1")
    tab.click("start_hello-there_go")
    assert "Name is empty" in tab.app.error[0].value
    tab.app.text_input(key="start_hello-there_name").set_value("you")
    tab.click("start_hello-there_go")
    row = newest(studio)
    assert row.saga == "hello-there"
    Tab("gallery").click("gallery_edit_hello-there")


def test_templates_as_they_ship_are_not_listed_as_published(studio):
    studio.engine.publish(template("incident-response").saga, "maria")
    listed = own_versions(studio.store.versions(), [entry.saga for entry in templates()])
    assert "incident-response" not in {version.saga for version in listed}


def test_breaking_is_hidden_where_the_world_runs_elsewhere(studio, monkeypatch):
    monkeypatch.setattr(studio, "world", None)
    assert not [key for key in keys(Tab("gallery")) if key and key.startswith("gallery_break")]


def test_an_article_that_earlier_orders_took_is_named(studio):
    saga = template("order-fulfilment").saga
    sku = saga.input["sku"]["default"]
    assert shortage(saga, {sku: 1}) == ""
    assert shortage(saga, {sku: 0}) == sku
    assert shortage(template("trip-to-germany").saga, {sku: 0}) == ""
    left = studio.world.stock()[sku]
    studio.world.create("inventory/reservations", {"sku": sku, "quantity": left})
    assert f"took every {sku}" in words(Tab("gallery"))


def test_signs_say_what_is_special():
    said = {entry.name: [sign.word for sign in signs(entry.saga)] for entry in templates()}
    assert "Point of no return" in said["order-fulfilment"]
    assert {"Route", "Approval", "2 LLM"} <= set(said["incident-response"])
    assert {"Asks a person", "5 can be undone"} <= set(said["trip-to-germany"])


@pytest.mark.parametrize("entry", templates(), ids=lambda entry: entry.name)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_shows_each_step_once(entry, theme):
    drawn = picture(entry.saga, theme)
    assert drawn.svg.count("<g>") == len(entry.saga.steps)
    assert drawn.svg.startswith("<svg ")


def test_a_picture_escapes_titles_and_refuses_giants():
    saga = parse_saga("saga: s\nsteps: {a: {kind: python, title: '<b>&', with: {function: noop}}}")
    assert "&lt;b&gt;&amp;" in picture(saga, "light").svg
    many = ", ".join(f"s{i}: {{kind: python, with: {{function: noop}}}}" for i in range(61))
    assert picture(parse_saga(f"saga: s\nsteps: {{{many}}}"), "light") is None


def test_titles_take_two_lines_at_most():
    assert two_lines("Book it", 96) == ["Book it"]
    assert two_lines("Hand over to the carrier", 96) == ["Hand over to the", "carrier"]
    assert len(two_lines("a very long title that goes on and on and on", 96)) == 2


@pytest.mark.parametrize("entry", templates(), ids=lambda entry: entry.name)
def test_every_way_to_break_a_template_is_a_real_fault(entry):
    for way in entry.breaks:
        assert faults_of(way)
        assert break_words(way)


def test_templates_stand_on_shelves_by_pattern_and_none_is_forgotten():
    on_shelves = [entry.name for section in sections(templates()) for entry in section.entries]
    assert sorted(on_shelves) == sorted(entry.name for entry in templates())
    assert [len(row) for row in rows(sections(templates(), search="group"))] == [1]
    single = [section for section in sections(templates()) if len(section.entries) == 1]
    assert {section.pattern for row in rows(single) for section in row} == {one.pattern for one in single}
    assert max(len(row) for row in rows(single)) == 2


@pytest.mark.parametrize(
    ("search", "there", "not_there"),
    [("GERMANY", "trip-to-germany", "order-fulfilment"), ("loop", "policy-summary", "product-page"), ("point return", "claims-handling", "product-page")],
)  # fmt: skip
def test_a_search_looks_at_titles_words_and_badges(search, there, not_there):
    found = {entry.name for entry in templates() if finds(entry, search)}
    assert there in found
    assert not_there not in found


def test_a_pattern_and_a_search_leave_the_cards_that_fit(studio):
    tab = Tab("gallery")
    tab.app.text_input(key="gallery_search").set_value("carrier").run()
    assert {"gallery_run_order-fulfilment", "gallery_run_group-trip"} <= keys(tab)
    assert "gallery_run_product-page" not in keys(tab)
    tab.app.button_group(key="gallery_shelf").set_value("nested").run()
    assert "gallery_run_group-trip" in keys(tab)
    assert "gallery_run_order-fulfilment" not in keys(tab)
    tab.app.text_input(key="gallery_search").set_value("no such thing").run()
    assert "No template fits" in words(tab)
    tab.click("gallery_show_all")
    assert "gallery_run_product-page" in keys(tab)


def test_the_shelf_of_checks_holds_the_examples_alone(studio):
    tab = Tab("gallery")
    tab.app.button_group(key="gallery_shelf").set_value("checks").run()
    assert "gallery_run_check-temporal_caught" in keys(tab)
    assert "gallery_run_trip-to-germany" not in keys(tab)


def test_badges_count_what_is_inside_other_steps():
    said = {entry.name: [sign.word for sign in signs(entry.saga)] for entry in templates()}
    assert {"3 steps", "4 can be undone", "Point of no return"} <= set(said["group-trip"])
    assert {"4 steps", "5 can be undone", "Asks a person"} <= set(said["trip-with-tools"])


def test_a_template_with_a_saga_inside_is_not_listed_as_published_after_a_run(studio):
    studio.engine.publish(template("group-trip").saga, "maria")
    listed = own_versions(studio.store.versions(), [entry.saga for entry in templates()])
    assert "group-trip" not in {version.saga for version in listed}


@pytest.mark.parametrize("entry", templates(), ids=lambda entry: entry.name)
def test_a_template_is_no_draft_with_errors(entry):
    assert [finding.problem for finding in problems(entry.saga.document()) if finding.is_error] == []
