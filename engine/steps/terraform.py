"""Reading what `terraform show -json` says of a plan: which resources change, how, and to what. It judges nothing."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from engine.steps.python import FUNCTIONS, Rejected

Json = Any
SAMPLES = files("engine.templates") / "samples"
SENSITIVE = "(sensitive)"
UNKNOWN = "(known after apply)"
_ACTIONS = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}
"""What Terraform's lists of actions come to; `no-op` and `read` change nothing."""


@FUNCTIONS.register("terraform_plan")
def terraform_plan(plan: Json = None, sample: str = "") -> Json:
    """Return the changes of a plan: each with address, type, action and values, before and after.

    Values that Terraform marks as sensitive, or knows only after the apply, are replaced by words.

    Args:
        plan: the document that `terraform show -json PLANFILE` prints, parsed or as text.
        sample: the name of a plan that ships, taken where `plan` is empty.

    Raises:
        Rejected: if it is no plan, of a format that is not known here, or of a plan that failed.
    """
    document = _document(plan or _sample(sample))
    changes = [change for entry in document.get("resource_changes") or [] if (change := _change(entry))]
    counts = dict.fromkeys(("create", "update", "replace", "delete", "forget"), 0)
    for change in changes:
        counts[change["action"]] += 1
    said = ", ".join(f"{count} to {action}" for action, count in counts.items() if count)
    return {
        "terraform_version": document.get("terraform_version", ""),
        "changes": changes,
        "counts": counts,
        "summary": said or "no changes",
    }


def _sample(name: str) -> str:
    found = SAMPLES / f"{name}.tfplan.json"
    if not name or "/" in name or not found.is_file():
        known = sorted(entry.name.split(".")[0] for entry in SAMPLES.iterdir())
        raise Rejected(f"there is no plan '{name}'; give the JSON of a plan, or one of {', '.join(known)}")
    return found.read_text(encoding="utf-8")


def _document(plan: Json) -> dict[str, Json]:
    try:
        document = json.loads(plan) if isinstance(plan, str) else plan
    except ValueError as error:
        raise Rejected(f"the plan is not JSON: {error}; give what `terraform show -json` prints") from None
    if not isinstance(document, dict) or "format_version" not in document:
        raise Rejected("this is no plan: it has no `format_version`; give what `terraform show -json` prints")
    if "planned_values" not in document and "resource_changes" not in document:
        raise Rejected("this is a state, not a plan: give what `terraform show -json PLANFILE` prints")
    version = str(document["format_version"])
    if version.split(".", maxsplit=1)[0] not in {"0", "1"}:
        raise Rejected(f"the plan has the format {version}; 0.x and 1.x are known")
    if document.get("errored"):
        raise Rejected("planning failed, so this plan is not whole; correct the configuration and plan again")
    return document


def _change(entry: dict[str, Json]) -> dict[str, Json] | None:
    """Return one change in short, or None where nothing changes."""
    change = entry["change"]
    action = _ACTIONS.get(tuple(change["actions"]))
    if action is None:
        if set(change["actions"]) <= {"no-op", "read"}:
            return None
        raise Rejected(f"{entry['address']}: the action {change['actions']} is not known here")
    return {
        "address": entry["address"],
        "type": entry["type"],
        "action": action,
        "before": _shown(change.get("before"), change.get("before_sensitive"), None),
        "after": _shown(change.get("after"), change.get("after_sensitive"), change.get("after_unknown")),
    }


def _shown(value: Json, sensitive: Json, unknown: Json) -> Json:
    """Return a value with words where the marks beside it, of the same shape, are true."""
    if sensitive is True:
        return SENSITIVE
    if unknown is True:
        return UNKNOWN
    if isinstance(value, dict):
        names = [*value, *(name for name, mark in _of(unknown) if mark is True and name not in value)]
        return {name: _shown(value.get(name), _at(sensitive, name), _at(unknown, name)) for name in names}
    if isinstance(value, list):
        return [_shown(one, _at(sensitive, i), _at(unknown, i)) for i, one in enumerate(value)]
    return value


def _of(marks: Json) -> list[tuple[str, Json]]:
    return list(marks.items()) if isinstance(marks, dict) else []


def _at(marks: Json, where: str | int) -> Json:
    if isinstance(marks, dict):
        return marks.get(str(where))
    return marks[where] if isinstance(marks, list) and isinstance(where, int) and where < len(marks) else None
