"""R35 and R36 for loops, nested sagas, teams and agents: what is inside is steps of the run, each with its undo."""

from __future__ import annotations

import pytest

from engine.core import commands as c
from engine.core.errors import DefinitionInvalid
from tests.core.harness import Play, saga_of

LOOP = (
    "steps: {{refine: {{kind: loop, with: {{until: 'output.score >= 8', score: output.score, max_rounds: 4{more}}},"
    " body: {{steps: {{write: {{kind: python, with: {{function: w, args: {{last: '${{last}}', n: '${{round}}'}}}}}},"
    " judge: {{kind: python, with: {{function: j}}, needs: write}}}},"
    " output: {{text: '${{steps.write.output}}', score: '${{steps.judge.output}}'}}}}}},"
    " last: {{<read>, needs: refine}}}}"
)


def looped(*scores, more=""):
    play = Play(LOOP.format(more=more))
    for number, score in enumerate(scores, start=1):
        play.ok(f"refine.{number}.write", output=f"text {number}")
        play.ok(f"refine.{number}.judge", output=score)
        play.check_replay()
    return play


def test_R36_a_loop_goes_on_until_it_is_good_enough_and_each_round_sees_the_last():
    play = looped(3, 6, 9)
    requests = [i.request["args"] for i in play.events("attempt_intended") if i.step.endswith("write")]
    assert requests == [
        {"last": None, "n": 1},
        {"last": {"text": "text 1", "score": 3}, "n": 2},
        {"last": {"text": "text 2", "score": 6}, "n": 3},
    ]
    output = play.run.steps["refine"].output
    assert output == {
        "result": {"text": "text 3", "score": 9}, "score": 9.0, "round": 3, "rounds": 3, "stopped": "until"
    }  # fmt: skip
    play.ok("last")
    assert play.run.status == "completed"


def test_R36_a_loop_ends_at_its_maximum_with_its_best_round():
    play = looped(3, 7, 5, 6, more=", stall_rounds: 9")
    output = play.run.steps["refine"].output
    assert (output["stopped"], output["round"], output["rounds"]) == ("max_rounds", 2, 4)


def test_R36_a_loop_without_progress_stops_by_stall_not_by_its_maximum():
    play = looped(5, 5, 5)
    output = play.run.steps["refine"].output
    assert (output["stopped"], output["rounds"], output["round"]) == ("stall", 3, 1)


def test_R36_a_small_gain_is_no_progress():
    play = looped(5, 5.4, 5.8, more=", min_gain: 1")
    output = play.run.steps["refine"].output
    assert (output["stopped"], output["rounds"], output["round"]) == ("stall", 3, 3)


def test_a_loop_that_asks_waits_for_a_person_who_takes_the_best():
    play = looped(5, 4, 3, more=", on_end: ask")
    assert play.run.attention["refine"].kind == "verdict"
    assert "none is good enough" in play.run.attention["refine"].reason
    play.check_replay()
    play.do(c.GiveVerdict(step="refine", decision="accept", reason="good enough for me", by="bob"))
    assert play.status("refine") == "committed"
    play.check_replay()


def test_a_loop_may_fail_when_none_is_good_enough():
    play = looped(5, 4, 3, more=", on_end: fault")
    assert play.run.status == "compensated"
    assert "none is good enough" in play.run.fault.reason


CHILD = (
    "{saga: child, input: {city: {type: string}, nights: {type: integer, default: 2}}, app: {spent: 0},"
    " invariants: [{name: cheap, rule: 'app.spent < 100'}],"
    " steps: {hotel: {kind: python, with: {function: h, args: {in: '${run.input.city}', n: '${run.input.nights}'}},"
    " effect: compensatable, compensate: {kind: python, with: {function: undo, args: {key: '${key}'}}},"
    " writes: {spent: 'app.spent + output.cost'}},"
    " train: {<book>, needs: hotel}}, output: {spent: '${app.spent}'}}"
)
PARENT = (
    "app: {spent: 5}\nsteps: {flight: {<book>}, stay: {kind: saga, needs: flight,"
    " with: {saga: child, input: {city: berlin}}, definition: "
    + CHILD
    + "}, last: {<read>, <once>, needs: stay}}"
)


