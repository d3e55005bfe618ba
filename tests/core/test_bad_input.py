"""Whatever is handed in as a definition: one clear answer with a path and a remedy, quickly."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import commands as c
from engine.core.checks import check_publishable, publish_problems
from engine.core.document import parse_document, parse_saga, saga_from_document, to_yaml
from engine.core.errors import CommandRejected, DefinitionInvalid
from engine.rehearsal.sagas import random_saga
from engine.rehearsal.tape import Tape
from tests.core.harness import Play, saga_of

A = "a: {kind: python, with: {function: f}}"
STEPS = f"steps: {{{A}}}\n"


def step(more):
    return f"saga: t\nsteps: {{a: {{kind: python, with: {{function: f}}, {more}}}}}"


def b_needs(condition):
    return f"saga: t\nsteps: {{{A}, b: {{kind: python, with: {{function: f}}, needs: {condition}}}}}"


BAD = {
    "a cycle": (b_needs("b"), "steps.b.needs", "a cycle: b -> b"),
    "a missing dependency": (b_needs("zz"), "steps.b.needs", "needs 'zz', which is not a step"),
    "a branch of no route": (b_needs("a.left"), "steps.b.needs", "'a' is no route"),
    "a function that there is not": (step("when: 'run.id.lowerAscii() == \"x\"'"), "steps.a.when", "calls `lowerAscii`"),
    "half a condition": (b_needs("'a &&'"), "steps.b.needs", "can't be parsed"),
    "an empty condition": (b_needs("''"), "steps.b.needs", "not a dependency condition"),
    "a condition in a list": (b_needs("['a || a', a]"), "steps.b.needs", "no step id"),
    "Python in a condition": (b_needs("'a and a'"), "steps.b.needs", "can't be parsed"),
    "parentheses that close too early": (b_needs("'a) || (a'"), "steps.b.needs", "can't be parsed"),
    "a condition nested too deep": (b_needs("'" + "(" * 900 + "a" + ")" * 900 + "'"), "steps.b.needs", "nested deeper than 60"),
    "a duplicate id": (f"saga: t\nsteps:\n  {A}\n  {A}\n", "line 4", "'a' is there twice"),
    "a duplicate key in JSON": ('{"saga": "t", "saga": "u", "steps": {}}', "line 1", "'saga' is there twice"),
    "a number and a text as the same key": (f"saga: t\napp: {{'1': a, 1: b}}\n{STEPS}", "line 2", "twice"),
    "a bad guard": (step("when: 'run.input.('"), "steps.a.when", "not an expression"),
    "a guard on what need not come before": (step("when: 'steps.b.output.x'"), "steps.a.when", "no step 'b'"),
    "a guard on an unknown name": (step("when: 'nme == 1'"), "steps.a.when", "knows no `nme`"),
    "an input that is not declared": (step("when: 'run.input.x'"), "steps.a.when", "no input 'x'"),
    "an open hole": (step("title: x").replace("function: f", "function: f, args: {x: '${run'}"), "steps.a.with",
                     "never closed"),
    "a long expression": (step("when: '" + "1 + " * 700 + "1 > 0'"), "steps.a.when", "at most 2000"),
    "a deep expression": (step("when: '" + "(" * 900 + "true" + ")" * 900 + "'"), "steps.a.when", "not an"),
    "an unknown kind": ("saga: t\nsteps: {a: {kind: pyhton}}", "steps.a.kind", "did you mean python?"),
    "no kind": ("saga: t\nsteps: {a: {}}", "steps.a", "has no `kind`"),
    "an unknown key": (step("tite: x"), "steps.a.tite", "did you mean `title`?"),
    "an unknown key further in": (step("retry: {max_atempts: 1}"), "steps.a.retry.max_atempts", "`max_attempts`?"),
    "a key of another kind": ("saga: t\nsteps: {a: {kind: wait, with: {seconds: 3}}}", "steps.a.with.seconds",
                              "keys there are duration_s, until, event"),
    "a key that stands one level too high": ("saga: t\nsteps: {a: {kind: wait, with: {event: go}, duration_s: 3}}", "steps.a.duration_s",
                                             "it goes into `with:`"),
    "an unknown key of an undo": (step("compensate: {kind: python, with: {function: f}, retyr: {}}"),
                                  "steps.a.compensate.retyr", "did you mean `retry`?"),
    "an unknown key of the saga": (f"saga: t\nzz: 1\n{STEPS}", "zz", "keys there are"),
    "a tab": ("saga: t\nsteps:\n  a:\n\tkind: wait", "line 4, column 1", "a tab - indent with spaces"),
    "a tab between words": ("saga: t\nsteps:\n  a: {kind:\twait}\n  b:\n  \t kind: wait", "line 5, column 3", "a tab"),
    "an alias": ("saga: t\nx: &x [1, 1]\ny: [*x, *x]", "line 3", "the alias `*x`"),
    "a bomb": ("a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n"
                                           for i in range(20)), "line 2", "the alias"),
    "10 MB": ("x" * 10_000_000, "file", "1,000,000"),
    "many values": ("[" + "1," * 300_000 + "a]", "file", "more than 200,000 values"),
    "many mistakes": ("saga: t\nsteps: {" + ", ".join(f"s{i}: 1" for i in range(15000)) + "}", "steps.s0", "valid"),
    "deep nesting": ("[" * 5000, "line 1", "nested deeper than 40"),
    "deep JSON": ('{"saga": "t", "app": ' + '{"a": ' * 50 + "1" + "}" * 50 + ', "steps": {}}', "app.a", "nested"),
    "a list": ("- a", "file", "this is a list"),
    "a text": ("hello", "file", "this is text"),
    "nothing": ("", "file", "this is empty"),
    "two documents": (f"saga: t\n{STEPS}---\nsaga: u", "line 3", "another document"),
    "a NUL": ("saga: t\0", "file", "not YAML"),
    "half a character": ("saga: \ud800", "file", "surrogates not allowed"),
    "bytes of something else": (b"\xff\xfe\x00", "file", "not YAML"),
    "NaN": (f"saga: t\napp: {{x: .nan}}\n{STEPS}", "app.x", "nan or infinity"),
    "infinity in a number": (f"saga: t\ndeadline_s: .inf\n{STEPS}", "deadline_s", "nan or infinity"),
    "NaN in JSON": ('{"saga": "t", "app": {"x": NaN}, "steps": {"a": 1}}', "steps.a", "valid dictionary"),
    "a list as a key": ("saga: t\n? [a, b]\n: 1", "line 2", "not a plain word"),
    "null as a key": ("saga: t\nsteps: {null: 1}", "line 2", "not a plain word"),
    "a number as an id": ("saga: t\nsteps: {1: {kind: wait, with: {duration_s: 1}}}", "steps.1", "can't be a name"),
    "a name in capitals": (f"saga: Trip\n{STEPS}", "saga", "can't be a name"),
    "a name that is too long": (f"saga: {'a' * 400}\n{STEPS}", "saga", "has 400 characters; at most 64"),
    "an id that is too long": (f"saga: t\nsteps: {{{'a' * 49}: {{kind: wait, with: {{duration_s: 1}}}}}}", "steps",
                               "has 49 characters; at most 48"),
    "a reserved id": ("saga: t\nsteps: {in: {kind: wait, with: {duration_s: 1}}}", "steps", "choose another id"),
    "bytes in YAML": (f"saga: t\napp: {{x: !!binary aGk=}}\n{STEPS}", "line 2", "`!!binary`"),
    "a set in YAML": (f"saga: t\napp: {{x: !!set {{a, b}}}}\n{STEPS}", "line 2", "`!!set`"),
    "a Python object": (f"saga: t\napp: !!python/object/apply:os.system ['x']\n{STEPS}", "line 2", "could not"),
    "steps as a list": ("saga: t\nsteps: [a]", "steps", "valid dictionary"),
    "no steps": ("saga: t\nsteps: {}", "steps", "at least 1 item"),
    "a word for a number": (step("timeout_s: soon"), "steps.a.timeout_s", "valid number"),
    "a huge number": (step("timeout_s: 1.0e+300"), "steps.a.timeout_s", "less than"),
    "a huge whole number": (f"saga: t\nparallel: {'9' * 4000}\n{STEPS}", "parallel", "less than"),
    "an endless number": (f"saga: t\nparallel: {'9' * 5000}\n{STEPS}", "file", "4300 digits"),
    "no schema": (step("output: {type: strin}"), "steps.a.output", "not a JSON Schema"),
    "a schema elsewhere": (step("output: {$ref: 'http://127.0.0.1:9/x'}"), "steps.a.output", "leads nowhere"),
    "a reference to nothing": (step("output: {$ref: '#/$defs/x'}"), "steps.a.output", "leads nowhere"),
    "a check nobody makes": ("saga: t\nsteps: {a: {kind: approval, validate: [{name: x, rule: 'true'}]}}",
                             "steps.a.validate", "takes no `validate`"),
    "a wait backwards": ("saga: t\nsteps: {a: {kind: wait, with: {duration_s: -5}}}", "steps.a.with.duration_s",
                         "a wait of -5.0 s"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_gets_one_clear_answer_at_once(what):
    text, path, said = BAD[what]
    before = time.thread_time()
    with pytest.raises(DefinitionInvalid) as caught:
        check_publishable(parse_saga(text))
    took = time.thread_time() - before
    first = caught.value.problems[0]
    assert first.path.startswith(path)
    assert said in str(first)
    assert first.remedy
    assert len(caught.value.problems) <= 51
    assert took < 1.5, f"{took:.2f} s"  # a second, and some more where machines are shared


@pytest.mark.parametrize("key", ["seconds", "duration_s", "url", "ask", "needs", "usd", "zz"])
@pytest.mark.parametrize("where", ["", "with: {duration_s: 1, %s}", "%s, with: {duration_s: 1}"])
def test_a_hint_never_names_the_key_that_was_refused(key, where):
    inner = (where % f"{key}: 1" if "%s" in where else where) or "with: {duration_s: 1}"
    top = "" if where else f"{key}: 1\n"
    text = f"saga: t\n{top}steps: {{a: {{kind: wait, {inner}}}}}"
    try:
        parse_saga(text)
    except DefinitionInvalid as invalid:
        for problem in invalid.problems:
            assert f"did you mean `{key}`" not in problem.remedy


def test_an_answer_says_whether_more_may_be_found():
    with pytest.raises(DefinitionInvalid) as form:
        parse_saga("saga: t\nzz: 1\n" + STEPS)
    with pytest.raises(DefinitionInvalid) as graph:
        check_publishable(parse_saga(b_needs("b")))
    assert (form.value.is_partial, graph.value.is_partial) == (True, False)


def test_words_mean_what_they_mean_in_json():
    """Not YAML 1.1: there, `no` is false, 12:30:00 is 45000, and JSON's own 1e5 is a text."""
    app = "app: {country: no, at: 12:30:00, day: 2026-01-01, zip: 01234, big: 1e5, yes: on, t: true, n: ~}\n"
    assert parse_saga(f"saga: t\n{app}{STEPS}").app == {
        "country": "no", "at": "12:30:00", "day": "2026-01-01", "zip": "01234", "big": 1e5, "yes": "on",
        "t": True, "n": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["return", "import", "class", "no", "yes", "as", "with", "none"])
