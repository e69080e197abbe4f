"""The clusters are real ones: RBAC decides, namespaces end, tokens work, and the audit log names who acted as whom."""

from __future__ import annotations

import base64
import json
import ssl
import stat
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sandbox.world import World

ACME, GLOBEX = "acme-prod", "globex-prod"


def kubectl(world: World, context: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "--context", context, *arguments]
    return subprocess.run(command, env=world.env, capture_output=True, text=True, check=check, timeout=60)


def server(world: World, context: str) -> httpx.Client:
    """Speaks to the API server without any credential, trusting its authority as the kubeconfig says."""
    config = yaml.safe_load(Path(world.facts["kubeconfig"]).read_text())
    (cluster,) = [entry["cluster"] for entry in config["clusters"] if entry["name"] == context]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    trust = ssl.create_default_context(cadata=authority)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    return httpx.Client(base_url=cluster["server"], verify=trust)


def audit(world: World, context: str) -> list[dict[str, Any]]:
    log = Path(world.facts["clusters"][context]["audit_log"])
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("context", [ACME, GLOBEX])
def test_each_cluster_says_that_it_is_ready(world: World, context: str) -> None:
    assert kubectl(world, context, "get", "--raw", "/readyz").stdout == "ok"


def test_clusters_do_not_see_each_other(world: World) -> None:
    name = f"only-{uuid.uuid4().hex[:8]}"
    kubectl(world, ACME, "create", "namespace", name)
    assert "NotFound" in kubectl(world, GLOBEX, "get", "namespace", name, check=False).stderr
    kubectl(world, ACME, "delete", "namespace", name, "--wait=false")


def test_one_clusters_administrator_is_nobody_in_the_other(world: World) -> None:
    config = yaml.safe_load(Path(world.facts["kubeconfig"]).read_text())
    servers = world.facts["clusters"]
    assert {entry["name"]: entry["cluster"]["server"] for entry in config["clusters"]} == {
        name: servers[name]["server"] for name in (ACME, GLOBEX)
    }
    done = kubectl(
        world, ACME, "--server", servers[GLOBEX]["server"], "--insecure-skip-tls-verify", "get", "ns", check=False
    )
    assert done.returncode != 0


def test_a_command_that_names_no_context_fails(world: World) -> None:
    done = subprocess.run(["kubectl", "get", "ns"], env=world.env, capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_the_kubeconfig_is_a_secret_file(world: World) -> None:
    assert stat.S_IMODE(Path(world.facts["kubeconfig"]).stat().st_mode) == 0o600


def test_a_namespace_ends_and_takes_its_contents_along(world: World) -> None:
    name = f"short-{uuid.uuid4().hex[:8]}"
    kubectl(world, ACME, "create", "namespace", name)
    kubectl(world, ACME, "create", "configmap", "thing", "-n", name)
    kubectl(world, ACME, "delete", "namespace", name, "--timeout=50s")
    assert "NotFound" in kubectl(world, ACME, "get", "namespace", name, check=False).stderr


def test_nobody_gets_in_without_a_credential(world: World) -> None:
    with server(world, ACME) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v1/namespaces").status_code == 403
        assert client.get("/api/v1/secrets", headers={"Authorization": "Bearer invented"}).status_code == 401


def test_rbac_decides_for_everybody_but_the_administrator(world: World) -> None:
    def may(*question: str) -> bool:
        return kubectl(world, ACME, "auth", "can-i", *question, check=False).stdout.strip() == "yes"

    assert may("create", "namespaces")
    assert not may("get", "pods", "--as", "somebody", "--as-group", "some-group")
    assert may("get", "pods", "-n", "default", "--as", "system:serviceaccount:kube-system:namespace-controller")


def test_the_role_view_has_its_rules(world: World) -> None:
    role = json.loads(kubectl(world, ACME, "get", "clusterrole", "view", "-o", "json").stdout)
    assert any("pods" in rule["resources"] for rule in role["rules"])


def test_a_service_accounts_token_is_accepted_as_that_account(world: World) -> None:
    token = kubectl(world, ACME, "create", "token", "default", "-n", "default").stdout.strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with server(world, ACME) as client:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        response = client.post(path, json=review, headers={"Authorization": f"Bearer {token}"})
    assert response.json()["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"


def test_the_audit_log_names_the_impersonated_user_and_keeps_no_bodies(world: World) -> None:
    user = f"engineer-{uuid.uuid4().hex[:8]}@highflame.example"
    kubectl(world, GLOBEX, "get", "pods", "-A", "--as", user, "--as-group", "some-group", check=False)
    theirs = [e for e in audit(world, GLOBEX) if e.get("impersonatedUser", {}).get("username") == user]
    (event,) = [e for e in theirs if e.get("objectRef", {}).get("resource") == "pods"]
    assert (event["user"]["username"], event["verb"], event["responseStatus"]["code"]) == ("admin", "list", 403)
    assert "some-group" in event["impersonatedUser"]["groups"]
    assert not any(e.keys() & {"requestObject", "responseObject"} for e in audit(world, GLOBEX))


def test_a_deployment_makes_a_pod_that_waits_for_a_node(world: World) -> None:
    name = f"deployed-{uuid.uuid4().hex[:8]}"
    kubectl(world, ACME, "create", "namespace", name)
    kubectl(world, ACME, "create", "deployment", "web", "--image=web:1", "-n", name)
    kubectl(world, ACME, "wait", "pod", "-l", "app=web", "-n", name, "--for=create", "--timeout=30s")
    kubectl(world, ACME, "delete", "namespace", name, "--wait=false")
