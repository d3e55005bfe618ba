"""What a new step, undo, probe or check looks like: valid at once wherever it can be."""

from __future__ import annotations

from collections.abc import Container
from copy import deepcopy
from typing import Any, Final


def _inner(value: str) -> dict[str, Any]:
    """Return a step for inside another one, which sees what is around it."""
    return {
        "kind": "python",
        "title": "Run a function",
        "with": {"function": "echo", "args": {"value": value}},
    }


_STEPS: Final[dict[str, dict[str, Any]]] = {
    "llm": {
        "kind": "llm",
        "title": "Ask a model",
        "with": {"prompt": "Write one friendly sentence about today's work.", "max_tokens": 120},
    },
    "http": {
        "kind": "http",
        "title": "Call a service",
        "with": {"method": "GET", "url": "${world}/inventory/stock"},
    },
    "python": {"kind": "python", "title": "Run a function", "with": {"function": "noop"}},
    "approval": {"kind": "approval", "title": "Ask a person", "with": {"question": "Shall the run go on?"}},
    "wait": {"kind": "wait", "title": "Wait", "with": {"duration_s": 2}},
    "activity": {"kind": "activity", "title": "Do something", "with": {"kind": "work", "minutes": 30}},
    "route": {
        "kind": "route",
        "title": "Choose a branch",
        "with": {"branches": ["go_on", "stop"], "default": "go_on"},
    },
    "map": {
        "kind": "map",
        "title": "For each item",
        "with": {"over": ["first", "second"]},
        "body": {"steps": {"do": _inner("${item}")}},
    },
    "loop": {
        "kind": "loop",
        "title": "Until it is good",
        "with": {"until": "round >= 2", "max_rounds": 5},
        "body": {"steps": {"do": _inner("${round}")}},
    },
    "saga": {
        "kind": "saga",
        "title": "A saga inside",
        "with": {"saga": "inside"},
        "definition": {"saga": "inside", "steps": {"do": _inner("inside")}},
    },
    "team": {
        "kind": "team",
        "title": "Let a team work",
        "with": {"tasks": [{"id": "first", "role": "worker"}]},
        "workers": {"worker": {"steps": {"do": _inner("${task.id}")}}},
    },
    "agent": {
        "kind": "agent",
        "title": "Let a model use tools",
        "with": {"prompt": "Find out what is asked, then answer.", "max_calls": 4},
        "tools": {
            "look_up": {
                "description": "Looks something up.",
                "input": {"type": "object", "properties": {"what": {"type": "string"}}},
                "step": _inner("${args.what}"),
            }
        },
    },
}
_IDS: Final = {
    "llm": "ask_model",
    "http": "call_service",
    "python": "run_function",
    "approval": "ask_person",
    "wait": "pause",
    "activity": "activity",
    "route": "choose",
    "map": "for_each",
    "loop": "until_good",
    "saga": "sub_saga",
    "team": "team",
    "agent": "agent",
}


def default_step(kind: str, step: str = "") -> dict[str, Any]:
    """Return a new step of a kind; its title carries the number of its id, so that cards differ."""
    body = deepcopy(_STEPS[kind])
    number = step.removeprefix(_IDS[kind]).strip("_") if step else ""
    return {**body, "title": f"{body['title']} {number}"} if number else body


def new_id(kind: str, taken: Container[str]) -> str:
    """Return a free id for a new step: `call_service`, `call_service_2`..."""
    return free_name(_IDS[kind], taken, "_")


def free_name(wish: str, taken: Container[str], joint: str) -> str:
    """Return `wish`, or `wish` with the first number that makes it free."""
    number, name = 2, wish
    while name in taken:
        number, name = number + 1, f"{wish}{joint}{number}"
    return name


def default_undo(step: dict[str, Any]) -> dict[str, Any]:
    """Return `compensate` and, for HTTP, `probe`: both by the key, so they work without an answer."""
    if step.get("kind") != "http":
        return {"compensate": {"kind": "python", "with": {"function": "noop"}}}
    call = {"url": _address(step), "params": {"key": "${key}"}}
    return {
        "compensate": {"kind": "http", "with": {"method": "DELETE", **call}},
        "probe": {"with": dict(call)},
    }


def default_probe(step: dict[str, Any]) -> dict[str, Any]:
    """Return a look whether an attempt landed, by its key."""
    return {"with": {"url": _address(step), "params": {"key": "${key}"}}}


def _address(step: dict[str, Any]) -> str:
    call = step.get("with")
    url = call.get("url") if isinstance(call, dict) else None
    return str(url or "${world}/inventory/reservations").split("?", maxsplit=1)[0]


def default_gate() -> dict[str, Any]:
    """Return a question asked before a step runs."""
    return {"question": "May this step run?"}


def default_invariant(taken: Container[str]) -> dict[str, Any]:
    """Return an invariant that always holds, to be made stricter."""
    return {"name": free_name("holds", taken, "_"), "rule": "true"}
