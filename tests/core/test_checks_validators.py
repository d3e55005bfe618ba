"""What is said about validators, edges, contracts and fallbacks before a version is published, each with a remedy."""

from __future__ import annotations

import pytest

from engine.core.checks import publish_problems
from tests.core.harness import saga_of

RULE = "name: v, rule: 'true'"
LLM = "kind: llm, with: {prompt: Say}"
ORDER = "sequence: ['1', '2']"


def found(text):
    """Return the problems of a saga as (severity, path, problem, remedy)."""
    return [(p.severity, p.path, p.problem, p.remedy) for p in publish_problems(saga_of(text, publish=False))]


def on(validator, step="<read>"):
    return f"steps: {{a: {{{step}, validate: [{{{validator}}}]}}}}"


def on_edge(validator, a="<read>", b="<read>, needs: a", ends="from: a, to: b"):
    return f"steps: {{a: {{{a}}}, b: {{{b}}}}}\nedges: [{{{ends}, validate: [{{{validator}}}]}}]"


def over(validator, steps="a: {<read>}, b: {<read>, needs: a}, c: {<read>}", more=""):
    return f"steps: {{{steps}}}\nvalidate: [{{{validator}}}]\n{more}"


def contract(given, wanted, more=""):
    return on_edge(f"name: v, kind: schema, schema: {wanted}{more}", a=f"<read>, output: {given}")


DAY = "{type: object, required: [day], properties: {day: {type: string}}}"
CLOSED = "{type: object, properties: {day: {type: string}}, additionalProperties: false}"
PIVOT = "pay: {<pay>}, send: {<send>, needs: pay}, look: {<read>, needs: pay}, other: {<read>}"

