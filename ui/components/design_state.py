"""The draft that this session works on: opening, changing and keeping it, and what is selected."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import streamlit as st

from engine.core.document import parse_document
from engine.core.errors import Problem
from engine.core.keys import name_remedy
from engine.core.saga import NAME_PATTERN, Saga
from engine.ports import Draft, SagaVersion
from engine.templates import template
from ui.models import draft as ops
from ui.models.draft import Document, Path
from ui.models.draft_checks import remove_validator, without_step
from ui.models.draft_defaults import free_name
from ui.models.draft_history import History
from ui.models.draft_names import terms
from ui.models.draft_places import known, view, written
from ui.models.draft_problems import Finding, checked, sentence
from ui.models.draft_unread import Typed, Unread, findings_of, moved, without, without_entry
from ui.session import me, studio

STATE: Final = "designer"
SOURCE: Final = "source"
_NOT_APPLIED: Final = Problem(
    SOURCE, "the text in Source is not applied, so it does not count", "apply it, or discard it, in Source"
)


@dataclass(frozen=True)
class Source:
    """A text in Source that is not applied yet: the draft, as YAML, that it was made of, and what is wrong."""

    text: str
    made_of: str
    wrong: str = ""


@dataclass
class Design:
    """What this session knows of the open draft.

    Attributes:
        source: the text in Source that is not applied yet.
        edge: the edge that is selected instead of a step: producer and consumer.
        picks: how often the page itself chose what is selected; the canvas then forgets its last click.
        place: the body that is open, as a path in the draft; empty for the draft itself.
        conditions: steps for which what they come after is written as a condition.
        said: a sentence for the next drawing, shown once.
    """

    history: History
    selected: str | None = None
    edge: tuple[str, str] | None = None
    segment: str = "Step"
    below: str = "Problems"
    picks: int = 0
    is_wide: bool = False
    said: str = ""
    place: Path = ()
    source: Source | None = None
    conditions: set[str] = field(default_factory=set)

    @property
    def whole(self) -> Document:
        """The draft."""
        return self.history.document

    @property
    def document(self) -> Document:
        """What is drawn and changed: the draft, or the body at the place that is open."""
        return view(self.whole, self.place)

    @property
    def name(self) -> str:
        """The saga's name."""
        return ops.name_of(self.whole)

    @property
    def step(self) -> Document | None:
        """The selected step, or None."""
        return ops.steps_of(self.document).get(self.selected or "")

    @property
    def chosen_edge(self) -> tuple[str, str] | None:
        """The selected edge, as long as both its steps are there."""
        steps = ops.steps_of(self.document)
        return self.edge if self.edge and all(step in steps for step in self.edge) else None


@dataclass(frozen=True)
class Standing:
    """How the draft stands to the versions, and what is wrong with it."""

    saga: Saga | None
    findings: list[Finding]
    versions: list[SagaVersion]
    is_draft: bool

    @property
    def next_version(self) -> int:
        """The number that a saved version would get."""
        return self.versions[0].version + 1 if self.versions else 1


def current() -> Design:
    """Return the open design; only pages that opened one may ask."""
    design: Design = st.session_state[STATE]
    return design


def opened() -> Design | None:
    """Return the design that the address names, opened if it is not yet; None for the start screen."""
    if wanted := st.query_params.get("template"):
        return _begin(_copy_of(wanted))
    name = st.query_params.get("saga")
    if not name:
        return None
    design: Design | None = st.session_state.get(STATE)
    document = stored(name)
    if design is None or design.name != name:
        st.session_state[STATE] = design = None if document is None else Design(History.of(document))
    elif document is not None and document != design.whole:
        design.history = design.history.changed(document)
        design.said = "It was changed in another window. Undo brings yours back."
    return design


def stored(name: str) -> Document | None:
    """Return the draft of that name, else its newest version, else None."""
    kept = studio().store.draft(name)
    if kept is not None:
        return kept.document
    versions = studio().store.versions(name)
    return versions[0].document if versions else None


