"""A role that allows more than before is never passed over, whatever it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supportctl.ci import events
from supportctl.ci.comment import comment
from supportctl.ci.model import Rbac
from supportctl.ci.roles import untold

SRE: dict[str, Any] = {"from": "group:sre", "as": {"group": "sre"}, "role": "read-only", "posture": []}
READ: dict[str, Any] = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
ACT: dict[str, Any] = {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": ["sre"]}
GROUP = {"kind": "Group", "name": "sre"}
OPERATOR = {"kind": "ServiceAccount", "name": "operator", "namespace": "tailscale"}


def role(before: Any, after: Any) -> list[Rbac]:
    sides = [None if side is None else {"rules": side} for side in (before, after)]
    return [Rbac(kind="ClusterRole", name="highflame-sre", before=sides[0], after=sides[1])]


def binding(to: str, *subjects: dict[str, str], before: Any = None) -> list[Rbac]:
    after = {"roleRef": {"kind": "ClusterRole", "name": to}, "subjects": list(subjects)}
    return [Rbac(kind="ClusterRoleBinding", name="b", before=before, after=after)]


def found(roles: list[Rbac], before: Any = None, after: Any = None, *, more: bool = False) -> list[str]:
    return untold(roles, before or {}, after or {}, more_is_told=more)


@pytest.mark.parametrize(
    "after",
    [
        [READ, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
        [READ | {"resources": ["pods", "pods/exec"]}],
        [READ | {"verbs": ["get", "list", "create"]}],
        [READ | {"apiGroups": ["", "apps"]}],
        [{"nonResourceURLs": ["*"], "verbs": ["get"]}],
    ],
)
def test_a_role_that_gains_a_right_is_told_also_beside_other_sentences(after: list[Any]) -> None:
    assert found(role([READ], after))
    assert found(role([READ], after), more=True, after={"access": [SRE]})


def test_a_rule_that_loses_its_names_is_wider() -> None:
    assert found(role([ACT], [{key: value for key, value in ACT.items() if key != "resourceNames"}]))
    assert found(role([ACT], [ACT | {"resourceNames": ["sre", "system:masters"]}]))


@pytest.mark.parametrize("after", [[READ], [], [READ | {"verbs": ["get"]}], [READ | {"resourceNames": ["web"]}], None])
def test_what_narrows_is_none(after: Any) -> None:
    assert found(role([READ], after)) == []


def test_a_new_role_comes_with_a_sentence_or_is_told() -> None:
    assert found(role(None, [READ]))
    assert found(role(None, [READ]), more=True) == []


def test_whom_the_ceiling_names_is_told_by_it() -> None:
    wider = role([ACT], [ACT | {"resourceNames": ["admins", "sre"]}])
    assert found(wider, after={"ceiling": {"groups": ["admins", "sre"], "users": []}}) == []
    assert found(wider, after={"ceiling": {"groups": ["sre"], "users": []}})
    anybody = role([ACT], [{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}])
    assert found(anybody, after={"ceiling": {"anyUser": "a test"}}) == []
    assert found(anybody, after={"ceiling": {}})


def test_rules_of_an_entry_that_changed_are_told_by_it() -> None:
    custom = SRE | {"role": "custom", "rules": [READ]}
    assert found(role([], [READ]), {"access": [SRE]}, {"access": [custom]}) == []
    assert found(role([], [READ]), {"access": [custom]}, {"access": [custom]})


def test_a_binding_is_told_by_the_entry_that_says_it() -> None:
    view = SRE | {"role": "view"}
    assert found(binding("view", GROUP), {}, {"access": [view]}, more=True) == []
    assert found(binding("edit", GROUP), {}, {"access": [view]}, more=True)
    assert found(binding("view", GROUP | {"name": "others"}), {}, {"access": [view]}, more=True)
    assert found(binding("view", GROUP), {"access": [view]}, {"access": [view]})
    assert found(binding("x", OPERATOR), more=True) == []
    assert found(binding("x", OPERATOR))


def test_a_role_that_is_widened_by_a_component_alone_widens_access_in_the_comment() -> None:
    wide = READ | {"resources": ["pods", "secrets"]}
    kind = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
    sides = {
        side: {"inputs": {"metadata": {"name": "highflame-sre"}, "rules": [rule]}}
        for side, rule in (("old", READ), ("new", wide))
    }
    stack = {"op": "same", "urn": "u::s", "type": events.STACK}
    outputs = {side: {"outputs": {"access": [SRE]}} for side in ("old", "new")}
    lines = [
        {"resourcePreEvent": {"metadata": {**stack, **outputs}}},
        {"resourcePreEvent": {"metadata": {"op": "update", "urn": "u::roles-read-only", "type": kind, **sides}}},
        {"resOutputsEvent": {"metadata": {**stack, **outputs}}},
        {"summaryEvent": {"result": "succeeded"}},
    ]
    said = comment([events.read(map(json.dumps, lines)).preview("acme-prod", 1.0)])
    assert "### `acme-prod`: **access is widened**" in said
    assert "- `ClusterRole highflame-sre: " in said
    assert '"secrets"' in said