BAD = {
    "one name twice on a step": (on(f"{RULE}}}, {{{RULE}"), "steps.a.validate[1].name", "the name 'v' is that of", "another name"),
    "one name on a step and on its edge": (on_edge(RULE, a=f"<read>, validate: [{{{RULE}}}]"), "edges[0].validate[0].name",
                                           "`steps.a.validate[0]`", "another name"),
    "one name on a step and on the saga": (over(f"{RULE}, steps: [a]", steps=f"a: {{<read>, validate: [{{{RULE}}}]}}"),
                                           "validate[0].name", "too, about 'a'", "another name"),
    "the name of the output schema": (on("name: schema, rule: 'true'", "<read>, output: {}"), "steps.a.validate[0].name",
                                      "the output schema", "another name"),
    "an edge from nowhere": (on_edge(RULE, ends="from: x, to: b"), "edges[0].from", "no step 'x'", "steps are a, b"),
    "an edge to nowhere": (on_edge(RULE, ends="from: a, to: x"), "edges[0].to", "no step 'x'", "steps are a, b"),
    "an edge beside the graph": (on_edge(RULE, b="<read>"), "edges[0]", "'b' does not depend on 'a'", "`steps.b.needs`"),
    "an edge from a person": (on_edge(RULE, a="kind: approval"), "edges[0].validate[0]", "no validator looks at", "that follows"),
    "steps that are not there": (over(f"{RULE}, steps: [a, x]"), "validate[0].steps", "no step 'x'", "steps are a, b, c"),
    "no steps": (over(RULE), "validate[0].steps", "which steps", "`steps: [hotel, train]`"),
    "together with itself": (over("name: v, kind: together, steps: [a, a]"), "validate[0].steps", "two steps", "list them"),
    "together on a step": (on("name: v, kind: together"), "steps.a.validate[0].kind", "several steps", "saga's"),
    "steps on a step": (on(f"{RULE}, steps: [a]"), "steps.a.validate[0].steps", "for validators of the saga", "remove it"),
    "together with a retry": (over("name: v, kind: together, steps: [a, b], on_fail: retry"), "validate[0].on_fail",
                              "can't `retry`", "`reject` or `feedback`"),
    "a retry of an effect": (on(f"{RULE}, on_fail: retry", "<book>"), "steps.a.validate[0].on_fail",
                             "`retry` on a step with an effect", "`reject`"),
    "a retry of an effect on an edge": (on_edge(f"{RULE}, on_fail: retry", a="<book>"), "edges[0].validate[0].on_fail",
                                        "with an effect, 'a'", "`reject`"),
    "a retry of an effect on the saga": (over(f"{RULE}, on_fail: retry, steps: [a, d]", "a: {<read>}, d: {<book>}"),
                                         "validate[0].on_fail", "with an effect, 'd'", "`reject`"),
    "augment with nothing": (on(f"{RULE}, on_fail: augment"), "steps.a.validate[0].add", "does not say what", "give `add:`"),
    "a judge that augments with anything": (on("name: v, kind: judge, rubric: Fair?, on_fail: augment"),
                                            "steps.a.validate[0].may_add", "which keys", "list them"),
    "what is never added": (on(f"{RULE}, add: {{x: 1}}"), "steps.a.validate[0].add", "without `augment`", "`on_fail: augment`"),
    "what a judge may never add": (on("name: v, kind: judge, rubric: Fair?, may_add: [x]"), "steps.a.validate[0].may_add",
                                   "without `augment`", "`on_fail: augment`"),
    "what a function says itself": (on("name: v, kind: python, with: {function: f}, on_fail: augment, add: {x: 1}"),
                                    "steps.a.validate[0].add", "says itself", "return `add`"),
    "a model that judges itself": (on("name: v, kind: judge, rubric: ' Say '", LLM), "steps.a.validate[0].rubric",
                                   "judge itself", "another `model`"),
    "a judge of a fallback's prompt": (
        on("name: v, kind: judge, rubric: Short", f"{LLM}, fallback: [{{kind: llm, with: {{prompt: Short}}}}]"),
        "steps.a.validate[0].rubric", "judge itself", "what to look at"),
    "an empty rubric": (on("name: v, kind: judge, rubric: ' '", LLM), "steps.a.validate[0].rubric", "empty", "look at"),
    "a judge of reasoning nobody records": (on("name: v, kind: judge, rubric: Why?, type: reasoning", LLM),
                                            "steps.a.validate[0].type", "no reasoning", "`explain: true`"),
    "facts without claims": (on("name: v, kind: facts, facts: {a: '1'}"), "steps.a.validate[0]", "nothing to compare", "add one"),
    "a claim without its fact": (on("name: v, kind: facts, facts: {a: '1'}, claims: {b: '1'}"),
                                 "steps.a.validate[0].claims.b", "no fact 'b'", "name of a fact: a"),
    "a text nobody looks into": (on("name: v, kind: facts, facts: {a: '1'}, text: output, look_for: []"),
                                 "steps.a.validate[0].look_for", "nothing to look for", "money"),
    "a pattern without one": (on("name: v, kind: formats, values: {a: '1'}, as: pattern"), "steps.a.validate[0].pattern",
                              "without a `pattern`", "give both"),
    "a pattern that is none": (on("name: v, kind: formats, values: {a: '1'}, as: pattern, pattern: '(a'"),
                               "steps.a.validate[0].pattern", "not a pattern", "correct it"),
    "a pattern that looks around": (on("name: v, kind: formats, values: {a: '1'}, as: pattern, pattern: '(?=a)a'"),
                                    "steps.a.validate[0].pattern", "not a pattern", "not possible"),
    "spellings of a date": (on("name: v, kind: formats, values: {a: '1'}, as: date, known: [x]"),
                            "steps.a.validate[0].known", "not used", "`as: unit`"),
    "a stay covered by nothing": (on("name: v, kind: dates, cover: {start: '1', end: '2'}"), "steps.a.validate[0]",
                                  "neither `spans` nor `list`", "give one"),
    "a stay covered by two": (
        on("name: v, kind: dates, cover: {start: '1', end: '2'}, list: '[]', spans: [{start: '1', end: '2'}]"),
        "steps.a.validate[0]", "both `spans` and `list`", "give one"),
    "a budget of nothing": (on("name: v, kind: budget, total: '1'"), "steps.a.validate[0]", "neither `items`", "give one"),
    "a budget without limits": (on("name: v, kind: budget, items: '[]'"), "steps.a.validate[0]", "no limit", "`total`"),
    "a contract that is no schema": (contract("{}", "{type: strin}"), "edges[0].validate[0].schema", "not a JSON Schema", "json-schema"),
    "half an expression": (on("name: v, kind: order, sequence: ['1 +', '2']"), "steps.a.validate[0].sequence[0]",
                           "not an expression", "correct"),
    "a fact of a later step": (on_edge("name: v, kind: keeps, keep: [steps.b.output]"), "edges[0].validate[0].keep[0]",
                               "'b', which need not come before", "needs"),
    "an edge that asks for its producer": (on_edge("name: v, kind: keeps, keep: [steps.a.output]"),
                                           "edges[0].validate[0].keep[0]", "need not come before", "write `output`"),
    "a step the saga's validator does not name": (over("name: v, rule: steps.c.output, steps: [b]"), "validate[0].rule",
                                                  "'c', which need not come before", "add 'c' to `steps`"),
    "a name there is not": (on("name: v, kind: agree, values: {a: undo, b: '1'}"), "steps.a.validate[0].values.a",
                            "knows no `undo`", "output"),
    "a hole in a rubric": (on("name: v, kind: judge, rubric: 'Is ${nothing} there?'"), "steps.a.validate[0].rubric",
                           "knows no `nothing`", "here it may use"),
    "a span of nothing": (on("name: v, kind: dates, cover: {start: x, end: '2'}, list: '[]'"),
                          "steps.a.validate[0].cover.start", "knows no `x`", "here it may use"),
    "a fallback for an effect": ("steps: {a: {<book>, fallback: [{kind: value, value: 1}]}}", "steps.a.fallback",
                                 "on a compensatable step", "remove it"),
    "a fallback of a person": ("steps: {a: {kind: approval, fallback: [{kind: value, value: 1}]}}", "steps.a.fallback",
                               "takes no `fallback`", "remove it"),
    "a prompt for a route": (
        "steps: {a: {kind: route, with: {branches: [x, y], default: x}, fallback: [{kind: llm, with: {prompt: P}}]}}",
        "steps.a.fallback[0]", "a value only", "`kind: value`"),
    "a branch that is none": (
        "steps: {a: {kind: route, with: {branches: [x, y], default: x}, fallback: [{kind: value, value: {branch: z}}]}}",
        "steps.a.fallback[0].value", "no branch of this route", "branches are x, y"),
    "a fallback that knows too much": ("steps: {a: {<read>, fallback: [{kind: value, value: '${output}'}]}}",
                                       "steps.a.fallback[0].value", "knows no `output`", "here it may use"),
    "what is stated of nothing": ("steps: {a: {<read>, states: {goals: undo.x}}}", "steps.a.states.goals",
                                  "knows no `undo`", "here it may use"),
    "goals of a step": ("steps: {a: {<read>}}\ngoals: ['See ${steps.a.output}']", "goals[0]", "knows no `steps`", "app, assume, run, world"),
    "constraints of nothing": ("steps: {a: {<read>}}\nconstraints: ['${run.input.x}']", "constraints[0]", "no input 'x'", "declare"),
    "a context of later steps": (f"steps: {{a: {{{LLM}, context: {{inputs: [steps.b.output]}}}}, b: {{<read>}}}}",
                                 "steps.a.context.inputs[0]", "need not come before", "add 'b'"),
    "a query that is open": (f"steps: {{a: {{{LLM}, context: {{query: '${{run'}}}}}}", "steps.a.context.query", "never closed", "correct"),
    "a key that is not declared as read": ("app: {x: 1, y: 1}\nsteps: {a: {<read>, when: app.x == app.y, reads: [x]}}",
                                           "steps.a.when", "`app.y`, which is not among its `reads`", "add y"),
    "a key read by its name in quotes": ("app: {x: 1, y: 1}\nsteps: {a: {<read>, when: 'app[\"y\"] == 1', reads: [x]}}",
                                         "steps.a.when", "`app.y`", "add y"),
    "all of S_A": ("app: {x: 1}\nsteps: {a: {<read>, when: 'app == app', reads: [x]}}", "steps.a.when", "as a whole", "name the keys"),
    "a reject after the pivot": (f"steps: {{{PIVOT}, z: {{<send>, needs: pay, validate: [{{{RULE}}}]}}}}",
                                 "steps.z.validate[0].on_fail", "it can reject after the pivot 'pay'", "`feedback`"),
    "a question after the pivot, on an edge": (
        f"steps: {{{PIVOT}, z: {{<read>, needs: look}}}}\nedges: [{{from: look, to: z, validate: [{{{RULE}, on_fail: ask}}]}}]",
        "edges[0].validate[0].on_fail", "it can ask after the pivot", "check before the pivot"),
    "a reject over the pivot": (f"steps: {{{PIVOT}}}\nvalidate: [{{{RULE}, steps: [other, send]}}]", "validate[0].on_fail",
                                "it can reject after the pivot 'pay'", "`feedback`"),
    "an addition to what is retried": (
        f"steps: {{{PIVOT}, z: {{<send>, needs: pay, validate: [{{{RULE}, on_fail: augment, add: {{x: 1}}}}]}}}}",
        "steps.z.validate[0].on_fail", "it can augment on a retriable step", "`feedback`"),
    "a boundary that breaks after the pivot": (
        f"steps: {{{PIVOT}, z: {{<send>, needs: pay, when: 'true'}}}}\nvalidate: [{{name: v, kind: together, steps: [pay, z]}}]",
        "validate[0].on_fail", "'z' could be skipped after the pivot 'pay'", "`feedback`"),
    "a contract of another type": (contract("{type: object}", "{type: array}"), "edges[0].validate[0].schema",
                                   "it is object, the contract wants array", "change the contract"),
    "a contract of another type further in": (
        contract("{type: object, required: [stay], properties: {stay: " + DAY + "}}",
                 "{properties: {stay: {type: object, properties: {day: {type: integer}}, required: [day]}}}"),
        "edges[0].validate[0].schema", "`output.stay.day` of 'a' can't fit: it is string", "`steps.a.output`"),
    "a contract of other words": (contract("{enum: [red, blue]}", "{const: green}"), "edges[0].validate[0].schema",
                                  "nothing in common", "change the contract"),
    "a contract that no word fits": (contract("{enum: [red, blue]}", "{type: string, maxLength: 2}"),
                                     "edges[0].validate[0].schema", "nothing in common", "change the contract"),
    "a contract that asks for what never comes": (contract(CLOSED, "{required: [night]}"), "edges[0].validate[0].schema",
                                                  "`output.night` is never given", "`required`"),
    "what an output never has": (f"steps: {{a: {{<read>, output: {CLOSED}}}, b: {{<read>, needs: a, when: steps.a.output.night}}}}",
                                 "steps.b.when", "uses `output.night`, which 'a' never gives", "its schema has day"),
    "what an output never has, in a template": (
        f"steps: {{a: {{<read>, output: {CLOSED}}}}}\noutput: {{x: 'At ${{steps.a.output.night}}'}}", "output.x", "never gives",
        "`steps.a.output`"),
}  # fmt: skip

