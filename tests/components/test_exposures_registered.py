"""What exposes anything goes before the operator's credential, and a dead operator holds up nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.exposing import ALL, LOCAL, SERVICE, SIDECAR
from tests.components.registered import Registered, registered

Build = Callable[..., EnvironmentSettings]
OWNED = ("studio", "artifacts", "net", "recorder")
PATCHED = ("db", "reports")


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


@pytest.fixture(scope="module")
def everything() -> Registered:
    from tests.components.conftest import LEAST

    expose = {"expose": ALL, "recorder": {"storage": LOCAL}, "credential": {"acknowledge": ["devices:core"]}}
    return register(EnvironmentSettings.model_validate({**LEAST, **expose}))


def row(seen: Registered, part: str) -> Any:
    return seen.rows[f"acme-prod-exposures-{part}"]


def upstream(seen: Registered, name: str) -> set[str]:
    """Everything that a resource depends on, at any remove."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        others = seen.names(seen.rows[waiting.pop()].depends_on) - found
        found |= others
        waiting += others
    return found


def test_with_nothing_declared_nothing_of_it_is_registered(environment: Build) -> None:
    seen = register(environment())
    assert [name for name in seen.rows if "exposures" in name or "sidecar" in name] == []


def test_the_drain_is_created_before_what_it_deletes_and_deleted_before_the_credential(everything: Registered) -> None:
    assert "acme-prod-credential-1" in upstream(everything, "acme-prod-holder-withdrawal")
    assert "acme-prod-client-1" in upstream(everything, "acme-prod-holder-withdrawal")
    assert "acme-prod-holder-withdrawal" in everything.names(everything.rows["acme-prod-holder-owner"].depends_on)
    for part in PATCHED:
        assert "acme-prod-holder-withdrawal" in everything.names(row(everything, part).depends_on)
    for part in OWNED:
        assert "acme-prod-holder-owner" in everything.names(row(everything, part).depends_on)


def test_the_drain_deletes_whatever_the_operator_holds(everything: Registered) -> None:
    drain = next(urn for urn, name in everything.urns.items() if name == "acme-prod-holder-withdrawal")
    owner = everything.rows["acme-prod-holder-owner"]
    assert owner.deleted_with == drain
    # In the foreground the proxies' Secrets would go before the operator has read in them which devices to remove.
    assert owner.inputs["metadata"]["annotations"] == {"pulumi.com/deletionPropagationPolicy": "background"}
    for part in OWNED:
        assert row(everything, part).deleted_with == drain
        reference = row(everything, part).inputs["metadata"]["ownerReferences"][0]
        assert (reference["kind"], reference["name"]) == ("ClusterRole", "support-access-proxies")
        assert "controller" not in reference
        annotations = row(everything, part).inputs["metadata"]["annotations"]
        assert annotations["pulumi.com/deletionPropagationPolicy"] == "background"
    # What is the customer's own is never owned: it would be collected with the rest.
    for part in PATCHED:
        assert row(everything, part).deleted_with == drain
        assert "ownerReferences" not in row(everything, part).inputs["metadata"]


def test_the_drain_takes_off_a_service_exactly_what_its_patch_puts_on(everything: Registered) -> None:
    """A patch that is deleted with another resource is not given back by the engine."""
    taken = {
        each["path"].rpartition("/")[2]: each["annotations"]
        for each in everything.rows["acme-prod-holder-withdrawal"].inputs["patched"]
    }
    put = [row(everything, part).inputs["metadata"] for part in PATCHED]
    assert taken == {metadata["name"]: metadata["annotations"] for metadata in put}


def test_of_a_service_of_the_customers_only_annotations_are_ours(everything: Registered) -> None:
    for part in PATCHED:
        patch = row(everything, part)
        assert patch.type == "kubernetes:core/v1:ServicePatch"
        assert patch.inputs.keys() - {"apiVersion", "kind"} == {"metadata"}
        assert patch.inputs["metadata"].keys() == {"name", "namespace", "annotations"}


def test_access_comes_after_all_of_it(everything: Registered) -> None:
    parts = {f"acme-prod-exposures-{part}" for part in (*OWNED, *PATCHED)}
    assert parts | {"acme-prod-holder-withdrawal", "acme-prod-holder-owner"} <= upstream(everything, "acme-prod-access")