def test_a_step_may_be_called_by_any_plain_word(name):
    play = Play(f"steps: {{{name}: {{<read>}}, b: {{<read>, needs: [{name}], when: steps.{name}.output.x}},"
                f" c: {{<read>, needs: '{name} && !b'}}}}")  # fmt: skip
    play.ok(name, output={"x": True})
    play.ok("b")
    assert play.statuses() == {"run": "completed", name: "committed", "b": "committed", "c": "skipped"}


def test_a_thousand_prerequisites_with_long_names_are_fine():
    names = [f"{'x' * 40}_{i}" for i in range(5000)]
    steps = "".join(f'"{n}":{{"kind":"wait","with":{{"duration_s":0}}}},' for n in names)
    last = f'"z":{{"kind":"wait","with":{{"duration_s":0}},"needs":{json.dumps(names)}}}'
    assert len(parse_saga(f'{{"saga":"t","steps":{{{steps}{last}}}}}').graph.needs["z"]) == 5000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")) | st.sampled_from(["no", "1e5", "0x1f", "1_0", "~", "12:30:00", "=", "<<"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~1no<", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=400, database=None)
@given(JSON)
def test_L26_a_definition_survives_its_own_files(value):
    document = {
        "saga": "t",
        "app": {"value": value},
        "steps": {"a": {"kind": "wait", "with": {"duration_s": 1}}},
    }
    saga = saga_from_document(document)
    for text in (to_yaml(saga.document()), json.dumps(saga.document()), saga.canonical):
        again = parse_saga(text)
        assert again.app == saga.app
        assert again.hash == saga.hash
        assert again == saga


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(st.binary(min_size=80, max_size=80), st.randoms(use_true_random=False))
def test_L26_random_sagas_survive_and_the_order_of_keys_is_nothing(tape, chance):
    saga = random_saga(Tape(tape))
    if saga is None:
        return

    def shuffled(value, depth=0):
        if isinstance(value, dict):
            items = list(value.items())
            chance.shuffle(items)
            return {key: shuffled(item, depth + 1) for key, item in items}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    document = saga.document()
    assert saga_from_document(document) == saga
    assert parse_saga(to_yaml(document)).hash == saga.hash
    mixed = saga_from_document(shuffled(document))
    assert mixed.hash == saga.hash
    assert {str(p) for p in publish_problems(mixed)} == {str(p) for p in publish_problems(saga)}


