"""What code does about a request for proposals: reads its requirements, and works out what an offer costs."""

from __future__ import annotations

import re
from typing import Any

from engine.steps.python import FUNCTIONS, Rejected

Json = Any
_REQUIREMENT = re.compile(
    r"^\s*(?P<id>[A-Z]{1,4}-?\d+(?:\.\d+)*)\s*[.:)]?\s+(?P<text>\S.*?)\s*$", re.MULTILINE
)
YEARLY_USD = {
    "eu-cloud": 14000, "own-data-centre": 26000, "global-cloud": 11000, "postgres": 3000,
    "postgres-standby": 7000, "office-hours": 6000, "around-the-clock": 24000,
}  # fmt: skip
"""What each part of an offer costs a year, in USD."""
USER_USD = 12


@FUNCTIONS.register("rfp_requirements")
def requirements(text: str) -> Json:
    """Return the requirements of a text: lines that begin with a number such as `R1:` or `SEC-2.1`.

    Raises:
        Rejected: if there is none, or one number is there twice.
    """
    found = [
        {**match.groupdict(), "must": " must " in f" {match['text']} "}
        for match in _REQUIREMENT.finditer(text)
    ]
    ids = [one["id"] for one in found]
    if not found:
        raise Rejected("no requirement was found; each is a line such as `R1: It must ...`")
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise Rejected(f"the requirement {twice[0]} is there twice; number them apart")
    return {"requirements": found, "text": "\n".join(f"{one['id']}: {one['text']}" for one in found)}


@FUNCTIONS.register("rfp_cost")
def cost(parts: dict[str, str], users: int) -> Json:
    """Return what an offer costs a year, in USD, and what of it is for what."""
    items = {name: YEARLY_USD[name] for name in parts.values() if name in YEARLY_USD}
    items["users"] = users * USER_USD
    return {"items": items, "yearly_usd": sum(items.values())}
