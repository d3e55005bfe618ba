"""LiteLLM behind the `Llm` port, against a stub that speaks OpenAI's protocol on loopback."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.llm import LiteLlm, ModelChoice, _arguments, _can_be_strict, _clean
from engine.llm_port import LlmError, LlmRequest, Message
from engine.scripted import ScriptedLlm

KEY = "sk-proj-abcdefghijklmnop"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def completion(content, finish="stop", model="stub-1"):
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [choice],
        "usage": USAGE,
    }


def problem(message="it went wrong", kind="t"):
    return {"error": {"message": message, "type": kind, "code": kind}}


class Stub(ThreadingHTTPServer):
    """Answers what `plays` says, and keeps what it was sent."""

    daemon_threads = True
    plays = (200, completion("hello"))
    hang = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.bodies = []
        self.called, self.let_go = threading.Event(), threading.Event()

    def handle_error(self, request, client_address):
        """A caller that hung up is what some tests are about."""


class Answering(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.server.called.set()
        if self.server.hang:
            self.server.let_go.wait(10)
        status, body = self.server.plays
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def stub(monkeypatch):
    server = Stub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("OPENAI_API_BASE", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield server
    server.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(model="openai/stub", **more):
    return LlmRequest(model=model, messages=(Message(role="user", content="Where to?"),), **more)


def run(request, llm=None):
    return asyncio.run((llm or LiteLlm()).complete(request))


def failure(request):
    with pytest.raises(LlmError) as caught:
        run(request)
    return caught.value


class TestAnAnswer:
    def test_text_tokens_model_and_latency_are_reported(self, stub):
        reply = run(ask())
        assert (reply.text, reply.data, reply.model) == ("hello", None, "stub-1")
        assert (reply.prompt_tokens, reply.completion_tokens, reply.cost_usd) == (3, 2, 0.0)
        assert 0 < reply.latency_s < 30

    def test_a_model_with_a_price_costs_something(self, stub):
        stub.plays = (200, completion("hello", model="gpt-4o"))
        assert run(ask("openai/gpt-4o")).cost_usd == pytest.approx(3 * 2.5e-6 + 2 * 1e-5)

    @pytest.mark.parametrize("said", ["I would rather not say", None])
    def test_an_answer_of_no_use_costs_the_same(self, stub, said):
        stub.plays = (200, completion(said, model="gpt-4o"))
        error = failure(ask("openai/gpt-4o", output_schema={"type": "object", "required": ["x"]}))
        assert error.code == "invalid_output"
        assert (error.tokens, error.cost_usd) == (5, pytest.approx(3 * 2.5e-6 + 2 * 1e-5))

    def test_what_is_asked_is_what_is_sent(self, stub):
        run(ask(temperature=0.5, max_tokens=7))
        assert stub.bodies == [
            {
                "model": "stub",
                "messages": [{"role": "user", "content": "Where to?"}],
                "temperature": 0.5,
                "max_tokens": 7,
            }
        ]

    def test_a_reasoning_model_is_called_once_without_temperature(self, stub):
        run(ask("openai/o3"))
        (body,) = stub.bodies
        assert "temperature" not in body

    def test_many_event_loops_one_after_the_other_and_at_once(self, stub):
        assert [run(ask()).text for _ in range(3)] == ["hello"] * 3
        texts = []
        threads = [threading.Thread(target=lambda: texts.append(run(ask()).text)) for _ in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert texts == ["hello"] * 3

    def test_litellm_logs_nothing_and_has_no_callbacks(self, stub, caplog, capfd):
        with caplog.at_level(logging.INFO, "root"):
            run(ask())
            failure(ask("nosuch/model"))
        import litellm

        assert [record for record in caplog.records if "LiteLLM" in record.name] == []
        assert capfd.readouterr() == ("", "")
        assert litellm.callbacks == litellm.success_callback == litellm.failure_callback == []


class TestASchema:
    @pytest.mark.parametrize("text", ['{"city": "Rome"}', '```json\n{"city": "Rome"}\n```'])
    def test_the_answer_is_parsed_and_checked(self, stub, text):
        stub.plays = (200, completion(text))
        assert run(ask(output_schema=SCHEMA)).data == {"city": "Rome"}
        assert stub.bodies[0]["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        }

    @pytest.mark.parametrize(
        ("text", "said"), [('{"city": "Mars"}', "$.city"), ("Rome, of course", "not JSON")]
    )
    def test_an_answer_that_breaks_it_is_invalid_output_and_can_be_retried(self, stub, text, said):
        stub.plays = (200, completion(text))
        error = failure(ask(output_schema=SCHEMA))
        assert (error.code, error.retryable) == ("invalid_output", True)
        assert said in str(error)

    def test_a_cut_off_answer_says_what_to_raise(self, stub):
        stub.plays = (200, completion('{"city": "Ro', finish="length"))
        assert "max_tokens=9, so raise it" in str(failure(ask(output_schema=SCHEMA, max_tokens=9)))

    @pytest.mark.parametrize(
        ("schema", "strict"),
        [
            (SCHEMA, True),
            ({**SCHEMA, "additionalProperties": True}, False),
            ({**SCHEMA, "required": []}, False),
            ({"type": "array", "items": {"type": "string", "maxLength": 3}}, False),
            ({"anyOf": [SCHEMA, {"type": "null"}]}, True),
        ],
    )
    def test_strict_is_asked_only_where_it_is_supported(self, schema, strict):
        assert _can_be_strict(schema) is strict

    def test_the_local_model_gets_a_grammar_instead(self):
        sent = _arguments(ask("local", output_schema=SCHEMA))
        assert "response_format" not in sent
        assert sent["extra_body"]["grammar"].startswith("%llguidance")


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "body", "code", "retryable"),
        [
            (400, problem(), "bad_request", False),
            (
                400,
                problem("This model's maximum context length is 5 tokens", "context_length_exceeded"),
                "context_window",
                False,
            ),
            (400, problem("The response was filtered", "content_filter"), "content_filter", False),
            (401, problem(), "auth", False),
            (402, problem(), "quota", False),
            (403, problem(), "auth", False),
            (404, problem(), "not_found", False),
            (408, problem(), "timeout", True),
            (422, problem(), "bad_request", False),
            (429, problem(), "rate_limit", True),
            (429, problem("no money", "insufficient_quota"), "quota", False),
            (500, problem(), "unavailable", True),
            (503, problem(), "unavailable", True),
            (529, problem(), "unavailable", True),
            (200, "<html>garbage", "unavailable", True),
            (200, {"id": "1", "choices": []}, "invalid_output", True),
            (200, completion(None), "invalid_output", True),
            (200, completion(None, finish="content_filter"), "content_filter", False),
        ],
    )
    def test_it_has_a_code_and_was_called_once(self, stub, status, body, code, retryable):
        stub.plays = (status, body)
        error = failure(ask())
        assert (error.code, error.retryable) == (code, retryable)
        assert len(stub.bodies) == 1, "only the engine retries (R9)"

    def test_its_message_is_one_short_line_without_keys(self, stub):
        stub.plays = (
            401,
            problem(f"Incorrect API key provided:\n{KEY}. " + "See https://example.org. " * 30),
        )
        said = str(failure(ask()))
        assert said.startswith("openai/stub: Incorrect API key provided: ***")
        assert len(said.splitlines()) == 1
        assert len(said) < 230
        assert "abcdef" not in said

    @pytest.mark.parametrize(
        "text", ["sk-ant-abc123def456", "Bearer abcdefgh", "sk-proj-*****wxyz", "AIzaSyA1234567890abc"]
    )
    def test_the_shapes_of_keys_are_cut_out(self, text):
        assert _clean(f"bad {text} given", None) == "bad *** given"

    def test_a_slow_answer_is_a_timeout(self, stub):
        stub.hang = True
        began = time.monotonic()
        assert failure(ask(timeout_s=0.3)).code == "timeout"
        assert time.monotonic() - began < 5

    def test_nobody_listening_is_unavailable(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert failure(ask()).code == "unavailable"

    def test_no_key_is_auth(self, monkeypatch):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        error = failure(ask())
        assert (error.code, error.retryable) == ("auth", False)

    @pytest.mark.parametrize("model", ["nosuch/model", "nosuch", ""])
    def test_an_unknown_model_is_not_found(self, model):
        error = failure(ask(model))
        assert (error.code, error.retryable) == ("not_found", False)

    def test_cancelling_passes_through(self, stub):
        stub.hang = True

        async def cancel_it():
            call = asyncio.create_task(LiteLlm().complete(ask()))
            await asyncio.to_thread(stub.called.wait, 10)
            call.cancel()
            await call

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(cancel_it())


class TestTheBuiltInModels:
    def test_scripted_names_go_to_the_script(self):
        llm = LiteLlm(scripted=ScriptedLlm([{"model": "scripted/judge", "reply": "guilty"}]))
        assert run(ask("scripted/judge"), llm).text == "guilty"
        assert run(ask("scripted"), llm).text == "Scripted answer to: Where to?"

    def test_the_settings_page_lists_them_and_the_default(self):
        names = {choice.name: choice for choice in LiteLlm(default_model="anthropic/x").models()}
        assert list(names) == ["local", "scripted", "anthropic/x"]
        assert (names["anthropic/x"].is_default, names["anthropic/x"].available) == (True, None)
        assert names["local"].available is True
        assert LiteLlm(default_model="scripted").models()[1] == ModelChoice(
            "scripted", "recorded answers, to test and rehearse", available=True, is_default=True
        )


def test_importing_the_module_does_not_import_litellm():
    code = "import sys, engine.llm; print('litellm' in sys.modules, 'xllamacpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