DOUBTFUL = {
    "the output of whichever is last": (over("name: v, rule: output.x, steps: [a, c]"), "validate[0].rule",
                                        "whichever step is last", "`steps.a.output`"),
    "a contract that may be missed": (contract("{type: object}", DAY), "edges[0].validate[0].schema",
                                      "`output.day` may be missing", "`required`"),
    "another type of what may be missing": (contract("{type: object, properties: {n: {type: string}}}",
                                                     "{properties: {n: {type: integer}}}"),
                                            "edges[0].validate[0].schema", "`output.n` of 'a' can't fit", "change"),
    "another type in a list": (contract("{type: array, items: {type: string}}", "{items: {type: integer}}"),
                               "edges[0].validate[0].schema", "`output[]`", "change"),
    "what a model does not promise": (
        f"steps: {{a: {{{LLM}, output: {DAY}}}, b: {{<read>, needs: a, when: steps.a.output.night == 1}}}}",
        "steps.b.when", "which 'a' does not promise", "correct the name"),
    "a key nobody provides": ("app: {x: 1}\nsteps: {a: {<read>, when: app.y == 1}}", "steps.a.when",
                              "`app.y`, which nothing provides", "let a step write it (there: x)"),
    "one value like itself": (on("name: v, kind: formats, values: {a: output}, as: unit"), "steps.a.validate[0].values",
                              "like itself", "`known`"),
    "a limit of what is not counted": (on("name: v, kind: budget, amounts: {a: '1'}, limits: {b: '1'}"),
                                       "steps.a.validate[0].limits.b", "no amount counts", "`amounts`"),
    "reasoning that only a judge sees": (on(f"{RULE}, type: reasoning"), "steps.a.validate[0].type", "only a judge", "`kind: judge`"),
}  # fmt: skip

