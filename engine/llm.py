"""The real `Llm` adapter: every provider through LiteLLM, which only this module imports.

LiteLLM lives on one event loop of its own in one thread, for ever: its clients and queues bind to
the loop that made them, and its import and first call block for seconds that no other loop should lose.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.llm_port import LlmError, LlmReply, LlmRequest, Message
from engine.local_model import LOCAL_MODEL, NAME, LocalModel, grammar, missing
from engine.ports import Json
from engine.scripted import ScriptedLlm, read_answer

if TYPE_CHECKING:
    from collections.abc import Coroutine

_GRACE_S = 2.0
_MESSAGE_CHARS = 200
_FAILURES: dict[str, tuple[bool, set[object]]] = {  # code: retryable, LiteLLM's classes and HTTP statuses
    "context_window": (False, {"ContextWindowExceededError"}),
    "content_filter": (False, {"ContentPolicyViolationError"}),
    "timeout": (True, {"Timeout", 408}),
    "rate_limit": (True, {"RateLimitError", 429}),
    "auth": (False, {"AuthenticationError", "PermissionDeniedError", 401, 403}),
    "quota": (False, {"PaymentRequiredError", "BudgetExceededError", 402}),
    "not_found": (False, {"NotFoundError", 404}),
    "invalid_output": (True, {"APIResponseValidationError"}),
    "bad_request": (False, {"BadRequestError", "UnprocessableEntityError", 400, 413, 422}),
}
_BY_WORDS = {  # what LiteLLM reports under a class that says something else
    "insufficient_quota": "quota",
    "content_filter": "content_filter",
    "Missing credentials": "auth",
    "LLM Provider NOT provided": "not_found",
}
_NOT_STRICT = {"allOf", "oneOf", "not", "if", "patternProperties", "uniqueItems", "minLength", "maxLength"}
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)?: )*(?:\w+(?:Exception|Error) - )?")
_KEY_SHAPES = re.compile(r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|AIza|key)[-_][\w*.-]{6,}|bearer\s+\S+|AIza[\w-]{10,}")


@dataclass(frozen=True)
class ModelChoice:
    """One line of the settings page. `available` is None where only a call can tell."""

    name: str
    note: str
    available: bool | None
    is_default: bool


class LiteLlm:
    """The `Llm` port over LiteLLM, with `local` and `scripted` (or `scripted/NAME`) built in."""

    def __init__(
        self,
        *,
        default_model: str = "local",
        local: LocalModel = LOCAL_MODEL,
        scripted: ScriptedLlm | None = None,
    ) -> None:
        self.default_model = default_model
        self.scripted = scripted or ScriptedLlm()
        self._local = local

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Return the model's answer from exactly one call; `data` obeys `output_schema` where one is given.

        Cancelling cancels the call. The timeout starts when LiteLLM and the local model are loaded.

        Raises:
            LlmError: for anything that is not a usable answer; its message is one line without keys.
        """
        if request.model.split("/")[0] == "scripted":
            return await self.scripted.complete(request)
        return await asyncio.wrap_future(_HOME.submit(self._complete_at_home(request)))

    def models(self) -> list[ModelChoice]:
        """Return what a settings page can offer: the built-in models and the configured default."""
        lacking, default = missing(), self.default_model
        local = lacking or f"{NAME}, on this machine: no key, no network"
        choices = [
            ModelChoice("local", local, lacking is None, is_default=default == "local"),
            ModelChoice("scripted", "recorded answers, to test and rehearse", True, default == "scripted"),
        ]
        if default not in {"local", "scripted"}:
            note = "through LiteLLM, with the key in its environment variable"
            choices.append(ModelChoice(default, note, available=None, is_default=True))
        return choices

    def warm_up(self) -> threading.Thread:
        """Load LiteLLM and the local model in the background, so that the first step is not slow.

        Never raises: what is missing is reported by the first call. The thread is returned to be joined.
        """

        def load() -> None:
            request = LlmRequest(model="local", messages=(Message(role="user", content="Hi"),), max_tokens=1)
            with contextlib.suppress(Exception):
                _HOME.submit(self._complete_at_home(request)).result()

        thread = threading.Thread(target=load, name="llm-warm-up", daemon=True)
        thread.start()
        return thread

    async def _complete_at_home(self, request: LlmRequest) -> LlmReply:
        litellm = _HOME.litellm()
        if request.model != "local":
            return await _call(litellm, request, {"model": request.model})
        base_url = await asyncio.to_thread(lambda: self._local.base_url)
        target = {"model": f"openai/{NAME}", "api_base": base_url, "api_key": self._local.api_key}
        return await _call(litellm, request, target)


class _Home:
    """The thread and event loop where LiteLLM lives, made at first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._litellm: Any = None

    def submit(self, work: Coroutine[Any, Any, LlmReply | None]) -> Any:
        """Run the coroutine on the home loop; return its concurrent future."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="litellm", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def litellm(self) -> Any:
        """Return the module, imported and made quiet. Only the home loop calls it, so once is once."""
        if self._litellm is None:
            self._litellm = _import_litellm()
            atexit.register(self._close)  # after LiteLLM's own exit handlers, so it runs before them
        return self._litellm

    def _close(self) -> None:
        assert self._loop is not None
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_GRACE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self._litellm.close_litellm_async_clients()


_HOME = _Home()


