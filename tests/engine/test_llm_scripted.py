"""The scripted model: rules play in order, and what nobody scripted still obeys the schema."""

import asyncio

import pytest

from engine.llm_port import LlmError, LlmRequest, Message
from engine.scripted import ScriptedLlm, minimal_instance, read_answer
from engine.scripts import Rule, shipped_scripts


def ask(prompt="Book a hotel in Rome", model="scripted", **more):
    return LlmRequest(model=model, messages=(Message(role="user", content=prompt),), **more)


def run(llm, request):
    return asyncio.run(llm.complete(request))


def failure(llm, request):
    with pytest.raises(LlmError) as caught:
        run(llm, request)
    return caught.value


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
    "required": ["city"],
}


class TestRules:
    def test_the_first_rule_that_fits_answers(self):
        llm = ScriptedLlm([{"when": "train", "reply": "a"}, {"when": "HOTEL", "reply": "b"}, {"reply": "c"}])
        assert [run(llm, ask(p)).text for p in ("a hotel", "a train", "a boat")] == ["b", "a", "c"]

    def test_a_rule_is_a_regex_between_slashes(self):
        llm = ScriptedLlm([{"when": "/hotel in (rome|oslo)$/", "reply": "yes"}, {"reply": "no"}])
        assert run(llm, ask()).text == "yes"
        assert run(llm, ask("hotel in Paris")).text == "no"

    def test_a_rule_can_name_the_model(self):
        llm = ScriptedLlm([{"model": "scripted/judge", "reply": "guilty"}, {"reply": "free"}])
        assert run(llm, ask(model="scripted/judge")).text == "guilty"
        assert run(llm, ask()).text == "free"

    def test_a_rule_is_used_up_after_its_times(self):
        llm = ScriptedLlm([{"error": "down", "times": 2}, {"reply": "up"}])
        assert [failure(llm, ask()).code for _ in range(2)] == ["unavailable"] * 2
        assert run(llm, ask()).text == "up"

    def test_an_error_says_whether_it_can_be_retried(self):
        llm = ScriptedLlm([{"error": {"message": "no key", "code": "auth", "retryable": False}}])
        error = failure(llm, ask())
        assert (str(error), error.code, error.retryable) == ("no key", "auth", False)

    def test_data_is_sent_as_json_and_checked(self):
        llm = ScriptedLlm([{"reply": {"city": "Rome"}, "times": 1}, {"reply": {"city": "Mars"}}])
        reply = run(llm, ask(output_schema=CITY))
        assert (reply.text, reply.data) == ('{"city": "Rome"}', {"city": "Rome"})
        error = failure(llm, ask(output_schema=CITY))
        assert (error.code, error.retryable) == ("invalid_output", True)
        assert "$.city" in str(error)

    def test_a_delay_longer_than_the_timeout_is_a_timeout(self):
        error = failure(ScriptedLlm([{"delay_s": 5, "reply": "late"}]), ask(timeout_s=0.01))
        assert (error.code, error.retryable) == ("timeout", True)

    def test_a_delay_is_waited_for_and_can_be_cancelled(self):
        llm = ScriptedLlm([Rule(delay_s=0.02, reply="soon", times=1), Rule(delay_s=60, reply="late")])
        assert run(llm, ask()).latency_s >= 0.02

        async def impatient():
            await asyncio.wait_for(llm.complete(ask()), 0.01)

        with pytest.raises(TimeoutError):
            asyncio.run(impatient())

    def test_calls_are_kept_and_words_are_counted(self):
        llm = ScriptedLlm([{"reply": "two words"}])
        reply = run(llm, ask("one two three"))
        assert (reply.prompt_tokens, reply.completion_tokens, reply.cost_usd) == (3, 2, 0.0)
        assert llm.calls == [ask("one two three")]

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            ({"wenn": "x"}, "wenn"),
            ({"reply": "x", "error": "y"}, "not both"),
            ({"when": "/(/", "reply": "x"}, "rule 2"),
            ({"times": 0}, "times"),
        ],
    )
    def test_a_rule_that_makes_no_sense_is_named(self, raw, said):
        with pytest.raises(ValueError, match="rule 2") as caught:
            ScriptedLlm([{"reply": "fine"}, raw])
        assert said in str(caught.value)


