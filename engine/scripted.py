"""A model that answers from a script, and what every model's text must be to count as an answer.

No network and no clock but the delays that a script asks for: for tests, rehearsals and demos.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from engine.llm_port import LlmError, LlmReply, LlmRequest
from engine.ports import Json
from engine.scripts import Rule, prompt_of, read_rules, shipped_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEEPEST = 40
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "a@example.org",  # formats are hints to JSON Schema; these are the common ones
}


class ScriptedLlm:
    """The `Llm` port played from rules: the first that fits and isn't used up answers.

    A model named `scripted/NAME` is then answered by the script of that name that ships. Where no rule
    fits, a call with a schema gets the smallest value that obeys it, and one without gets a sentence that
    names the prompt's first line. The same calls always get the same answers.
    """

    def __init__(self, rules: Iterable[Rule | Mapping[str, Any]] = ()) -> None:
        """Take the rules as objects or in their YAML shape.

        Raises:
            ValueError: naming the rule that can't be read and why.
        """
        self.rules = read_rules(rules)
        self.calls: list[LlmRequest] = []
        self._used = [0] * len(self.rules)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Return the scripted answer.

        Raises:
            LlmError: what the rule says; `timeout` if its delay is longer than the request allows;
                `invalid_output` if its reply breaks the request's schema; `no_script` where no script has
                that name.
        """
        self.calls.append(request)
        began = time.monotonic()
        rule = self._take(request)
        if rule is not None:
            await asyncio.sleep(min(rule.delay_s, request.timeout_s))
            if rule.delay_s > request.timeout_s:
                late = f"the scripted model took longer than {request.timeout_s:g} s"
                raise LlmError(late, retryable=True, code="timeout")
            if rule.error is not None:
                raise LlmError(rule.error.message, retryable=rule.error.retryable, code=rule.error.code)
        reply = _unscripted(request) if rule is None else rule.reply
        text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
        return LlmReply(
            text=text,
            data=None if request.output_schema is None else read_answer(text, request.output_schema),
            model=request.model,
            prompt_tokens=len(prompt_of(request).split()),
            completion_tokens=len(text.split()),
            latency_s=time.monotonic() - began,
        )

    def _take(self, request: LlmRequest) -> Rule | None:
        for number, rule in enumerate(self.rules):
            if (rule.times is None or self._used[number] < rule.times) and rule.fits(request):
                self._used[number] += 1
                return rule
        return shipped_rule(request)


def read_answer(text: str, schema: dict[str, Json]) -> Json:
    """Return the JSON value in a model's text, after checking that it obeys the schema.

    Raises:
        LlmError: `invalid_output` if it doesn't; `bad_request` if the schema itself is broken.
    """
    validator = _validator(schema)
    try:
        data = json.loads(_unfenced(text), parse_constant=_no_constant)
    except ValueError as error:
        message = f"the answer is not JSON ({error}): {_short(text)}"
        raise LlmError(message, retryable=True, code="invalid_output") from None
    try:
        finding = jsonschema.exceptions.best_match(validator.iter_errors(data))
    except (Unresolvable, re.error) as error:
        raise _broken(error) from None
    if finding is not None:
        message = f"the answer breaks the output schema at {finding.json_path}: {_short(finding.message)}"
        raise LlmError(message, retryable=True, code="invalid_output")
    return data


def _validator(schema: dict[str, Json]) -> Any:
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise _broken(error.message) from None
    registry: Registry[Any] = Registry()  # an empty one: a remote $ref is never fetched
    return kind(schema, registry=registry)


def _broken(why: object) -> LlmError:
    return LlmError(f"the output schema is broken: {_short(str(why))}", retryable=False, code="bad_request")


def minimal_instance(schema: Json, root: Json = None, name: str = "text", depth: int = 0) -> Json:
    """Return a small value that obeys the schema: first choices, least numbers, required parts only.

    Booleans are true, so that a check step passes. `root` resolves local references, `name` fills strings.

    Raises:
        LlmError: `bad_request` if the schema refers to itself without end.
    """
    if depth > _DEEPEST:
        raise _broken("it refers to itself without end")
    if not isinstance(schema, dict):
        return name
    root = schema if root is None else root
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if choice := next((key for key in ("anyOf", "oneOf", "allOf") if key in schema), None):
        rest = {key: value for key, value in schema.items() if key != choice}
        return minimal_instance(rest | schema[choice][0], root, name, depth + 1)
    if "$ref" in schema:
        return minimal_instance(_resolved(schema["$ref"], root), root, name, depth + 1)
    return _least(schema, root, name, depth)


def _resolved(reference: str, root: Json) -> dict[str, Json]:
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _least(schema: dict[str, Json], root: Json, name: str, depth: int) -> Json:
    match _type(schema):
        case "object":
            parts = schema.get("properties", {})
            names = dict.fromkeys(schema.get("required", []))
            return {key: minimal_instance(parts.get(key, {}), root, key, depth + 1) for key in names}
        case "array":
            count = range(schema.get("minItems", 0))
            return [minimal_instance(schema.get("items", {}), root, name, depth + 1) for _ in count]
        case "number" | "integer" as kind:
            return _least_number(schema, whole=kind == "integer")
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _least_string(schema, name)


def _type(schema: dict[str, Json]) -> str:
    kind = schema.get("type")
    if kind:
        return str(kind[0] if isinstance(kind, list) else kind)
    if schema.keys() & {"properties", "required"}:
        return "object"
    return "array" if "items" in schema else "string"


def _least_number(schema: dict[str, Json], *, whole: bool) -> float:
    strict = "exclusiveMinimum" in schema
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = 0 if high is None or high > 0 else high - ("maximum" not in schema)
    if step := schema.get("multipleOf", 1 if whole else None):
        value: float = (math.floor(low / step) + 1 if strict else math.ceil(low / step)) * step
        return int(value) if whole else value
    return float(low + (low + 2 if high is None else high)) / 2 if strict else float(low)


def _least_string(schema: dict[str, Json], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if "pattern" in schema:
        return str(next(iter([*schema.get("examples", []), schema.get("default", name)])))
    least = schema.get("minLength", 0)
    text = name if len(name) >= least else name.ljust(least, ".")
    return text[: schema.get("maxLength")]


def _unscripted(request: LlmRequest) -> str:
    if request.output_schema is not None:
        return _invented(request.output_schema)
    lines = prompt_of(request).strip().splitlines()
    return f"Scripted answer to: {_short(lines[0]) if lines else 'an empty prompt'}"


def _invented(schema: dict[str, Json]) -> str:
    _validator(schema)
    text = json.dumps(minimal_instance(schema), ensure_ascii=False)
    try:
        read_answer(text, schema)
    except LlmError as error:
        message = f"the scripted model can't invent an answer for this schema, give it a rule: {error}"
        raise LlmError(message, retryable=False, code="no_script") from None
    return text


def _unfenced(text: str) -> str:
    fenced = re.fullmatch(r"\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*", text, re.DOTALL)
    return fenced[1] if fenced else text


def _short(text: str, limit: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