FINE = {
    "the output of the step that is last": over("name: v, rule: output.x, steps: [a, b]"),
    "the same name on two steps": f"steps: {{a: {{<read>, validate: [{{{RULE}}}]}}, b: {{<read>, validate: [{{{RULE}}}]}}}}",
    "a rule called schema without one": on("name: schema, rule: 'true'"),
    "an edge over far": f"steps: {{a: {{<read>}}, m: {{<read>, needs: a}}, b: {{<read>, needs: m}}}}\n"
                        f"edges: [{{from: a, to: b, validate: [{{{RULE}}}]}}]",
    "the saga's, about its steps and what comes before them": over("name: v, rule: 'steps.a.output == steps.c.output', steps: [b, c]"),
    "a retry of what is readonly": on(f"{RULE}, on_fail: retry"),
    "augment that says what": on(f"{RULE}, on_fail: augment, add: {{x: '${{output.y}}'}}"),
    "a judge that may add": on("name: v, kind: judge, rubric: Fair?, on_fail: augment, may_add: [x]"),
    "a function that adds": on("name: v, kind: python, with: {function: f}, on_fail: augment"),
    "another model with the same prompt": on("name: v, kind: judge, rubric: Say, model: m2", "kind: llm, with: {prompt: Say, model: m1}"),
    "a judge of recorded reasoning": on("name: v, kind: judge, rubric: Why?, type: reasoning", f"{LLM}, explain: true"),
    "feedback after the pivot": f"steps: {{{PIVOT}, z: {{<send>, needs: pay, validate: [{{{RULE}, on_fail: feedback}}]}}}}",
    "a retry of what only looks, after the pivot":
        f"steps: {{{PIVOT}, z: {{<read>, needs: pay, validate: [{{{RULE}, on_fail: retry}}]}}}}",
    "a boundary that holds after the pivot":
        f"steps: {{{PIVOT}}}\nvalidate: [{{name: v, kind: together, steps: [pay, send]}}]",
    "fallbacks": f"steps: {{a: {{{LLM}, fallback: [{{kind: llm, with: {{prompt: Short}}}}, {{kind: value, value: {{x: 1}}}}]}}}}",
    "a route's fallback": "steps: {a: {kind: route, with: {branches: [x, y], default: x}, "
                          "fallback: [{kind: value, value: {branch: y}}]}}",
    "a contract that is kept": contract(DAY, "{type: object, required: [day], properties: {day: {enum: [mon, tue]}}}"),
    "a whole number for a number": contract("{type: integer}", "{type: number}"),
    "a contract that can't be told": contract("{anyOf: [{type: string}]}", "{type: integer}"),
    "a contract of a part": contract("{type: object, properties: {stay: " + DAY + "}}", DAY, ", of: output.stay"),
    "what is only asked": f"steps: {{a: {{<read>, output: {CLOSED}}}, b: {{<read>, needs: a, when: has(steps.a.output.night)}}}}",
    "a method of what is there": f"steps: {{a: {{<read>, output: {CLOSED}}}, "
                                 "b: {<read>, needs: a, when: 'steps.a.output.day.size() > 0'}}",
    "more of an open output": f"steps: {{a: {{<read>, output: {DAY}}}, b: {{<read>, needs: a, when: steps.a.output.night == 1}}}}",
    "a key that an undo writes": "steps: {a: {kind: python, with: {function: f}, effect: compensatable, compensate: {kind: python, "
                                 "with: {function: u, args: {key: '${key}'}}, writes: {gone: 'true'}}}, b: {<read>, when: app.gone}}",
    "what is declared as read": "app: {x: 1}\nsteps: {a: {<read>, when: 'app.x == 1', reads: [x], writes: {y: app.x}}}",
    "goals of inputs": "input: {city: {type: string}}\nsteps: {a: {<read>}}\ngoals: ['See ${run.input.city}']",
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_can_t_be_published_says_where_what_and_what_to_do(what):
    text, path, problem, remedy = BAD[what]
    errors = [f for f in found(text) if f[0] == "error"]
    assert any(p == path and problem in said and remedy in do for _, p, said, do in errors), errors
    assert len(errors) <= 2, errors


@pytest.mark.parametrize("what", DOUBTFUL)
def test_what_is_doubtful_is_a_warning(what):
    text, path, problem, remedy = DOUBTFUL[what]
    (only,) = found(text)
    assert only[:2] == ("warning", path)
    assert problem in only[2]
    assert remedy in only[3]


@pytest.mark.parametrize("what", FINE)
def test_a_near_miss_is_published_without_a_word(what):
    assert found(FINE[what]) == []


def test_what_a_definition_may_hold_now_does_not_change_the_hash_of_one_that_holds_none_of_it():
    saga = saga_of("steps: {a: {<read>}}")
    assert saga.hash == "09595d2099ac3c222d66eedc43b742592f39385040a0c0f61ef3934770bde421"
    assert saga.document().keys() == {"saga", "steps"}