class TestWithoutARule:
    def test_the_answer_names_the_prompts_first_line(self):
        assert run(ScriptedLlm(), ask("\nPlan a trip.\nTo Rome.")).text == "Scripted answer to: Plan a trip."

    def test_an_empty_prompt_is_answered_too(self):
        assert run(ScriptedLlm(), ask("")).text == "Scripted answer to: an empty prompt"

    def test_a_schema_gets_its_smallest_instance(self):
        assert run(ScriptedLlm(), ask(output_schema=CITY)).data == {"city": "Rome"}

    def test_a_schema_that_needs_imagination_asks_for_a_rule(self):
        error = failure(ScriptedLlm(), ask(output_schema={"type": "string", "pattern": "^[0-9]{3}$"}))
        assert (error.code, error.retryable) == ("no_script", False)
        assert "give it a rule" in str(error)

    @pytest.mark.parametrize("schema", [{"type": "strin"}, {"$ref": "#"}, {"$ref": "https://example.org/x"}])
    def test_a_broken_schema_is_a_bad_request_or_asks_for_a_rule(self, schema):
        error = failure(ScriptedLlm(), ask(output_schema=schema))
        assert (error.code in {"bad_request", "no_script"}, error.retryable) == (True, False)


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"const": 7}, 7),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["integer", "null"]}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "minimum": 2.5}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "minimum": 4, "multipleOf": 5}, 5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "minimum": 0.25, "maximum": 1}, 0.25),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "string", "minLength": 6}, "text.."),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^A", "examples": ["Ab"]}, "Ab"),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"oneOf": [{"const": "x"}, {"const": "y"}]}, "x"),
        ({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": "a"}),
        (
            {
                "$defs": {"n": {"type": "integer"}},
                "type": "array",
                "items": {"$ref": "#/$defs/n"},
                "minItems": 1,
            },
            [0],
        ),
    ],
)
def test_the_minimal_instance_is_small_and_valid(schema, instance):
    assert minimal_instance(schema) == instance
    assert run(ScriptedLlm(), ask(output_schema=schema)).data == instance


class TestReadAnswer:
    @pytest.mark.parametrize(
        "text", ['{"city":"Rome"}', '```json\n{"city":"Rome"}\n```', ' ```\n{"city":"Rome"}```\n']
    )
    def test_code_fences_are_no_part_of_the_answer(self, text):
        assert read_answer(text, CITY) == {"city": "Rome"}

    @pytest.mark.parametrize("text", ["", "Sure! Rome.", '{"city":', "NaN", "[1] [2]"])
    def test_what_is_not_json_is_invalid_output(self, text):
        with pytest.raises(LlmError, match="not JSON") as caught:
            read_answer(text, {})
        assert (caught.value.code, caught.value.retryable) == ("invalid_output", True)

    def test_a_remote_reference_is_never_fetched(self):
        with pytest.raises(LlmError) as caught:
            read_answer("1", {"$ref": "https://example.org/schema.json"})
        assert (caught.value.code, caught.value.retryable) == ("bad_request", False)


class TestShippedScripts:
    def test_a_script_that_ships_answers_by_its_name(self):
        reply = run(ScriptedLlm(), ask("It likes tea", model="scripted/check-context"))
        assert reply.text == shipped_scripts()["check-context"][0].reply

    def test_own_rules_come_first(self):
        llm = ScriptedLlm([{"when": "tea", "reply": "mine"}])
        assert run(llm, ask("It likes tea", model="scripted/check-context")).text == "mine"

    @pytest.mark.parametrize("model", ["scripted/nobody", "scripted/../gallery"])
    def test_a_name_that_no_script_has_is_told_with_those_there_are(self, model):
        error = failure(ScriptedLlm(), ask(model=model))
        assert (error.code, error.retryable) == ("no_script", False)
        assert "check-semantic" in str(error)

    def test_other_models_are_none_of_its_business(self):
        assert run(ScriptedLlm(), ask("Hello", model="openai/scripted")).text == "Scripted answer to: Hello"