def test_R35_a_nested_saga_has_its_own_inputs_state_and_output():
    play = Play(PARENT)
    play.ok("flight")
    request = play.events("attempt_intended")[-1].request
    assert request["args"] == {"in": "berlin", "n": 2}
    play.ok("stay.hotel", output={"cost": 40})
    play.ok("stay.train")
    assert play.run.steps["stay"].output == {"spent": 40}
    assert play.run.app == {"spent": 5}
    play.check_replay()
    play.ok("last")
    assert play.run.status == "completed"


def test_R35_going_back_goes_through_the_nested_saga_leaves_first():
    play = Play(PARENT)
    play.ok("flight")
    play.ok("stay.hotel", output={"cost": 40})
    play.ok("stay.train")
    play.rejected("last")
    for name in ("stay.train", "stay.hotel", "flight"):
        assert play.open() == [f"undo {name}"]
        play.ok(name)
    assert play.run.status == "compensated"
    play.check_replay()


def test_R29_the_invariants_of_a_nested_saga_are_checked_on_its_own_state():
    play = Play(PARENT)
    play.ok("flight")
    play.ok("stay.hotel", output={"cost": 400})
    assert play.run.fault.source == "invariant"
    assert "'cheap'" in play.run.fault.reason
    play.check_replay()


def test_R35_a_nested_saga_whose_failure_is_waited_for_is_undone_alone():
    text = PARENT.replace("last: {<read>, <once>, needs: stay}", "other: {<read>, needs: stay.failed}")
    play = Play(text)
    play.ok("flight")
    play.ok("stay.hotel", output={"cost": 40})
    play.rejected("stay.train", error="full")
    assert play.run.fault is None
    assert sorted(play.open()) == ["late stay.hotel", "other"]
    play.ok("stay.hotel", "other")
    assert (play.run.status, play.status("stay"), play.status("flight")) == (
        "completed",
        "handled",
        "committed",
    )
    play.check_replay()


def test_R35_a_nested_pivot_makes_the_step_a_pivot():
    inner = "{saga: child, steps: {a: {<book>}, pay: {<pay>, needs: a}}}"
    text = f"steps: {{first: {{<book>}}, stay: {{kind: saga, needs: first, with: {{saga: child}}, definition: {inner}}}, send: {{<send>, <once>, needs: stay}}}}"
    play = Play(text)
    play.ok("first", "stay.a", "stay.pay")
    assert play.run.pivot_passed()
    play.rejected("send")
    assert play.run.status == "needs_attention"  # forward only
    with pytest.raises(DefinitionInvalid, match="after the pivot 'stay'"):
        saga_of(text.replace("<send>", "<book>"))


TEAM = (
    "steps: {plan: {<read>}, team: {kind: team, needs: plan, with: {tasks: '${steps.plan.output}', concurrency: 2},"
    " workers: {search: {steps: {look: {kind: python, with: {function: f, args: {task: '${task.brief}'}}}}},"
    " book: {steps: {buy: {kind: python, with: {function: b, args: {of: '${results.a}'}}, effect: compensatable,"
    " compensate: {kind: python, with: {function: undo}}}}}}}, last: {<read>, <once>, needs: team}}"
)
TASKS = [
    {"id": "a", "role": "search", "brief": "find"},
    {"id": "b", "role": "book", "needs": ["a"]},
    {"id": "d", "role": "search", "brief": "more"},
]