@settings(derandomize=True, deadline=None, max_examples=300, database=None)
@given(st.text() | st.binary() | st.text("{}[]:-,&*!|>'\"%@` \n\tabn01.~?"))
def test_any_text_at_all_gives_a_mapping_or_a_problem(text):
    try:
        found = parse_document(text)
    except DefinitionInvalid as invalid:
        found = dict.fromkeys(invalid.problems)
    assert isinstance(found, dict)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("nan")], {"x": float("-inf")}, {1, 2}])
def test_an_input_that_is_no_json_is_refused(value):
    play = Play("input: {x: {}}\nsteps: {a: {<read>}}", start=False)
    with pytest.raises(CommandRejected, match="input"):
        play.do(c.Start(run_id="r1", input={"x": value}, by="ann"))
    assert play.run.seq == 0


@pytest.mark.parametrize("schema", ["{$ref: '#'}", "{$ref: 'http://127.0.0.1:9/x'}", "{$ref: '#/$defs/no'}"])
def test_a_schema_that_cant_be_applied_fails_its_step_and_fetches_nothing(schema):
    """Such a saga can't be published; should one be run all the same, it ends like any rejected output."""
    play = Play(f"steps: {{a: {{<read>, <once>, output: {schema}}}}}", publish=False)
    play.ok("a", output={"x": 1})
    assert play.statuses() == {"run": "compensated", "a": "failed"}
    assert "can't be applied" in play.run.fault.reason


@pytest.mark.parametrize(
    "output", [float("nan"), {"x": [float("inf")]}, {"day": object}, {1: (2, 3)}, "\ud800"]
)
def test_L08_an_answer_that_is_no_json_is_kept_as_json_would_keep_it(output):
    play = Play("steps: {a: {<read>}, b: {<read>, needs: a}}")
    play.ok("a", output=output, meta={"cost_usd": "much", "tokens": float("nan")})
    play.ok("b")
    assert play.run.status == "completed"
    assert play.run.cost_usd == play.run.tokens == 0
    play.check_replay()


def test_warnings_do_not_hinder():
    saga = saga_of("steps: {a: {kind: python, with: {function: f}, effect: compensatable, compensate: none,"
                   " compensate_reason: mail}}")  # fmt: skip
    assert [p.severity for p in publish_problems(saga)] == ["warning"]
