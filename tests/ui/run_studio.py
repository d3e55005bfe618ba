"""What the tests of the Run, Runs and Approvals pages share: a studio with a practice world, runs, tabs."""

import time
from contextlib import contextmanager
from pathlib import Path

from streamlit.testing.v1 import AppTest

import ui
from engine.core.commands import Decide
from engine.sandbox.faults import Fault
from engine.templates import template
from ui import session
from ui.compose import Studio
from ui.settings import Settings

APP = Path(ui.__file__).parent / "app.py"
PATIENCE_S = 60.0


@contextmanager
def open_studio(folder, llm=None):
    """Open a studio of its own and let every page of this process use it."""
    settings = Settings(data_dir=folder, model="scripted", warm_up=False, user="maria")
    with Studio.open(settings, llm=llm) as studio:
        session.hold(studio)
        try:
            yield studio
        finally:
            session.let_go()


def start(studio, saga, **inputs):
    """Begin a run of a template and return its id."""
    return studio.engine.start_run(template(saga).saga, inputs, "ann")


def until(studio, run_id, holds):
    """Wait until a run's row is as wanted and return the row."""
    end = time.monotonic() + PATIENCE_S
    while not holds(row := studio.store.row(run_id)):
        assert time.monotonic() < end, row
        time.sleep(0.02)
    return row


def asked(studio, saga="trip-to-germany", **inputs):
    """Return a run that waits for an approval."""
    run_id = start(studio, saga, **inputs)
    until(studio, run_id, lambda row: row.approvals)
    return run_id


def answer(studio, run_id, step, decision="approved", by="bob"):
    """Decide an approval."""
    command = Decide(step=step, decision=decision, reason="so be it", by=by)
    studio.engine.submit(run_id, command).result(timeout=PATIENCE_S)


@contextmanager
def broken(studio, **fault):
    """Plant a fault in the practice world for a while."""
    studio.world.add_fault(Fault(**fault))
    try:
        yield
    finally:
        studio.world.clear_faults()


class Tab:
    """A browser tab on one page."""

    def __init__(self, page, **query):
        self.app = AppTest.from_file(APP, default_timeout=90)
        self.app.switch_page(f"views/{page}.py")
        for key, value in query.items():
            self.app.query_params[key] = value
        self.run()

    def run(self):
        self.app.run()
        assert not self.app.exception
        return self

    def field(self, name, kind="text_input"):
        """The widget of a field of the Designer, whose widgets have keys of their own."""
        (found,) = [each for each in getattr(self.app, kind) if str(each.key).split("~")[0] == name]
        return found

    def click(self, key):
        self.app.button(key=key).click()
        return self.run()

    def press(self, label):
        """Press the only button with this label."""
        (button,) = [button for button in self.app.button if button.label == label]
        button.click()
        return self.run()

    def words(self):
        """Return all that stands on the page as text, without the marks of Markdown."""
        kinds = (
            "header",
            "subheader",
            "markdown",
            "caption",
            "text",
            "code",
            "error",
            "info",
            "warning",
            "toast",
        )
        elements = [element for kind in kinds for element in self.app.get(kind)]
        said = "\n".join(str(element.value) for element in elements)
        return said.replace("\\", "").replace("\u2060", "")