def load_vocabularies() -> None:
    """Lead `tiktoken` to the vocabularies that LiteLLM carries; takes seconds, so not for an event loop."""

    async def load() -> None:
        _ = _HOME.litellm().encoding  # made at first use, which sets the folder

    _HOME.submit(load()).result()


def _import_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches its price list from GitHub
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it reads any .env file it finds on the way up
    if any(name.lower() in {"http_proxy", "all_proxy"} for name in os.environ):
        known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{known},127.0.0.1".lstrip(",")
    import litellm

    litellm.suppress_debug_info = True
    litellm.disable_aiohttp_transport = True  # httpx closes quietly; aiohttp complains of every open session
    litellm.disable_hf_tokenizer_download = True
    litellm.drop_params = False  # if True, it repeats a call that was answered 422 (R9: one call per attempt)
    if "LITELLM_LOG" not in os.environ:
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


async def _call(litellm: Any, request: LlmRequest, target: dict[str, str]) -> LlmReply:
    began = time.monotonic()
    try:
        async with asyncio.timeout(request.timeout_s):
            response = await _send(litellm, target | _arguments(request))
    except TimeoutError:
        late = f"{request.model}: no answer in {request.timeout_s:g} s"
        raise LlmError(late, retryable=True, code="timeout") from None
    except Exception as error:  # noqa: BLE001  # LiteLLM raises far more than its own classes
        code = _code_of(error)
        message = f"{request.model}: {_clean(str(error), target.get('api_key'))}"
        raise LlmError(message, retryable=code == "unavailable" or _FAILURES[code][0], code=code) from None
    usage, cost_usd = getattr(response, "usage", None), _cost(litellm, response, request.model)
    prompt, completion = (getattr(usage, f"{part}_tokens", None) or 0 for part in ("prompt", "completion"))
    try:
        text = _answer_text(response, request)
        data = None if request.output_schema is None else _data(text, response, request)
    except LlmError as useless:
        useless.tokens, useless.cost_usd = prompt + completion, cost_usd
        raise
    return LlmReply(
        text=text,
        data=data,
        model=response.model or request.model,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=cost_usd,
        latency_s=time.monotonic() - began,
    )


async def _send(litellm: Any, arguments: dict[str, Any]) -> Any:
    try:
        return await litellm.acompletion(**arguments)
    except litellm.UnsupportedParamsError:  # raised before anything was sent, as by reasoning models
        return await litellm.acompletion(**arguments, additional_drop_params=["temperature"])


def _arguments(request: LlmRequest) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "messages": [message.model_dump() for message in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "timeout": request.timeout_s,
        "num_retries": 0,
        "max_retries": 0,
    }
    schema = request.output_schema
    if schema is not None and request.model == "local":
        arguments["extra_body"] = {"grammar": grammar(schema)}
    elif schema is not None:
        answer = {"name": "answer", "schema": schema, "strict": _can_be_strict(schema)}
        arguments["response_format"] = {"type": "json_schema", "json_schema": answer}
    return arguments


def _can_be_strict(schema: Json) -> bool:
    """Whether providers' strict mode takes the schema: closed objects, all properties required, few keywords."""
    if isinstance(schema, list):
        return all(_can_be_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or names != set(schema.get("required", [])):
            return False
    return not schema.keys() & _NOT_STRICT and all(_can_be_strict(part) for part in schema.values())


def _answer_text(response: Any, request: LlmRequest) -> str:
    choice = response.choices[0] if response.choices else None
    if choice is not None and choice.finish_reason == "content_filter":
        withheld = f"{request.model}: the provider's filter withheld the answer"
        raise LlmError(withheld, retryable=False, code="content_filter")
    text = choice.message.content if choice is not None else None
    if not text:
        raise LlmError(f"{request.model}: the answer is empty", retryable=True, code="invalid_output")
    return str(text)


def _data(text: str, response: Any, request: LlmRequest) -> Json:
    assert request.output_schema is not None
    try:
        return read_answer(text, request.output_schema)
    except LlmError as error:
        cut = error.code == "invalid_output" and response.choices[0].finish_reason == "length"
        why = f"cut off at max_tokens={request.max_tokens}, so raise it: " if cut else ""
        raise LlmError(f"{request.model}: {why}{error}", retryable=error.retryable, code=error.code) from None


def _cost(litellm: Any, response: Any, model: str) -> float:
    if model == "local":
        return 0.0
    try:
        return float(litellm.completion_cost(completion_response=response, model=model))
    except Exception:  # noqa: BLE001  # a model without a price is no error
        return 0.0


def _code_of(error: Exception) -> str:
    """Return the failure's class; what nobody knows counts as `unavailable`, as a call harms nothing."""
    said = f"{error} {getattr(error, 'body', '')}"
    for words, code in _BY_WORDS.items():
        if words in said:
            return code
    signs = [kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("litellm")]
    for sign in [*signs, getattr(error, "status_code", None)]:
        for code, (_, known) in _FAILURES.items():
            if sign in known:
                return code
    return "unavailable"


def _clean(text: str, api_key: str | None) -> str:
    """Return the message as one short line in which no key is left."""
    secrets = [value for name, value in os.environ.items() if re.search(r"KEY|TOKEN|SECRET|PASSWORD", name)]
    for secret in [api_key or "", *secrets]:
        if len(secret) >= 8:  # shorter ones are words, not keys
            text = text.replace(secret, "***")
    text = _KEY_SHAPES.sub("***", _PREFIXES.sub("", " ".join(text.split())))
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"