def standing(design: Design) -> Standing:
    """Return how the draft stands."""
    saga, found = checked(design.whole, studio().engine.newest)
    shown_only = findings_of(design.whole, design.history.now.unread)
    if design.source is not None:
        shown_only.append(Finding(_NOT_APPLIED))
    if shown_only:
        saga, found = None, [*shown_only, *found]
    versions = studio().store.versions(design.name)
    is_draft = not versions or versions[0].document != design.whole
    return Standing(saga, found, versions, is_draft)


def taken_names() -> set[str]:
    """Return the names of all sagas there are, drafts included."""
    store = studio().store
    return {draft.saga for draft in store.drafts()} | {version.saga for version in store.versions()}


def begin_blank() -> None:
    """Begin a saga from nothing, under the first free name, and open it."""
    name = free_name("new-saga", taken_names(), "-")
    _begin(ops.new(name, _spoken(name)))


def _spoken(name: str) -> str:
    """Return a saga's name as a title: "my-first-trip" is "My first trip"."""
    return name.replace("-", " ").capitalize()


def open_saga(name: str) -> None:
    """Go to a saga's draft or newest version."""
    st.query_params.from_dict({"saga": name})


def begin_from(name: str) -> None:
    """Begin a copy of a template and open it."""
    _begin(_copy_of(name))


def _copy_of(name: str) -> Document | None:
    found = template(name)
    if found is None:
        return None
    document = parse_document(found.text)
    for kept in studio().store.drafts():
        if kept.saga.startswith(f"{name}-copy") and kept.document == {**document, "saga": kept.saga}:
            return kept.document  # opened before and never changed
    return {**document, "saga": free_name(f"{name}-copy", taken_names(), "-")}


def _begin(document: Document | None) -> Design | None:
    """Keep a new draft, and let the address name it: a reload finds it again."""
    if document is None:
        return None
    design = st.session_state[STATE] = Design(History.of(document))
    _keep(design)
    st.query_params.from_dict({"saga": design.name})
    return design


def change(document: Document, unread: Unread | None = None) -> None:
    """Make what is drawn a new document, with other unread texts if told, and keep the draft."""
    design = current()
    whole = written(design.whole, design.place, document)
    _step_to(design, design.history.changed(whole, unread))


def change_whole(document: Document, unread: Unread | None = None) -> None:
    """Make a new document the draft, whatever is drawn, with other unread texts if told."""
    _step_to(current(), current().history.changed(document, unread))


def enter(place: Path, step: str | None = None, segment: str | None = None) -> None:
    """Open a body in place, or with `()` the draft itself, and select a step there."""
    design = current()
    design.place = known(design.whole, place)
    select(step, segment)


def undo() -> None:
    """Take the last change back."""
    _step_to(current(), current().history.undone())


def redo() -> None:
    """Make the change again that was taken back last."""
    _step_to(current(), current().history.redone())


def _step_to(design: Design, history: History) -> None:
    before, design.history = design.name, history
    design.place = known(design.whole, design.place)
    if design.selected not in ops.steps_of(design.document):
        design.selected = None
    if design.name != before:
        studio().store.delete_draft(before)
        st.query_params.from_dict({"saga": design.name})
    _keep(design)


def _keep(design: Design) -> None:
    """Store the draft; one that is the newest version again needs no keeping."""
    store = studio().store
    versions = store.versions(design.name)
    if versions and versions[0].document == design.whole:
        store.delete_draft(design.name)
        return
    now = datetime.now(UTC)
    store.save_draft(Draft(saga=design.name, document=design.whole, by=me(), updated_at=now))


def rename_saga(name: str) -> str:
    """Give the saga another name, and a title that was only its name follows; return why not, if it can't have it."""
    if not re.fullmatch(NAME_PATTERN, name):
        return sentence(name_remedy(name, NAME_PATTERN))
    if name != current().name and name in taken_names():
        return f"There is a saga named {name} already; choose another name."
    whole = current().whole
    follows = whole.get("title") == _spoken(current().name)
    renamed = {**whole, "saga": name, **({"title": _spoken(name)} if follows else {})}
    change_whole(renamed, without(current().history.now.unread, ("saga",)))
    return ""


