"""Scripts: recorded answers as rules, those of a test as well as those that ship beside the templates by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from engine.llm_port import LlmError, LlmRequest
from engine.ports import Json

_FOLDER = files("engine.templates") / "scripts"
_USUAL = "templates"
"""The script that answers where a call names none: sensible answers to the prompts of the templates that ship."""


class ScriptedError(BaseModel, frozen=True, extra="forbid"):
    """A failure to play back, as the port reports it."""

    message: str = "the script says that this call fails"
    code: str = "unavailable"
    retryable: bool = True


class Rule(BaseModel, frozen=True, extra="forbid"):
    """One recorded answer. Without `when` and `model` it answers every call."""

    when: str | None = Field(default=None, description="part of the prompt, or a regex between slashes")
    model: str | None = Field(
        default=None, description="part of the model's name, or a regex between slashes"
    )
    reply: Json = Field(default=None, description="text, or data that is sent as JSON")
    error: ScriptedError | None = Field(default=None, description="a failure instead of a reply")
    delay_s: float = Field(default=0.0, ge=0, description="how long the answer takes")
    times: int | None = Field(default=None, ge=1, description="for how many calls; None is for ever")

    @model_validator(mode="before")
    @classmethod
    def _error_by_message(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("error"), str):
            return raw | {"error": {"message": raw["error"]}}
        return raw

    @model_validator(mode="after")
    def _is_whole(self) -> Rule:
        if self.error is not None and self.reply is not None:
            raise ValueError("a rule has a reply or an error, not both")
        for pattern in (self.when, self.model):
            try:
                _matches(pattern, "")  # a bad regex is found here, not in the middle of a run
            except re.error as error:
                raise ValueError(f"{pattern} is not a regex: {error}") from None
        return self

    def fits(self, request: LlmRequest) -> bool:
        """Whether this rule answers that call."""
        return _matches(self.when, prompt_of(request)) and _matches(self.model, request.model)


def prompt_of(request: LlmRequest) -> str:
    """Return all messages of the request as one text."""
    return "\n".join(message.content for message in request.messages)


def read_rules(raw: Iterable[Rule | Mapping[str, Any]]) -> list[Rule]:
    """Return rules given as objects or in their YAML shape.

    Raises:
        ValueError: naming the rule that can't be read and why.
    """
    return [_rule(number, rule) for number, rule in enumerate(raw, 1)]


@cache
def shipped_scripts() -> dict[str, tuple[Rule, ...]]:
    """Return the scripts that ship, by name; they keep no count of calls, so that every run gets the same answers."""
    found = {}
    for entry in sorted(_FOLDER.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            rules = read_rules(yaml.safe_load(entry.read_text(encoding="utf-8")))
            assert all(rule.times is None for rule in rules), f"{entry.name} counts calls"
            found[entry.name.removesuffix(".yaml")] = tuple(rules)
    return found


def shipped_rule(request: LlmRequest) -> Rule | None:
    """Return the rule of a shipped script that answers a call of `scripted` or `scripted/NAME`; None if none fits.

    Raises:
        LlmError: `no_script` if no script of that name ships.
    """
    kind, _, name = request.model.partition("/")
    if kind != "scripted":
        return None
    known, name = shipped_scripts(), name or _USUAL
    if name not in known:
        message = f"there is no script '{name}'; there are {', '.join(known)}; plain `scripted` needs none"
        raise LlmError(message, retryable=False, code="no_script")
    return next((rule for rule in known[name] if rule.fits(request)), None)


def _rule(number: int, raw: Rule | Mapping[str, Any]) -> Rule:
    if isinstance(raw, Rule):
        return raw
    try:
        return Rule.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the rule"
        raise ValueError(f"rule {number} of the script: {where}: {first['msg']}") from None


def _matches(pattern: str | None, text: str) -> bool:
    if pattern and len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        return re.search(pattern[1:-1], text, re.IGNORECASE) is not None
    return pattern is None or pattern.casefold() in text.casefold()
