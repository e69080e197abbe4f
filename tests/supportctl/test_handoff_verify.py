"""The customer's own check sees whatever lets the operator be somebody whom the handoff does not name."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from supportctl.handoff.bundle import bundle
from supportctl.handoff.folder import write_folder
from tests.supportctl.handing_over import SETTINGS, USERS

KUBECTL = """#!/bin/sh
case "$*" in
  *'auth can-i '*) echo no ;;
  *' create --validate=false -f - '*) cat {rules} ;;
  *' get deployment '*) echo tailscale/k8s-operator:v1.96.5 ;;
  *' get namespace '*) echo {uid} ;;
  *ownerReferences*) cat {owners} ;;
esac
"""
"""A cluster with exactly what the handoff made, but for the operator's rules and the owners of its objects."""

UID, EARLIER = "6f0d3c0e-0000-4000-8000-000000000002", "6f0d3c0e-0000-4000-8000-000000000001"
OWNED = (
    "ClusterRole//support-access-impersonation",
    "ClusterRoleBinding//support-access-impersonation",
    "ClusterRole//highflame-sre",
    "ClusterRoleBinding//support-access:read-only:highflame-sre",
    "ClusterRoleBinding//support-access:view:user:lin@highflame.example",
)

OWN = [
    '["create"] ["authorization.k8s.io"] ["selfsubjectaccessreviews"] ',
    '["get","list","watch"] ["*"] ["*"] ',
    '["*"] ["example.com"] ["widgets"] ',
    '["impersonate"] [""] ["groups"] ["highflame-sre"]',
    '["impersonate"] [""] ["users"] ["ada@highflame.example","grace@highflame.example"]',
]
"""What it has by the handoff, and by roles that everybody has: in the words of kubectl's jsonpath."""


def verified(
    folder: Path, rules: list[str], *, incomplete: str = "false", owner: str = UID, uid: str = UID, **bent: Any
) -> subprocess.CompletedProcess[str]:
    declared = EnvironmentSettings.model_validate({**SETTINGS, **bent})
    write_folder(folder / "out", bundle(declared, [] if declared.any_user else USERS))
    (folder / "rules").write_text("\n".join([incomplete, *rules]) + "\n")
    (folder / "owners").write_text("".join(f"{place} {owner}\n" for place in OWNED))
    kubectl = KUBECTL.format(rules=folder / "rules", owners=folder / "owners", uid=uid)
    (folder / "kubectl").write_text(kubectl)
    (folder / "kubectl").chmod(0o755)
    return asked(folder)