def test_a_team_does_the_tasks_of_a_plan_in_the_order_of_their_needs():
    play = Play(TEAM)
    play.ok("plan", output=TASKS)
    assert play.open() == ["team.a.look", "team.d.look"]
    play.ok("team.d.look", "team.a.look", output={"n": 1})
    request = play.events("attempt_intended")[-1].request
    assert request["args"] == {"of": {"n": 1}}
    play.check_replay()
    play.ok("team.b.buy", output=7)
    assert play.run.steps["team"].output == {
        "results": {"a": {"n": 1}, "b": 7, "d": {"n": 1}}, "failed": [], "count": 3
    }  # fmt: skip
    play.rejected("last")
    assert play.open() == ["undo team.b.buy"]
    play.ok("team.b.buy")
    assert play.run.status == "compensated"
    play.check_replay()


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([{"id": "a", "role": "cook"}], "'a' is for 'cook'; there are book, search"),
        ([{"id": "a", "role": "book", "needs": ["a"]}], "wait for each other: a -> a"),
        ([{"id": "a", "role": "book", "needs": ["x"]}], "'a' needs 'x', which is no task"),
        ([{"id": "a", "role": "book"}, {"id": "a", "role": "book"}], "'a' is there twice"),
        ([{"id": "A b", "role": "book"}], "is no short word"),
        ([{"id": f"t{n}", "role": "book"} for n in range(21)], "21 tasks, at most 20"),
        ("do it", "no list of tasks"),
    ],
)
def test_a_plan_that_can_not_be_carried_out_is_refused(tasks, said):
    play = Play(TEAM)
    play.ok("plan", output=tasks)
    assert said in play.run.fault.reason
    assert play.events("frames_opened") == []


AGENT = (
    "steps: {ask: {kind: agent, with: {prompt: Help., max_calls: 2}, tools: {look: {description: Looks.,"
    " input: {type: object, properties: {q: {type: string}}, required: [q]},"
    " step: {kind: python, with: {function: look, args: {q: '${args.q}'}}, <once>}},"
    " book: {description: Books., step: {<book>, <once>, approval: {}}}}}, last: {<read>, <once>, needs: ask}}"
)


def test_an_agent_calls_declared_tools_and_each_call_is_a_step():
    play = Play(AGENT)
    assert play.open() == ["ask.1.think"]
    prompt = play.events("attempt_intended")[-1].request["prompt"]
    assert "- look: Looks." in prompt
    assert "2 calls are left" in prompt
    play.ok("ask.1.think", output={"tool": "look", "arguments": {"q": "x"}})
    assert play.events("attempt_intended")[-1].request["args"] == {"q": "x"}
    play.ok("ask.2.look", output={"found": 3})
    assert 'look({"q":"x"}) gave {"found":3}' in play.events("attempt_intended")[-1].request["prompt"]
    play.ok("ask.3.think", output={"tool": "book", "arguments": {}})
    assert play.run.steps["ask.4.book"].status == "awaiting_approval"
    play.check_replay()
    play.decide("ask.4.book")
    play.ok("ask.4.book", output={"id": 9})
    assert play.open() == ["ask.5.conclude"]
    play.ok("ask.5.conclude", output={"tool": "answer", "answer": "done"})
    assert play.run.steps["ask"].output["answer"] == "done"
    assert [call["tool"] for call in play.run.steps["ask"].output["calls"]] == ["look", "book"]
    play.rejected("last")
    assert play.open() == ["undo ask.4.book"]
    play.check_replay()


def test_an_agent_is_told_what_failed_and_what_it_called_wrongly():
    play = Play(AGENT)
    play.ok("ask.1.think", output={"tool": "look", "arguments": {}})
    assert "'q' is a required property" in play.events("attempt_intended")[-1].request["prompt"]
    play.ok("ask.2.think", output={"tool": "look", "arguments": {"q": "x"}})
    play.rejected("ask.3.look", error="nothing there")
    assert play.open() == ["ask.4.conclude"]
    assert "the error: 'look': nothing there" in play.events("attempt_intended")[-1].request["prompt"]
    play.check_replay()


