"""What code finds in the changes of a Terraform plan: security, cost, compliance. A finding names what and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.steps.python import FUNCTIONS
from engine.steps.terraform import UNKNOWN

Json = Any
SEVERITIES = ("high", "medium", "low")
OPEN = {"0.0.0.0/0", "::/0"}
PUBLIC_PORTS = {80, 443}
"""Ports that may be open to everybody."""
ENCRYPTED = {
    "aws_db_instance": "storage_encrypted",
    "aws_ebs_volume": "encrypted",
    "aws_efs_file_system": "encrypted",
}
KEEPS_DATA = {
    "aws_db_instance",
    "aws_s3_bucket",
    "aws_dynamodb_table",
    "aws_ebs_volume",
    "aws_efs_file_system",
}
NOT_TAGGED = (
    "_rule",
    "_attachment",
    "_association",
    "_policy",
    "_block",
    "_acl",
    "_version",
    "random_",
    "null_",
)
MONTHLY_USD = {
    "t3.micro": 7.6, "t3.small": 15.2, "t3.medium": 30.4, "t3.large": 60.7, "m5.large": 70.1, "m5.xlarge": 140.2,
    "m5.4xlarge": 560.6, "r5.2xlarge": 367.9, "db.t3.micro": 12.4, "db.t3.medium": 52.6, "db.m5.large": 124.8,
    "db.r5.2xlarge": 730.0,
}  # fmt: skip
"""List prices in USD for 730 hours, to compare plans by; they are no bill."""


@FUNCTIONS.register("terraform_security")
def security(changes: list[Json]) -> Json:
    """Return what a plan opens to everybody, leaves unencrypted, or allows without limit."""
    return _told(found for change in _made(changes) for found in _security(change))


@FUNCTIONS.register("terraform_cost")
def cost(changes: list[Json], limit_usd: float) -> Json:
    """Return what a plan adds to the monthly bill, by list prices, and what has no price here."""
    delta = sum(_price(change["after"]) - _price(change["before"]) for change in changes)
    delta = round(delta, 2)
    found = [
        _finding("low", change, f"the size '{size}' has no price here: look it up")
        for change in _made(changes)
        if (size := _size(change["after"])) and size not in MONTHLY_USD
    ]
    if delta > limit_usd:
        dearest = max(changes, key=lambda change: _price(change["after"]) - _price(change["before"]))
        text = f"{delta:g} USD a month more, over the limit of {limit_usd:g}; the most is here"
        found.insert(0, _finding("high", dearest, text))
    return {"findings": found, "monthly_usd": delta}


@FUNCTIONS.register("terraform_compliance")
def compliance(changes: list[Json], tags: list[str]) -> Json:
    """Return which resources lack tags that they must have, and which that hold data would be lost."""
    lost = [
        _finding("high", change, f"{change['action']} loses the data that it holds")
        for change in changes
        if change["action"] in {"delete", "replace"} and change["type"] in KEEPS_DATA
    ]
    return _told([*lost, *(found for change in _made(changes) for found in _untagged(change, tags))])


@FUNCTIONS.register("terraform_findings")
def findings(found: dict[str, list[Json]]) -> Json:
    """Return the findings of all policies as one list, the gravest first, and as text.

    Args:
        found: the findings by policy.
    """
    listed = [{**one, "policy": policy} for policy, several in found.items() for one in several]
    listed.sort(key=lambda one: SEVERITIES.index(one["severity"]))
    lines = [f"- {one['severity']}, {one['policy']}: {one['address']} {one['text']}" for one in listed]
    worst = listed[0]["severity"] if listed else "none"
    return {"findings": listed, "worst": worst, "text": "\n".join(lines) or "Nothing was found."}


def _security(change: Json) -> Iterator[Json]:
    kind, after = change["type"], change["after"]
    rules = after.get("ingress") or [] if kind == "aws_security_group" else []
    if kind == "aws_security_group_rule" and after.get("type") == "ingress":
        rules = [after]
    for rule in rules if isinstance(rules, list) else []:
        if _is_open(rule):
            low, high = rule.get("from_port"), rule.get("to_port")
            ports = f"port {low} is" if low == high else f"ports {low} to {high} are"
            yield _finding("high", change, f"{ports} open to everybody")
    if str(after.get("acl", "")).startswith("public"):
        yield _finding("high", change, f"the ACL '{after['acl']}' lets everybody in")
    if after.get("publicly_accessible") is True:
        yield _finding("high", change, "can be reached from the Internet")
    mark = ENCRYPTED.get(kind)
    if mark and after.get(mark) is not True:
        yield _finding("medium", change, f"is not encrypted: set {mark} = true")
    if "iam" in kind and '"Action":"*"' in str(after.get("policy", "")).replace(" ", ""):
        yield _finding("high", change, "allows every action")


def _is_open(rule: Json) -> bool:
    everybody = OPEN & {*(rule.get("cidr_blocks") or ()), *(rule.get("ipv6_cidr_blocks") or ())}
    low, high = rule.get("from_port"), rule.get("to_port")
    return bool(everybody) and not (low == high and low in PUBLIC_PORTS)


def _untagged(change: Json, wanted: list[str]) -> Iterator[Json]:
    after = change["after"]
    known = [after.get("tags") or {}, after.get("tags_all") or {}]
    if any(part in change["type"] for part in NOT_TAGGED) or UNKNOWN in known:
        return
    there = {name: value for tags in known if isinstance(tags, dict) for name, value in tags.items()}
    lacking = [tag for tag in wanted if not there.get(tag)]
    if lacking:
        yield _finding("medium", change, f"lacks the tags {', '.join(lacking)}")


def _made(changes: list[Json]) -> Iterator[Json]:
    return (change for change in changes if isinstance(change["after"], dict))


def _size(values: Json) -> str:
    found = (values or {}).get("instance_type") or (values or {}).get("instance_class")
    return found if isinstance(found, str) else ""


def _price(values: Json) -> float:
    return MONTHLY_USD.get(_size(values), 0.0)


def _finding(severity: str, change: Json, text: str) -> Json:
    return {"severity": severity, "address": change["address"], "text": text}


def _told(found: Any) -> Json:
    return {"findings": list(found)}
