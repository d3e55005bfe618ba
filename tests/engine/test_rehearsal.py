"""The simulator itself: it finds what is planted, tells it again from a token, and says what it did."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from engine.core import attempts, recovery, schedule
from engine.core import events as e
from engine.core.errors import SagaError
from engine.rehearsal.campaign import Campaign, simulate
from engine.rehearsal.checker import LAWS, judge, number, words
from engine.rehearsal.rehearse import evidence, replay_token, story_at
from engine.rehearsal.tape import Tape
from engine.rehearsal.virtual import Stuck, VirtualLoop
from engine.rehearsal.world import Weather
from ui.cli import main

PUNCTUAL = Weather(late_answers=False)


def campaign(sagas=60, **more):
    return simulate(Campaign(sagas=sagas, weather=PUNCTUAL, **more), 1, lambda _: None)


def plant_no_settle_window(monkeypatch):
    """An unknown attempt is looked at once, not after it settled."""
    look_at = schedule._look_at
    monkeypatch.setattr(schedule, "_look_at", lambda run, step: look_at(run, step) and run.started_at)


def plant_a_key_for_each_attempt(monkeypatch):
    monkeypatch.setattr(attempts, "key_of", lambda run, step: f"{run.id}:{step.id}:{len(step.attempts)}")


def plant_an_undo_in_any_order(monkeypatch):
    monkeypatch.setattr(recovery, "undo_after", lambda _graph, _position, planned: dict.fromkeys(planned, ()))


@pytest.mark.parametrize(
    ("plant", "law"),
    [
        (plant_no_settle_window, "L22"),
        (plant_a_key_for_each_attempt, "L13"),
        (plant_an_undo_in_any_order, "L06"),
    ],
)
def test_a_planted_bug_is_found_and_its_token_tells_it_again(monkeypatch, plant, law):
    plant(monkeypatch)
    found = campaign(sagas=600, staged_percent=0)
    assert found.broken[law]
    token = next(token for broken, token, _ in found.violations if broken == law)
    _, again = replay_token(token, PUNCTUAL)
    assert again.law == law
    monkeypatch.undo()
    assert replay_token(token, PUNCTUAL)[1] is None


def test_a_story_is_the_same_each_time():
    first, second = (story_at((3, 7), Weather()).play() for _ in range(2))
    assert first.lines == second.lines


def test_every_law_has_something_to_judge():
    found = campaign(sagas=600)
    found.add(campaign(sagas=8, crash_everywhere=True))
    assert not found.broken
    assert [law for law in words() if not found.judged[law] and law != "R25"] == []


def test_the_laws_judge_a_log_that_was_tampered_with():
    """The checker reads the log: each tampering breaks the law that is about it."""
    story = story_at((1, 2), PUNCTUAL).play()
    broken = Counter()
    for index, recorded in enumerate(story.log[:-1]):
        seen = evidence(story)
        seen.log = [r for r in story.log if r is not recorded]
        seen.lines = [line for at, line in enumerate(story.lines) if at != index]
        with pytest.raises(Exception, match="L23") as gap:
            judge(seen)
        broken[gap.value.law] += 1
    assert broken == {"L23": len(story.log) - 1}


def test_laws_have_numbers_and_words():
    assert all(number(law)[0] in "LR" and number(law)[1:].isdigit() for law in LAWS)
    assert all(words().values())


def test_two_processes_find_the_same_as_one():
    alone = campaign(sagas=40)
    together = simulate(Campaign(sagas=40, weather=PUNCTUAL), 2, lambda _: None)
    assert (alone.endings, alone.judged) == (together.endings, together.judged)


@pytest.mark.parametrize("token", ["", "1", "1.2", "1.2.nonsense", "x.y.core", "1.2.cut", "tapes.zz.00"])
def test_a_token_that_names_nothing_is_refused(token):
    with pytest.raises(SagaError):
        replay_token(token, PUNCTUAL)


def test_tapes_in_hex_name_a_story():
    story, broken = replay_token(f"tapes.{bytes(120).hex()}.{bytes(20).hex()}", PUNCTUAL)
    assert broken is None
    assert story.tape.data == bytes(20)
    assert isinstance(story.log[0].event, e.RunStarted)


def test_a_used_up_tape_is_harmless():
    tape = Tape(b"\x07")
    assert [tape.below(5), tape.below(5), tape.pick("ab"), tape.often(99)] == [2, 0, "a", False]


def test_virtual_time_jumps_and_a_wait_for_nothing_is_told():
    loop = VirtualLoop(10.0, lambda: None)
    loop.call_later(3600, loop.stop)
    loop.run_forever()
    assert loop.time() == pytest.approx(3610)
    with pytest.raises(Stuck):
        loop.run_forever()
    loop.close()


def saga(*arguments):
    return CliRunner().invoke(main, ["simulate", "--jobs", "1", "--no-late-answers", *arguments])


def test_the_command_shows_a_table_and_exits_well():
    done = saga("--sagas", "20")
    assert done.exit_code == 0, done.output
    assert "20 sagas" in done.output
    assert "✓ 0 violations" in done.output
    assert "nothing to judge here" in done.output


def test_the_command_gives_json():
    found = json.loads(saga("--sagas", "5", "--json").output)
    assert found["sagas"] == 5
    assert found["violations"] == []


def test_the_command_prints_a_line_that_tells_a_failure_again(monkeypatch):
    plant_no_settle_window(monkeypatch)
    done = saga("--sagas", "150", "--staged", "0")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    line = lines[next(at for at, line in enumerate(lines) if line.startswith("✗ L22")) + 1]
    told = CliRunner().invoke(main, line.split()[1:])
    assert told.exit_code == 1
    assert "the world's ledger" in told.output
    assert "✗ L22" in told.output


def test_the_command_refuses_a_wrong_token():
    assert saga("--replay", "nonsense").exit_code == 2
