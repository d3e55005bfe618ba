"""The State view of the Run page: any moment in three dimensions, two moments compared, S_A restored."""

import json

import pytest

from engine.core import commands as c
from engine.core.dimensions import dimensions, moment
from engine.core.document import parse_saga
from tests.core.harness import Play, back
from tests.ui.run_studio import PATIENCE_S, Tab, open_studio, until
from ui.components.run_dialogs import OPEN, RESTORE
from ui.models.run_state import broken_by_restore, no_restore, restored, state_json
from ui.models.run_state_tables import attempt_rows, checkpoint_rows

SUMS = """
saga: sums
app: {n: 1}
invariants: [{name: small, rule: app.n < 9}]
steps:
  a: {title: Add, kind: python, with: {function: echo, args: {x: 4}}, writes: {n: output.x, note: "'more'"}}
  go: {kind: approval, needs: a, with: {question: Go on?}}
  b: {kind: python, needs: go, with: {function: echo, args: {x: '${app.n}'}}, writes: {n: app.n + output.x}}
output: {n: "${app.n}"}
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_studio(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture
def summing(studio):
    run_id = studio.engine.start_run(parse_saga(SUMS), {}, "ann")
    until(studio, run_id, lambda row: row.approvals)
    return run_id


class State(Tab):
    """The State view of a run."""

    def __init__(self, run_id):
        super().__init__("run", id=run_id)
        self.key = f"run-{run_id}-state"
        self.app.session_state[f"run-{run_id}-view"] = "State"
        self.run()

    def part(self, name):
        self.app.session_state[f"{self.key}-part"] = name
        return self.run()

    def at(self, seq):
        self.app.slider(key=f"{self.key}-seq").set_value(seq)
        return self.run()

    def table(self, column):
        """Return the columns of the one table that has this one."""
        (found,) = [table.value for table in self.app.dataframe if column in table.value]
        return found.to_dict("list")


def test_the_application_then_with_its_checkpoints_and_invariants(studio, summing):
    tab = State(summing).part("Application")
    assert tab.table("Key") == {"Key": ["n", "note"], "Value": ["4", "more"]}
    assert tab.table("Wrote")["By"] == ["Add"]
    assert tab.table("Invariant")["Holds"] == ["Yes"]
    tab.at(1)
    assert tab.table("Key")["Value"] == ["1"]
    assert "Nothing had been written." in tab.words()


def test_operations_and_dependencies_of_the_step_that_is_chosen(summing):
    tab = State(summing).part("Operations")
    tab.app.selectbox(key=f"{tab.key}-step").set_value("a")
    tab.run()
    assert tab.table("Try")["Outcome"] == ["ok"]
    tab.part("Dependencies")
    assert dict(zip(tab.table("Needs")["Step"], tab.table("Needs")["Holds"], strict=True)) == {
        "Add": "Yes", "go": "Yes", "b": "Not yet known",
    }  # fmt: skip
    assert "Locks, and checks over several steps" in tab.words()


def test_two_moments_are_compared(summing):
    tab = State(summing).part("Differences")
    tab.app.number_input(key=f"{tab.key}-other").set_value(1)
    tab.run()
    rows = tab.table("Where")
    at = rows["Where"].index("application.entities.n")
    assert (rows["Before"][at], rows["After"][at]) == ("1", "4")
    tab.app.number_input(key=f"{tab.key}-other").set_value(10_000)
    assert "The log ends with event" in tab.run().words()
    assert "Nothing differs." in tab.words()


def test_the_slider_keeps_its_place_while_the_run_goes_on(studio, summing):
    tab = State(summing).part("Application").at(1)
    studio.engine.submit(summing, c.Pause(by="ann")).result(timeout=PATIENCE_S)
    tab.run()
    assert tab.app.slider(key=f"{tab.key}-seq").value == 1
    assert tab.table("Key")["Value"] == ["1"]
    assert "1 newer event. Move the slider to its end to follow the run." in tab.words()


def test_a_restore_says_why_not_until_the_run_is_paused(studio, summing):
    tab = State(summing).part("Application").at(1)
    assert tab.app.button(key=f"{tab.key}-restore").disabled
    assert "No restore now: pause the run first" in tab.words()
    tab.click("run-pause")
    assert not tab.app.button(key=f"{tab.key}-restore").disabled
    tab.app.session_state[OPEN] = f"{RESTORE}1"
    tab.run()
    assert "2 keys would be as after event 1" in tab.words().replace("*", "")
    tab.press("Restore it")
    assert "say why" in tab.words()
    tab.app.text_input(key="run-restore-reason").set_value("counted twice")
    tab.press("Restore it")
    assert OPEN not in tab.app.session_state
    fact = studio.store.history(summing)[-1].event
    assert (fact.type, fact.at_seq, fact.reason, fact.by) == ("app_restored", 1, "counted twice", "maria")
    assert fact.app == {"n": 1}


def kept():
    """A paused run in which nothing is open: two of three steps have written."""
    play = Play("app: {n: 0}\ninvariants: [{name: kept, rule: 'size(steps) < 2 || app.n > 2'}]\n"
                "steps: {a: {<read>, writes: {n: output.n}}, b: {<read>, needs: a, writes: {n: output.n, m: '1'}},"
                " z: {<read>, needs: b}}")  # fmt: skip
    play.ok("a", output={"n": 1})
    assert "let open calls end" in no_restore(play.run, 1, play.now)
    play.do(c.Pause())
    play.ok("b", output={"n": 3})
    return play


def test_a_restore_tells_beforehand_which_keys_and_which_invariant_it_would_change():
    play = kept()
    assert no_restore(play.run, 1, play.now) == ""
    changes = [(change.key, change.before, change.after) for change in restored(play.run, 1)]
    assert changes == [("m", 1, None), ("n", 3, 0)]
    assert "invariant 'kept' is broken" in broken_by_restore(play.run, 1, play.now)
    assert (restored(play.run, play.run.seq), broken_by_restore(play.run, play.run.seq, play.now)) == ((), "")
    assert "there is no 99" in no_restore(play.run, 99, play.now)
    play.do(c.Cancel())
    assert no_restore(play.run, 1, play.now) == "The run has ended"


def test_the_document_is_the_same_each_time_and_says_which_moment_it_is():
    play = kept()
    text = state_json(dimensions(play.run, play.log))
    assert text == state_json(moment(play.saga, play.log, len(play.log)))
    assert json.loads(text)["run"] == {
        "at": play.log[-1].at.isoformat(),
        "id": "r1",
        "seq": len(play.log),
        "status": "running",
    }


def test_tables_name_tries_of_every_kind():
    play = back()
    play.failed("b", error="busy")
    rows = attempt_rows(dimensions(play.run, play.log)["operation"]["b"])
    assert [(row["What"], row["Try"], row["Outcome"], row["Error"]) for row in rows] == [
        ("Forward", 1, "ok", ""),
        ("Undo", 1, "failed", "busy"),
    ]
    assert all(row["Began"].count(":") == 2 for row in rows)


def test_a_restore_is_a_checkpoint_too():
    play = kept()
    play.do(c.RestoreApp(seq=play.run.seq, reason="to be sure", by="eve"))
    rows = checkpoint_rows(dimensions(play.run, play.log)["application"], {"a": "Add", "b": "More"})
    assert [(row["By"], row["Wrote"]) for row in rows] == [
        ("eve", "everything anew"),
        ("More", "m, n"),
        ("Add", "n"),
    ]