def test_the_wait_is_for_every_object_that_the_operator_puts_a_finalizer_on(everything: Registered) -> None:
    """Those of the stack, by what reaches the engine, whichever they are."""
    paths = everything.rows["acme-prod-holder-withdrawal"].inputs["held"]
    assert paths == [
        "/apis/tailscale.com/v1alpha1/proxyclasses/support-access",
        "/apis/networking.k8s.io/v1/namespaces/studio/ingresses/support-access-studio",
        "/api/v1/namespaces/data/services/artifacts",
        "/apis/tailscale.com/v1alpha1/connectors/support-access-net",
        "/apis/tailscale.com/v1alpha1/recorders/acme-prod-rec",
        "/api/v1/namespaces/data/services/postgres",
        "/api/v1/namespaces/data/services/reports",
    ]
    owned = [
        one
        for one in everything.rows.values()
        for reference in (one.inputs.get("metadata") or {}).get("ownerReferences") or ()
        if reference["kind"] == "ClusterRole"
    ]
    patched = [one for one in everything.rows.values() if one.type.endswith("ServicePatch")]
    assert {path.rpartition("/")[2] for path in paths} == {one.inputs["metadata"]["name"] for one in (*owned, *patched)}


def test_what_the_operator_changes_in_an_egress_service_is_no_drift(everything: Registered) -> None:
    assert row(everything, "artifacts").ignored == ["spec.externalName"]


def test_a_sidecars_key_is_reusable_ephemeral_and_tagged_and_goes_before_devices_do(everything: Registered) -> None:
    key = everything.rows["acme-prod-sidecar-worker-key"]
    assert (key.inputs["reusable"], key.inputs["ephemeral"], key.inputs["preauthorized"]) == (True, True, True)
    assert key.inputs["tags"] == ["tag:svc-acme-prod-worker"]
    assert {"acme-prod-cleanup", "acme-prod-identity"} <= everything.names(key.depends_on)
    assert "acme-prod-client-1" not in upstream(everything, "acme-prod-sidecar-worker-secret")
    assert "stringData" in everything.rows["acme-prod-sidecar-worker-secret"].secrets


def test_nothing_is_made_over_what_stands_in_a_namespace_of_the_customers_or_in_none(everything: Registered) -> None:
    """Only a patch wants its object to be there; what goes with the operator's namespace finds it new."""
    made = {
        name: one
        for name, one in everything.rows.items()
        if one.type.startswith("kubernetes:")
        and "apiVersion" in one.inputs
        and not one.type.endswith("ServicePatch")
        and one.inputs["metadata"].get("namespace") != "tailscale"
    }
    assert {f"acme-prod-exposures-{part}" for part in OWNED} <= made.keys()
    assert {f"acme-prod-sidecar-worker-{part}" for part in ("secret", "state", "account", "role")} <= made.keys()
    assert [name for name, one in made.items() if one.asked != ["acme-prod-leftovers"]] == []


def test_nothing_is_retained_or_protected(everything: Registered) -> None:
    assert not [name for name, one in everything.rows.items() if one.retained or one.protected]


def test_a_handoff_touches_no_cluster_for_an_exposure(environment: Build) -> None:
    seen = register(environment(delivery="handoff", cluster=None, expose=[SERVICE]))
    assert not [name for name, one in seen.rows.items() if one.type.startswith("kubernetes:")]
    assert "tag:svc-acme-prod-db" in str(seen.rows["acme-prod-identity"].inputs)


def test_an_update_waits_for_the_devices_of_what_it_exposes_and_nobodys_access_waits_with_it(
    everything: Registered,
) -> None:
    name = "acme-prod-exposure-enrollment"
    waiting = everything.rows[name].inputs
    assert waiting["tags"] == [
        *(f"tag:svc-acme-prod-{each['name']}" for each in ALL if each["kind"] != "sidecar"),
        "tag:rec-acme-prod",
    ]
    assert "/api/v1/namespaces/data/services/postgres" in waiting["objects"]
    assert waiting["timeoutSeconds"] == 300
    assert everything.names(everything.rows[name].depends_on) == {"acme-prod-enrolment"}
    assert [other for other, one in everything.rows.items() if name in everything.names(one.depends_on)] == []


@pytest.mark.parametrize(
    "bent", [{}, {"expose": [SIDECAR]}, {"delivery": "handoff", "cluster": None, "expose": [SERVICE]}]
)
def test_nothing_is_waited_for_that_the_operator_does_not_run_or_the_customer_installs(
    environment: Build, bent: dict[str, Any]
) -> None:
    acknowledged = {"credential": {"acknowledge": ["devices:core"]}} if bent else {}
    assert "acme-prod-exposure-enrollment" not in register(environment(**bent, **acknowledged)).rows
