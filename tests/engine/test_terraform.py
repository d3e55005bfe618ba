"""Reading a Terraform plan and holding it against policies: what each finds, and what is no plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.steps.python import Rejected
from engine.steps.terraform import SENSITIVE, UNKNOWN, terraform_plan
from engine.steps.terraform_policies import compliance, cost, security


def plan_of(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "terraform_version": "1.9.5", "resource_changes": list(changes), **more}


def change(kind: str, actions: list[str] | None = None, **values: Any) -> dict[str, Any]:
    """Return an entry as Terraform writes it; `after` unless said."""
    body = {"actions": actions or ["create"], "before": None, "after": None, **values}
    return {"address": f"{kind}.it", "mode": "managed", "type": kind, "name": "it", "change": body}


def changes(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = terraform_plan(plan_of(*entries))["changes"]
    return found


def texts(told: dict[str, Any]) -> list[str]:
    return [one["text"] for one in told["findings"]]


@pytest.mark.parametrize(
    ("actions", "said"),
    [(["create"], "1 to create"), (["delete", "create"], "1 to replace"), (["create", "delete"], "1 to replace"), (["no-op"], "no changes"), (["read"], "no changes"), (["forget"], "1 to forget")],
)  # fmt: skip
def test_lists_of_actions_come_to_what_people_call_them(actions: list[str], said: str) -> None:
    assert terraform_plan(plan_of(change("aws_instance", actions)))["summary"] == said


def test_sensitive_and_unknown_values_are_words_however_deep() -> None:
    entry = change(
        "aws_db_instance", ["delete", "create"],
        before={"password": "old", "tags": {"a": "1"}},
        after={"password": "new", "users": [{"name": "x", "token": "t"}], "tags": {"a": "1"}},
        before_sensitive={"password": True, "tags": {}},
        after_sensitive={"password": True, "users": [{"token": True}]},
        after_unknown={"id": True, "users": [{"name": True}], "tags": {}},
    )  # fmt: skip
    (found,) = changes(entry)
    assert found["before"] == {"password": SENSITIVE, "tags": {"a": "1"}}
    assert found["after"] == {"password": SENSITIVE, "users": [{"name": UNKNOWN, "token": SENSITIVE}], "tags": {"a": "1"}, "id": UNKNOWN}  # fmt: skip
    assert changes(change("x", after={"a": "secret"}, after_sensitive=True))[0]["after"] == SENSITIVE


def test_a_plan_may_be_text_and_one_without_changes_is_fine() -> None:
    assert terraform_plan(json.dumps(plan_of(change("aws_instance", after={}))))["summary"] == "1 to create"
    assert (
        terraform_plan({"format_version": "1.2", "planned_values": {"root_module": {}}})["summary"]
        == "no changes"
    )


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("{", "not JSON"), ([1], "no plan"), ({"a": 1}, "no `format_version`"), ({"format_version": "1.0", "values": {}}, "a state, not a plan"),
        (plan_of(format_version="2.0"), "the format 2.0"), (plan_of(errored=True), "planning failed"),
        (plan_of(change("x", ["explode"])), "is not known here"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_with_what_to_do(plan: Any, said: str) -> None:
    with pytest.raises(Rejected, match=said):
        terraform_plan(plan)


@pytest.mark.parametrize("name", ["", "nope", "../gallery"])
def test_an_unknown_sample_names_those_that_there_are(name: str) -> None:
    with pytest.raises(Rejected, match="risky-change, small-change"):
        terraform_plan(None, name)


@pytest.mark.parametrize(
    ("kind", "after", "said"),
    [
        ("aws_security_group", {"ingress": [{"from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]}, ["port 22 is open to everybody"]),
        ("aws_security_group", {"ingress": [{"from_port": 0, "to_port": 443, "ipv6_cidr_blocks": ["::/0"]}]}, ["ports 0 to 443 are open to everybody"]),
        ("aws_security_group", {"ingress": [{"from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}]}, []),
        ("aws_security_group", {"ingress": [{"from_port": 22, "to_port": 22, "cidr_blocks": ["10.0.0.0/8"]}]}, []),
        ("aws_security_group", {"ingress": UNKNOWN}, []),
        ("aws_security_group_rule", {"type": "egress", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}, []),
        ("aws_s3_bucket", {"acl": "public-read"}, ["the ACL 'public-read' lets everybody in"]),
        ("aws_ebs_volume", {}, ["is not encrypted: set encrypted = true"]),
        ("aws_ebs_volume", {"encrypted": True}, []),
        ("aws_iam_policy", {"policy": '{"Statement": [{"Action": "*"}]}'}, ["allows every action"]),
        ("aws_iam_policy", {"policy": '{"Statement": [{"Action": "s3:*"}]}'}, []),
    ],
)  # fmt: skip
def test_security_finds_what_is_open(kind: str, after: dict[str, Any], said: list[str]) -> None:
    assert texts(security(changes(change(kind, after=after)))) == said


def test_cost_compares_before_and_after_and_names_what_is_dearest() -> None:
    larger = change(
        "aws_instance", ["update"], before={"instance_type": "t3.small"}, after={"instance_type": "m5.large"}
    )
    gone = change("aws_instance", ["delete"], before={"instance_type": "t3.micro"})
    odd = change("aws_instance", after={"instance_type": "x9.huge"})
    told = cost(changes(larger, gone, odd), limit_usd=40)
    assert told["monthly_usd"] == pytest.approx(70.1 - 15.2 - 7.6)
    assert texts(told) == ["47.3 USD a month more, over the limit of 40; the most is here", "the size 'x9.huge' has no price here: look it up"]  # fmt: skip
    assert texts(cost(changes(larger), limit_usd=60)) == []


def test_compliance_wants_tags_and_keeps_data() -> None:
    lost = change("aws_s3_bucket", ["delete"], before={"tags": {}})
    bare = change("aws_instance", after={"tags": {"owner": "me"}})
    told = compliance(changes(lost, bare), tags=["owner", "cost-centre"])
    assert texts(told) == ["delete loses the data that it holds", "lacks the tags cost-centre"]
    fine = [change("aws_instance", after={"tags_all": {"owner": "me"}}), change("aws_iam_role_policy_attachment", after={}), change("aws_instance", after={}, after_unknown={"tags": True})]  # fmt: skip
    assert texts(compliance(changes(*fine), tags=["owner"])) == []