def asked(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(folder / "out" / "verify.sh"), "acme-prod"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_handoff_gives_is_what_it_says(tmp_path: Path) -> None:
    done = verified(tmp_path, OWN)
    assert (done.returncode, done.stderr) == (0, "")
    for whom in ("group highflame-sre", *USERS):
        assert f"ok    operator may act as {whom}\n" in done.stdout
    assert "ok    operator may act as nobody else" in done.stdout
    assert "note" not in done.stdout


def test_whom_the_cluster_would_refuse_is_shown(tmp_path: Path) -> None:
    done = verified(tmp_path, [*OWN[:-1], '["impersonate"] [""] ["users"] ["ada@highflame.example"]'])
    assert done.returncode == 1
    assert "ok    operator may act as ada@highflame.example\n" in done.stdout
    assert "WRONG operator may act as grace@highflame.example\n" in done.stdout


def test_an_authorizer_that_does_not_say_what_it_allows_is_told(tmp_path: Path) -> None:
    """As in EKS, GKE and AKS, which ask one of the cloud's besides RBAC."""
    done = verified(tmp_path, OWN, incomplete="true")
    assert done.returncode == 0
    assert "note  of operator only RBAC was asked" in done.stdout


@pytest.mark.parametrize(
    "more",
    [
        '["impersonate"] [""] ["groups"] ["kubeadm:cluster-admins"]',
        '["impersonate"] [""] ["groups"] ["highflame-sre","kubeadm:cluster-admins"]',
        '["impersonate"] [""] ["users"] ["mallory@highflame.example"]',
        '["impersonate"] [""] ["serviceaccounts"] ["clusterrole-aggregation-controller"]',
        '["get","impersonate:user-info"] ["authentication.k8s.io"] ["users"] ',
        '["*"] ["*"] ["*"] ',
        '["*"] [""] ["pods","groups"] ',
    ],
)
def test_a_rule_of_any_role_that_lets_it_be_somebody_else_is_shown(more: str, tmp_path: Path) -> None:
    """Such a role has no label of ours, and need not name system:masters."""
    done = verified(tmp_path, [*OWN, more])
    assert done.returncode == 1
    (wrong,) = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    verbs, _, kinds, names = more.split(" ")
    assert wrong.rstrip() == f"WRONG operator may act as nobody else: {verbs} {kinds} {names}".rstrip()


def test_who_may_be_anybody_by_exception_may_be_any_user_and_no_group(tmp_path: Path) -> None:
    anybody = ['["impersonate"] [""] ["groups"] ["highflame-sre"]', '["impersonate"] [""] ["users"] ']
    excepted: dict[str, Any] = {"anyUser": {"reason": "people change daily at the vendor"}}
    assert verified(tmp_path, anybody, **excepted).returncode == 0
    assert verified(tmp_path, [*anybody, '["impersonate"] [""] ["groups"] '], **excepted).returncode == 1


def test_where_proxies_of_their_own_serve_the_operator_may_be_nobody(tmp_path: Path) -> None:
    available = {
        "operator": {"apiServerProxy": {"replicas": 2}},
        "credential": {"acknowledge": ["devices:core", "services"]},
    }
    done = verified(tmp_path, OWN, **available)
    assert "ok    kube-apiserver-auth-proxy may act as nobody else" in done.stdout
    assert "WRONG operator may act as nobody else" in done.stdout


def test_a_cluster_that_does_not_say_is_no_proof(tmp_path: Path) -> None:
    verified(tmp_path, OWN)
    (tmp_path / "rules").unlink()
    assert asked(tmp_path).returncode == 2


@pytest.mark.parametrize(("owner", "uid"), [("", UID), (EARLIER, UID), (f"{EARLIER} {UID}", UID), ("", "")])
def test_an_object_whose_owner_is_missing_or_an_earlier_namespace_is_reported(
    owner: str, uid: str, tmp_path: Path
) -> None:
    """The namespace's end would leave the object behind; an owner of an earlier uid gets it deleted at once."""
    done = verified(tmp_path, OWN, owner=owner, uid=uid)
    assert done.returncode == 1
    (wrong,) = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert "deleting namespace tailscale deletes every role and binding that gives access" in wrong
    assert "run ./install.sh again" in wrong
    assert all(place in wrong for place in OWNED)


def test_owners_that_are_the_live_namespace_are_right(tmp_path: Path) -> None:
    done = verified(tmp_path, OWN)
    assert "ok    deleting namespace tailscale deletes every role and binding that gives access\n" in done.stdout


def test_a_name_with_an_apostrophe_is_one_word_of_every_check(tmp_path: Path) -> None:
    """The address of lin, who is in access, and of grace in the limit: written into the scripts in their place."""
    login, lin = "o'brien@highflame.example", "lin@highflame.example"
    access = [entry | ({"from": login} if entry["from"] == lin else {}) for entry in SETTINGS["access"]]
    rules = [rule.replace("grace@highflame.example", login) for rule in OWN]
    declared = EnvironmentSettings.model_validate({**SETTINGS, "access": access})
    verified(tmp_path, rules)
    write_folder(tmp_path / "other", bundle(declared, [USERS[0], login]))
    (tmp_path / "out").rename(tmp_path / "earlier")
    (tmp_path / "other").rename(tmp_path / "out")
    (tmp_path / "owners").write_text("".join(f"{place.replace(lin, login)} {UID}\n" for place in OWNED))
    asking = f'case "$*" in *\'auth can-i \'*) echo "$*" >> {tmp_path / "asked"} ;; esac'
    kubectl = (tmp_path / "kubectl").read_text()
    (tmp_path / "kubectl").write_text(kubectl.replace("\n", f"\n{asking}\n", 1))
    done = asked(tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"ok    operator may act as {login}\n" in done.stdout
    assert f"--as={login}" in (tmp_path / "asked").read_text()
