"""Helm releases: the real Helm, the real chart, a real API server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from sandbox.plugins.kubernetes.errors import InitializationError, OperationError
from sandbox.plugins.kubernetes.kinds import Kind
from tests.sandbox.kubernetes.engine import CheckFailedError, Engine, Resource

RELEASE = "kubernetes:helm.sh/v3:Release"
VERSION = "1.96.5"
SECRET_VALUE = "not-for-everybody"


def operator(environment: dict[str, str], namespace: str, **more: Any) -> dict[str, Any]:
    """The operator's chart as a small release: without definitions, which two releases cannot share."""
    values = {"installCRDs": False, "oauthSecretVolume": {"secret": {"secretName": "s"}}, **more.pop("values", {})}
    return {
        "chart": "tailscale-operator",
        "version": VERSION,
        "name": "operator",
        "namespace": namespace,
        "repositoryOpts": {"repo": environment["SUPPORT_ACCESS_CHART_REPOSITORY"]},
        "skipAwait": True,
        "values": values,
        **more,
    }


def helm(environment: dict[str, str], *arguments: str) -> str:
    command = ["helm", *arguments, "--kube-context", "acme-prod"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def released(engine: Engine, environment: dict[str, str], namespace: str) -> Any:
    made = engine.create(RELEASE, "operator", operator(environment, namespace))
    yield made
    if engine.read(made) is not None:
        engine.delete(made)


def test_a_release_is_installed_upgraded_and_uninstalled(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    assert released.id == f"{namespace}/operator"
    status = {"name": "operator", "namespace": namespace, "chart": "tailscale-operator", "version": VERSION}
    assert released.outputs["status"] == {**status, "appVersion": f"v{VERSION}", "revision": 1, "status": "deployed"}
    assert released.outputs["resourceNames"]["Deployment.apps/apps/v1"] == [f"{namespace}/operator"]
    assert engine.diff(released, operator(environment, namespace)).changes is False
    repository = {"repo": environment["SUPPORT_ACCESS_CHART_REPOSITORY"]}
    unset = dict.fromkeys(("caFile", "certFile", "keyFile", "password", "username"), "")
    assert released.outputs["repositoryOpts"] == {**repository, **unset}

    wanted = operator(environment, namespace, values={"operatorConfig": {"hostname": "other"}})
    assert list(engine.diff(released, wanted).detailed_diff) == ["values.operatorConfig"]
    updated = engine.update(released, wanted)
    assert updated.outputs["status"]["revision"] == 2
    assert "other" in helm(environment, "get", "manifest", "operator", "-n", namespace)

    engine.delete(updated)
    assert engine.read(updated) is None


def test_values_that_are_secret_stay_secret(engine: Engine, environment: dict[str, str], namespace: str) -> None:
    inputs = operator(environment, namespace, values={"operatorConfig": {"hostname": SECRET_VALUE}})
    made = engine.create(RELEASE, "operator", inputs, secret=["values"])
    engine.delete(made)
    assert made.state["values"].is_secret
    assert made.state["__inputs"].is_secret
    shown = {key: str(value.value) for key, value in made.state.items() if not value.is_secret}
    assert SECRET_VALUE not in str(shown)


def test_a_preview_finds_the_chart_and_leaves_the_rest_unknown(
    engine: Engine, environment: dict[str, str], namespace: str
) -> None:
    shown = engine.preview(RELEASE, "operator", operator(environment, namespace, version=">=1.0"))
    assert shown["version"] == VERSION
    assert (shown["status"], shown["resourceNames"]) == (UNKNOWN, UNKNOWN)
    assert "operator" not in helm(environment, "list", "-n", namespace, "--short")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "9.9.9"}, 'version "9.9.9" not found'),
        ({"chart": "no-such-chart"}, 'chart "no-such-chart"'),
        ({"repositoryOpts": {"repo": "http://127.0.0.1:1/charts"}}, "cannot be reached"),
    ],
)
def test_a_preview_refuses_a_chart_that_cannot_be_had(
    engine: Engine, environment: dict[str, str], namespace: str, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(CheckFailedError, match=says) as refused:
        engine.preview(RELEASE, "operator", operator(environment, namespace, **change))
    assert "check the chart name and repository configuration" in str(refused.value)


def test_definitions_in_a_chart_tell_the_scope_of_its_kinds_before_it_is_installed(
    engine: Engine, environment: dict[str, str], namespace: str
) -> None:
    engine.check(RELEASE, "operator", operator(environment, namespace, values={"installCRDs": True}))
    kind = Kind("tailscale.com", "v1alpha1", "ProxyClass")
    resource = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "p"}, "spec": {}}
    checked = engine.check(f"kubernetes:{kind}".replace("/ProxyClass", ":ProxyClass"), "p", resource)
    assert "namespace" not in checked["metadata"].value  # type: ignore[operator]