def select(step: str | None, segment: str | None = None) -> None:
    """Select a step, or, with None, the saga itself; the page does, so the canvas forgets its click."""
    current().picks += 1
    choose(step, segment)


def choose(step: str | None, segment: str | None = None) -> None:
    """Select what the canvas reported."""
    design = current()
    design.selected, design.edge = step, None
    design.segment = segment or design.segment


def select_edge(source: str, target: str) -> None:
    """Select an edge: its validators are then in the inspector."""
    select(None)
    current().edge = (source, target)


def widen() -> None:
    """Give the canvas the whole width, or share it with the inspector again."""
    current().is_wide = not current().is_wide


def discard_draft(name: str) -> None:
    """Forget a draft for good; its versions stay."""
    studio().store.delete_draft(name)


def add(kind: str) -> None:
    """Add a step of a kind after the selected one, and select it."""
    document, step = ops.add_step(current().document, kind, current().selected)
    change(document)
    select(step, "Step")


def remove(step: str) -> None:
    """Delete a step and select what it came after."""
    document = current().document
    before = [name for name, _ in terms(ops.steps_of(document).get(step, {}).get("needs"))]
    left = without(current().history.now.unread, (*current().place, "steps", step))
    change(without_step(ops.delete_step(document, step), step), left)
    select(next(iter(before), None))


def publish(design: Design, saga: Saga) -> SagaVersion:
    """Save the draft as a version; the page then shows that version.

    Raises:
        DefinitionInvalid: if it may not run; nothing is stored then.
    """
    version = studio().engine.publish(saga, me())
    show_version(design, version)
    return version


def show_started() -> None:
    """Let the design be the version that a run was just started with."""
    design = current()
    saga = standing(design).saga
    version = studio().store.version(saga.hash) if saga else None
    if version is not None:
        show_version(design, version)


def show_version(design: Design, version: SagaVersion) -> None:
    """Let the design be a version that was just stored, and forget the draft."""
    design.history = design.history.saved_as(version.document)
    _keep(design)


def apply(change_to: Callable[..., Document], *args: Any) -> None:
    """Change the draft by an operation: `apply(ops.connect, "a", "b")`."""
    change(change_to(current().document, *args))


def take(path: Path, change_to: Callable[..., Document], *args: Any) -> None:
    """Change the draft by what was typed at a path of the open body, and could be read."""
    design = current()
    left = without(design.history.now.unread, (*design.place, *path))
    change(change_to(design.document, *args), left)


def unread_at(path: Path) -> Typed | None:
    """Return what was typed at a path of the open body and could not be read."""
    design = current()
    return design.history.now.unread.get((*design.place, *path))


def keep_unread(path: Path, shown: str | float, wrong: str) -> None:
    """Keep what could not be read, as it was typed, with its place in the open body; undo takes it back."""
    design = current()
    unread = {**design.history.now.unread, (*design.place, *path): Typed(shown, wrong)}
    change(design.document, unread)


def reset(path: Path) -> None:
    """Let the field of a place in the draft show the draft again."""
    design = current()
    change_whole(design.whole, without(design.history.now.unread, path))


def remove_entry(path: Path, index: int) -> None:
    """Delete an entry of a list in the open body, and what was typed for it; an edge without checks goes, too."""
    design = current()
    left = without_entry(design.history.now.unread, (*design.place, *path), index)
    change(remove_validator(design.document, path, index), left)


def rename(old: Path, new: Path, document: Document, own: Path) -> None:
    """Make what is drawn a document in which something has another name; what was typed inside it follows.

    `own` is the path of the field that was typed into.
    """
    design = current()
    left = without(design.history.now.unread, (*design.place, *own))
    change(document, moved(left, (*design.place, *old), (*design.place, *new)))
