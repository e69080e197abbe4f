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
esac
"""
"""A cluster in which the handoff stands as it was made, but for the operator's rules."""

OWN = [
    '["create"] ["authorization.k8s.io"] ["selfsubjectaccessreviews"] ',
    '["get","list","watch"] ["*"] ["*"] ',
    '["*"] ["example.com"] ["widgets"] ',
    '["impersonate"] [""] ["groups"] ["highflame-sre"]',
    '["impersonate"] [""] ["users"] ["ada@highflame.example","grace@highflame.example"]',
]
"""What it has by the handoff, and by roles that everybody has: in the words of kubectl's jsonpath."""


def verified(
    folder: Path, rules: list[str], *, incomplete: str = "false", **bent: Any
) -> subprocess.CompletedProcess[str]:
    declared = EnvironmentSettings.model_validate({**SETTINGS, **bent})
    write_folder(folder / "out", bundle(declared, [] if declared.any_user else USERS))
    (folder / "rules").write_text("\n".join([incomplete, *rules]) + "\n")
    (folder / "kubectl").write_text(KUBECTL.format(rules=folder / "rules"))
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