def test_a_release_that_is_gone_already_cannot_be_deleted_but_reading_drops_it(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    helm(environment, "uninstall", "operator", "-n", namespace)
    with pytest.raises(OperationError, match=r"Release not loaded: operator: release: not found"):
        engine.delete(released)
    assert engine.read(released) is None


def test_a_name_in_use_is_refused(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    with pytest.raises(OperationError, match=r"^cannot re-use a name that is still in use$"):
        engine.create(RELEASE, "second", operator(environment, namespace))


def test_what_somebody_changed_by_hand_shows_after_a_read(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    chart, repository = "tailscale-operator", environment["SUPPORT_ACCESS_CHART_REPOSITORY"]
    by_hand = ["--reuse-values", "--set", "oauthSecretVolume.secret.secretName=theirs"]
    helm(environment, "upgrade", "operator", chart, "--repo", repository, "-n", namespace, *by_hand)
    found = engine.read(released)
    assert found is not None
    assert found.outputs["status"]["revision"] == 2
    changes = engine.diff(found, operator(environment, namespace))
    assert list(changes.detailed_diff) == ["values.oauthSecretVolume.secret.secretName"]


def test_an_install_that_fails_half_way_is_recorded_and_mended_by_the_next_update(
    engine: Engine, environment: dict[str, str], namespace: str
) -> None:
    inputs = operator(environment, namespace, skipAwait=False, timeout=2)  # there is no node: its pod never starts
    with pytest.raises(InitializationError, match="failed to initialize completely") as failure:
        engine.create(RELEASE, "operator", inputs)
    assert "failed to become available within allocated timeout" in str(failure.value)
    assert "was created but has a failed status" in engine.messages.warnings[-1]
    made = engine.recorded((RELEASE, "operator"), failure.value)
    assert made.outputs["status"]["status"] == "failed"
    mended = engine.update(made, operator(environment, namespace))
    engine.delete(mended)
    assert (mended.outputs["status"]["status"], mended.outputs["status"]["revision"]) == ("deployed", 2)


def test_an_atomic_install_that_fails_leaves_nothing(
    engine: Engine, environment: dict[str, str], namespace: str
) -> None:
    inputs = operator(environment, namespace, skipAwait=False, timeout=2, atomic=True)
    with pytest.raises(OperationError, match="release operator failed, and has been uninstalled due to atomic"):
        engine.create(RELEASE, "operator", inputs)
    assert "operator" not in helm(environment, "list", "--all", "-n", namespace, "--short")


def test_an_upgrade_that_does_not_render_leaves_the_release_and_its_state(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    with pytest.raises(OperationError):
        engine.update(released, operator(environment, namespace, values={"operatorConfig": "not a map"}))
    found = engine.read(released)
    assert found is not None
    assert found.outputs["status"]["revision"] == 1


def test_a_postrenderer_has_the_last_word_on_the_manifest(
    engine: Engine, environment: dict[str, str], namespace: str, tmp_path: Path
) -> None:
    script = tmp_path / "postrender"
    script.write_text("#!/bin/sh\nexec sed 's/replicas: 1/replicas: 0/'\n")
    script.chmod(0o755)
    made = engine.create(RELEASE, "operator", operator(environment, namespace, postrender=str(script)))
    manifest = helm(environment, "get", "manifest", "operator", "-n", namespace)
    engine.delete(made)
    assert "replicas: 0" in manifest


def test_an_import_takes_name_chart_and_values_from_the_release(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    found = engine.read(Resource(RELEASE, "operator", released.id, {}, {}))
    assert found is not None
    assert found.outputs["chart"] == "tailscale-operator"
    assert found.outputs["version"] == VERSION
    assert found.outputs["values"]["installCRDs"] is False


def test_another_name_or_namespace_is_another_release(
    engine: Engine, environment: dict[str, str], namespace: str, released: Resource
) -> None:
    assert engine.diff(released, operator(environment, namespace, name="other")).replaces == ["name"]
    assert engine.diff(released, operator(environment, "other")).replaces == ["namespace"]


def test_what_the_stand_in_cannot_do_it_refuses(engine: Engine, environment: dict[str, str], namespace: str) -> None:
    with pytest.raises(OperationError, match="lint"):
        engine.check(RELEASE, "operator", operator(environment, namespace, lint=True))
    private = {"repo": "https://charts.example.com", "username": "u", "password": "p"}
    with pytest.raises(OperationError, match="password"):
        engine.check(RELEASE, "operator", operator(environment, namespace, repositoryOpts=private))