def test_a_tool_that_was_not_declared_is_refused():
    play = Play(AGENT)
    play.ok("ask.1.think", output={"tool": "rm", "arguments": {}})
    assert play.open() == []  # asked again after a pause, with the finding
    play.advance()
    assert "'rm' is not one of" in play.events("attempt_intended")[-1].request["feedback"][0]
    assert [i.step for i in play.events("attempt_intended")] == ["ask.1.think"] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {<pay>}}}}}", "a point of no return inside a map"),
        ("steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {<read>, writes: {n: '1'}}}}}}", "write `app.n`"),
        ("steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {<read>, needs: b}}}}}", "m.body.steps.a.needs: it needs 'b'"),
        ("steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {<read>, when: 'round > 1'}}}}}", "knows no `round`"),
        ("steps: {m: {kind: map, with: {over: [1]}, retry: {max_attempts: 2}, body: {steps: {a: {<read>}}}}}", "takes no `retry`"),
        ("steps: {s: {kind: saga, with: {saga: other}}}", "there is no saga 'other'"),
        ("steps: {s: {kind: saga, with: {saga: o, input: {x: 1}}, definition: {saga: o, steps: {a: {<read>}}}}}", "'o' has no input 'x'"),
        ("steps: {l: {kind: loop, with: {until: 'outputt > 1'}, body: {steps: {a: {<read>}}}}}", "knows no `outputt`"),
        ("steps: {g: {kind: agent, with: {prompt: x}, tools: {answer: {description: x, step: {<read>}}}}}", "can't name a tool"),
        ("steps: {m: {kind: map, with: {over: [1]}, body: {steps: {a: {kind: python, with: {function: f}, effect: compensatable}}}}}", "its effect has no undo"),
    ],
)  # fmt: skip
def test_what_can_not_work_is_refused_at_publishing(text, said):
    with pytest.raises(DefinitionInvalid, match=said):
        saga_of(text)


def test_R26_a_round_that_is_done_anew_in_part_keeps_what_counts():
    text = (
        "recovery: repair\nsteps: {l: {kind: loop, with: {until: 'output >= 8', max_rounds: 3}, body: {steps: {a: {<book>},"
        " b: {<read>, needs: a}}, output: '${steps.b.output}'}}, last: {<read>, needs: l}}"
    )
    play = Play(text)
    for number, score in ((1, 3), (2, 9)):
        play.ok(f"l.{number}.a", output={"id": number})
        play.ok(f"l.{number}.b", output=score)
    play.do(c.MarkStale(steps=("l.2.b",), reason="judged wrongly", by="bob"))
    play.ok("last")
    assert play.open() == ["l.2.b"]
    play.check_replay()
    play.ok("l.2.b", output=8)
    assert play.order().count("l.2.a") == 1
    assert play.run.steps["l"].output["round"] == 2
    play.ok("last")
    assert play.run.status == "completed"
    play.check_replay()


def test_R26_a_composite_that_no_longer_counts_takes_all_inside_it_along():
    text = "recovery: repair\n" + PARENT
    play = Play(text)
    play.ok("flight")
    play.ok("stay.hotel", output={"cost": 40})
    play.ok("stay.train")
    play.do(c.MarkStale(steps=("stay",), reason="other dates", by="bob"))
    play.ok("last")
    assert play.events("direction_chosen")[0].affected == ("stay", "last", "stay.hotel", "stay.train")
    play.ok("stay.train", "stay.hotel")
    assert play.open() == ["stay.hotel"]
    assert [i.key for i in play.events("attempt_intended")][-1] == "r1:stay.hotel:2"
    play.check_replay()


def test_an_empty_map_waits_for_what_is_done_anew_before_it():
    text = (
        "recovery: repair\nsteps: {first: {<read>}, m: {kind: map, needs: first, with: {over: '${steps.first.output}'},"
        " body: {steps: {s: {<read>}}}}, last: {<read>, needs: m}}"
    )
    play = Play(text)
    play.ok("first", output=[])
    play.do(c.MarkStale(steps=("first",), reason="there is more", by="bob"))
    play.ok("last")
    assert play.open() == ["first"]
    assert play.status("m") == "pending"
    play.ok("first", output=[1, 2])
    assert play.open() == ["m.1.s", "m.2.s"]
    play.check_replay()


