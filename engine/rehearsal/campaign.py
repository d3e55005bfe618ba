"""Many rehearsals, in several processes: what is asked for, and what came of all of it."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from engine.rehearsal import crashes
from engine.rehearsal.rehearse import Findings, Place, check_twins, stage_at, story_at
from engine.rehearsal.story import Story
from engine.rehearsal.verdict import Violation
from engine.rehearsal.world import Weather

CHUNK = 25
CALM = Weather()


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to rehearse.

    Attributes:
        staged_percent: the share of the sagas that go through the real runtime, too.
        twins_percent: the share that is compared with a twin (L27, L28).
        crash_everywhere: kill the engine at every boundary of each story (L9), and at every pair of
            boundaries of small ones (L10).
        inside_turns: cut the log inside of turns as well, where no store leaves it.
    """

    sagas: int
    seed: int = 1
    staged_percent: int = 20
    twins_percent: int = 10
    crash_everywhere: bool = False
    inside_turns: bool = False
    weather: Weather = CALM


def simulate(campaign: Campaign, jobs: int, progress: Callable[[Findings], None]) -> Findings:
    """Return what came of a campaign; `progress` is called with what is known so far."""
    total = Findings()
    for part in _parts(campaign, jobs):
        total.add(part)
        progress(total)
    return total


def _parts(campaign: Campaign, jobs: int) -> Iterator[Findings]:
    chunks = [range(at, min(at + CHUNK, campaign.sagas)) for at in range(0, campaign.sagas, CHUNK)]
    if jobs == 1:
        for chunk in chunks:
            yield rehearse(campaign, chunk)
        return
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        under_way = [pool.submit(rehearse, campaign, chunk) for chunk in chunks]
        for done in as_completed(under_way):
            yield done.result()


def rehearse(campaign: Campaign, indices: range) -> Findings:
    """Return what came of some sagas of a campaign."""
    logging.getLogger("engine.runtime").setLevel(
        logging.CRITICAL
    )  # what goes wrong there is judged, not logged
    findings = Findings()
    for index in indices:
        findings.sagas += 1
        _Saga(campaign, (campaign.seed, index), findings).rehearse()
    return findings


class _Saga:
    """The rehearsals of one saga."""

    def __init__(self, campaign: Campaign, place: Place, findings: Findings) -> None:
        self._campaign, self._place, self._findings = campaign, place, findings

    def rehearse(self) -> None:
        campaign, index = self._campaign, self._place[1]
        everywhere = campaign.crash_everywhere or campaign.inside_turns
        story = story_at(self._place, campaign.weather, keeps_turns=everywhere)
        self._guard("core", lambda: self._findings.count(story.play()))
        if everywhere and story.run.is_closed:
            self._cut(story, ())
        if _drawn(index, campaign.staged_percent):
            stage = stage_at(self._place, campaign.weather)
            self._guard("stage", lambda: self._findings.count(stage.play()))
        if _drawn(index, campaign.twins_percent):
            self._guard("twins", lambda: self._findings.judged.update(self._twins()))

    def _twins(self) -> dict[str, int]:
        judged = check_twins(self._place)
        self._findings.stories.update((+judged).keys())
        return judged

    def _cut(self, story: Story, before: tuple[int, ...]) -> None:
        """Kill the engine at each boundary of a story; and of what follows, where the story is small (L10)."""
        again = not before and len(story.turns) <= crashes.SMALL
        for inside in (False, True)[: 1 + self._campaign.inside_turns]:
            for seq in crashes.cuts(story, inside=inside):
                after = crashes.after(story, seq, (*self._place, *before), keeps_turns=again)
                law = "L10" if before else "L09"
                cut = ".".join(str(each) for each in (*before, seq))
                wedge = crashes.class_of(story, seq) if inside else ""
                held = self._guard(f"cut.{cut}", lambda: self._findings.count(after.play(), law), wedge)  # noqa: B023 - called at once
                if held and again and not inside:
                    self._cut(after, (seq,))

    def _guard(self, name: str, tell: Callable[[], None], wedge: str = "") -> bool:
        """Tell a story; note the law that it breaks. Return whether all laws held."""
        try:
            tell()
        except Violation as broken:
            self._note(name, broken.law, broken.what, wedge)
        except Exception as error:  # noqa: BLE001 - a simulator that breaks has found something, too
            self._note(name, "L01", f"the story broke off: {error!r}", wedge)
        else:
            return True
        return False

    def _note(self, name: str, law: str, what: str, wedge: str) -> None:
        if wedge:
            self._findings.wedges[f"{law} {wedge}"] += 1
        token = ".".join([*map(str, self._place), name])
        self._findings.note(law, token, what)


def _drawn(index: int, percent: int) -> bool:
    """Return whether an index belongs to a share of all, spread evenly."""
    return (index * percent) % 100 < percent