def test_an_agent_whose_model_is_skipped_fails_in_words():
    play = Play(AGENT)
    play.failed("ask.1.think", error="down")
    play.do(c.Skip(step="ask.1.think", reason="too slow", by="bob"))
    assert "neither which tool to call nor its answer" in play.run.fault.reason
    play.check_replay()


def test_R26_tasks_that_are_done_anew_wait_for_each_other_again():
    play = Play("recovery: repair\n" + TEAM)
    play.ok("plan", output=TASKS)
    play.ok("team.a.look", "team.d.look", output={"n": 1})
    play.ok("team.b.buy", output=7)
    play.do(c.MarkStale(steps=("team.a.look",), reason="other prices", by="bob"))
    play.ok("last")
    play.ok("team.b.buy")
    assert play.open() == ["team.a.look"]
    play.check_replay()
    play.ok("team.a.look", output={"n": 2})
    assert play.open() == ["team.b.buy"]
    play.ok("team.b.buy", output=8)
    assert play.run.steps["team"].output["results"] == {"a": {"n": 2}, "b": 8, "d": {"n": 1}}
    play.ok("last")
    assert play.run.status == "completed"
    play.check_replay()


def test_R25_what_answers_late_is_undone_though_its_round_is_gone():
    text = (
        "recovery: repair\nsteps: {l: {kind: loop, with: {until: 'true'}, body: {steps: {a: {<book>, <probe>, timeout_s: 5,"
        " settle_s: 1, <once>}}}}}"
    )
    play = Play(text)
    play.unknown("l.1.a")
    while play.run.repairs == 0:
        if play.run.open_calls:
            name, phase, _ = next(iter(play.run.open_calls))
            assert phase in {"probe", "undo"}
            play.ok(name, empty=True)
        else:
            play.advance()
    play.do(c.Report(step="l.1.a", phase="forward", attempt=1, outcome="ok", output={"id": 1}))
    assert "late l.1.a" in play.open()
    play.check_replay()


def test_a_model_that_is_kept_to_a_schema_can_give_each_tool_its_arguments():
    text = AGENT.replace(
        "{description: Books.,",
        "{description: Books., input: {type: object, properties: {q: {type: integer}, day: {enum: [mon]}}},",
    )
    step = saga_of(text).steps["ask"]
    assert step.choice["properties"]["arguments"]["properties"] == {
        "q": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "day": {"enum": ["mon"]}
    }  # fmt: skip


def test_R26_what_depends_on_what_is_done_anew_inside_waits_for_it():
    inner = "{saga: child, steps: {a: {<book>}, b: {<book>, needs: a}, kept: {<book>}}}"
    play = Play(
        f"recovery: repair\nsteps: {{s: {{kind: saga, with: {{saga: child}}, definition: {inner}}}, last: {{<read>, needs: s}}}}"
    )
    play.ok("s.a", "s.kept", "s.b")
    play.do(c.MarkStale(steps=("s.a",), reason="changed", by="bob"))
    play.ok("last")
    play.ok("s.b", "s.a")
    assert play.open() == ["s.a"]
    assert play.status("s.b") == "pending"
    play.check_replay()
    play.ok("s.a", "s.b", "last")
    assert play.run.status == "completed"


ODD_PLAN = (
    "input: {tasks: {type: array}}\nsteps: {t: {kind: team, with: {tasks: '${run.input.tasks}', max_tasks: 3},"
    " workers: {w: {steps: {x: {<read>}}}}}}"
)


@pytest.mark.parametrize(
    "tasks",
    [
        [{"id": "a", "role": ["w"]}],
        [{"id": "a", "role": {"w": 1}}],
        [{"id": ["a"], "role": "w"}],
        [{"id": "a\n", "role": "w"}],
        [{"id": "a", "role": "w", "needs": [["b"], {"c": 1}]}],
        [{"id": "a", "role": "w", "needs": {"b": 1}}],
        [{"id": "a", "role": "w", "needs": "a"}],
        [{"id": "a", "role": "w", "needs": ["a"]}],
        [{"id": None, "role": None, "needs": 3}],
        [{}],
        [{"id": f"a{n}", "role": "w"} for n in range(20_000)],
    ],
)
def test_R36_an_odd_plan_of_tasks_is_a_fault_that_says_what_is_wrong(tasks):
    play = Play(ODD_PLAN, tasks=tasks)
    assert (play.run.status, play.run.fault.source) == ("compensated", "expression")
    assert "the plan of tasks can't be carried out" in play.run.fault.reason


def test_a_task_may_need_nothing():
    play = Play(ODD_PLAN, tasks=[{"id": "a", "role": "w", "needs": None}])
    assert play.open() == ["t.a.x"]


HUGE = 10**400


@pytest.mark.parametrize(
    ("call", "outputs"),
    [
        ("gather: weighted", [1, HUGE]),
        ("gather: weighted, score: output", [HUGE, 1]),
        ("gather: weighted, score: output", [1e308, 1e308]),
        ("gather: best, score: output", [HUGE, 1]),
        ("gather: best, score: 'double(output)'", ["inf", "1"]),
    ],
)
def test_R36_numbers_that_no_mean_can_be_made_of_are_a_fault(call, outputs):
    text = f"steps: {{m: {{kind: map, with: {{over: [1, 2], {call}}}, body: {{steps: {{x: {{<read>}}}}}}}}}}"
    play = Play(text)
    for number, output in enumerate(outputs, start=1):
        play.ok(f"m.{number}.x", output=output)
    assert (play.run.status, play.run.fault.source) == ("compensated", "expression")
    play.check_replay()


def test_R36_results_are_seen_below_a_worker_too():
    text = (
        "steps: {t: {kind: team, with: {tasks: [{id: a, role: w}, {id: b, role: v, needs: [a]}]}, workers: {"
        "w: {steps: {x: {<read>}}}, v: {steps: {m: {kind: map, with: {over: [1]}, body: {steps: {y: {kind: loop,"
        " with: {until: 'true'}, body: {steps: {z: {kind: python, with: {function: f, args: {r: '${results}'}}}}}}}}}}}}}}"
    )
    play = Play(text)
    play.ok("t.a.x", output={"v": 1})
    assert play.run.steps["t.b.m.1.y.1.z"].attempts[0].intent.request["args"] == {"r": {"a": {"v": 1}}}
    play.check_replay()


def test_R35_a_nested_saga_takes_its_own_assumptions_for_granted():
    inner = (
        "{saga: inner, assumptions: [{name: rate, value: 3}],"
        " steps: {x: {kind: python, with: {function: f, args: {r: '${assume.rate}'}}}}}"
    )
    text = (
        "assumptions: [{name: rate, value: 7}]\n"
        f"steps: {{n: {{kind: saga, with: {{saga: inner}}, definition: {inner}}},"
        " o: {kind: python, with: {function: f, args: {r: '${assume.rate}'}}}}"
    )
    play = Play(text)
    assert [i.request["args"]["r"] for i in play.events("attempt_intended")] == [7, 3]
    play.check_replay()


def test_R28_a_loop_that_asks_is_asked_again_and_not_answered_by_trying_again():
    play = looped(5, 4, 3, more=", on_end: ask")
    play.do(c.TryNow(step="refine", by="bob"))
    assert play.run.attention["refine"].kind == "verdict"
    assert "none is good enough" in play.run.attention["refine"].reason
    play.check_replay()
    play.do(c.GiveVerdict(step="refine", decision="accept", reason="good enough", by="bob"))
    assert play.status("refine") == "committed"
    play.check_replay()
