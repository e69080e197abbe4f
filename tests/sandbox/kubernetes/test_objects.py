"""Objects on a real API server, asked for in the engine's order."""

from __future__ import annotations

import base64
import time

import pytest
from pulumi.provider.experimental.provider import PropertyDiffKind
from pulumi.runtime.rpc import UNKNOWN

from sandbox.demo.observe import Cluster
from sandbox.plugins.kubernetes.errors import InitializationError, OperationError
from tests.sandbox.kubernetes.conftest import CONTEXT
from tests.sandbox.kubernetes.engine import Engine, Resource, Start

NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def config_map(namespace: str, name: str | None = "c", **more: object) -> dict[str, object]:
    metadata = {"namespace": namespace, **({"name": name} if name else {}), **more}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}}


def deployment(namespace: str, **annotations: str) -> dict[str, object]:
    labels = {"app": "a"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "d",
            "namespace": namespace,
            "annotations": {f"pulumi.com/{key}": value for key, value in annotations.items()},
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "none"}]}},
        },
    }


def test_an_unnamed_object_keeps_the_name_it_was_given(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "named-by-us", config_map(namespace, None))
    name = made.outputs["metadata"]["name"]
    assert name.startswith("named-by-us-")
    assert made.id == f"{namespace}/{name}"
    assert engine.diff(made, config_map(namespace, None)).changes is False


def test_declaring_the_same_again_changes_nothing(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace))
    assert engine.diff(made, config_map(namespace)).changes is False
    found = engine.read(made)
    assert found is not None
    assert engine.diff(found, config_map(namespace)).changes is False


def test_a_namespace_that_is_not_given_is_the_contexts(engine: Engine) -> None:
    inputs = engine.check(CONFIG_MAP, "c", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    assert inputs["metadata"].value["namespace"].value == "default"  # type: ignore[index]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    assert "namespace" not in engine.check(CLUSTER_ROLE, "r", role)["metadata"].value  # type: ignore[operator]


def test_labels_are_changed_in_place_and_fields_of_others_survive(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace, labels={"ours": "1"}))
    other = engine.create(
        "kubernetes:core/v1:ConfigMapPatch",
        "p",
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": namespace, "labels": {"theirs": "1"}},
        },
    )
    wanted = config_map(namespace, labels={"ours": "2"})
    changes = engine.diff(made, wanted)
    assert (changes.replaces, list(changes.detailed_diff)) == ([], ["metadata.labels.ours"])
    updated = engine.update(made, wanted)
    assert updated.outputs["metadata"]["labels"] == {"ours": "2", "theirs": "1"}
    engine.delete(other)  # a patch gives back its fields and leaves the object
    left = engine.read(updated)
    assert left is not None
    assert left.outputs["metadata"]["labels"] == {"ours": "2"}


def test_giving_back_what_somebody_has_deleted_fails_as_it_does_with_the_real_plugin(
    engine: Engine, namespace: str
) -> None:
    service: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": namespace, "annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": {"ports": [{"port": 80}]},
    }
    made = engine.create("kubernetes:core/v1:Service", "s", service)
    patch = {**service, "metadata": {**service["metadata"], "annotations": {"ours": "1"}}}  # type: ignore[dict-item]
    del patch["spec"]
    patched = engine.create("kubernetes:core/v1:ServicePatch", "p", patch)
    engine.delete(made)
    with pytest.raises(OperationError, match="is currently managing a required field, so it can't be deleted directly"):
        engine.delete(patched)


def test_each_resource_applies_with_a_manager_of_its_own_that_its_state_keeps(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace))
    updated = engine.update(made, config_map(namespace, labels={"a": "b"}))
    managers = {(entry["manager"], entry["operation"]) for entry in updated.outputs["metadata"]["managedFields"]}
    assert managers == {(made.outputs["__fieldManager"], "Apply")}
    assert updated.outputs["__fieldManager"] == made.outputs["__fieldManager"]


def test_a_field_that_another_manager_owns_is_a_conflict_which_says_how_to_mend_it(
    engine: Engine, namespace: str
) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace, labels={"a": "1"}))
    made = engine.update(made, config_map(namespace, labels={"a": "2"}))
    engine.create(
        "kubernetes:core/v1:ConfigMapPatch",
        "p",
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "c",
                "namespace": namespace,
                "labels": {"a": "3"},
                "annotations": {"pulumi.com/patchForce": "true", "pulumi.com/patchFieldManager": "somebody"},
            },
        },
    )
    with pytest.raises(InitializationError) as conflict:
        engine.update(made, config_map(namespace, labels={"a": "4"}))
    text = str(conflict.value)
    assert "server-side apply field conflict detected, see https://" in text
    assert 'conflict with "somebody"' in text
    assert ".metadata.labels.a" in text


@pytest.mark.parametrize(
    "change",
    [
        ("label", "theirs=1"),
        ("annotate", "theirs=1"),
        ("patch", "--type=merge", "--patch", '{"data": {"key": "theirs", "more": "theirs"}}'),
    ],
    ids=lambda change: change[0],
)
def test_update_takes_over_and_undoes_what_kubectl_changed(
    engine: Engine, environment: dict[str, str], namespace: str, change: tuple[str, ...]
) -> None:
    """kubectl writes as `kubectl-label`, `kubectl-patch` and so on: the real plugin compares the beginning only."""
    made = engine.create(CONFIG_MAP, "c", config_map(namespace))
    made = engine.update(made, config_map(namespace, labels={"ours": "1"}))
    command, *arguments = change
    Cluster(CONTEXT, environment).kubectl(command, "configmap", "c", "-n", namespace, *arguments)
    updated = engine.update(made, config_map(namespace, labels={"ours": "2"})).outputs
    assert updated["data"] == {"key": "value"}
    assert updated["metadata"]["labels"] == {"ours": "2"}
    assert "annotations" not in updated["metadata"]
    managers = {entry["manager"] for entry in updated["metadata"]["managedFields"]}
    assert managers == {made.outputs["__fieldManager"]}


def test_creating_what_exists_is_refused_and_says_what_to_do(engine: Engine, namespace: str) -> None:
    engine.create(CONFIG_MAP, "c", config_map(namespace))
    with pytest.raises(OperationError, match=r'(?s)configmaps "c" already exists.*`pulumi import`'):
        engine.create(CONFIG_MAP, "again", config_map(namespace))


def test_upsert_takes_over_what_exists(environment: dict[str, str], start: Start, namespace: str) -> None:
    engine = start(environment, context=CONTEXT, upsertExistingObjects="true", enablePatchForce="true")
    engine.create(CONFIG_MAP, "c", config_map(namespace))
    taken = engine.create(CONFIG_MAP, "again", config_map(namespace, labels={"a": "b"}))
    assert taken.outputs["metadata"]["labels"] == {"a": "b"}


def test_the_data_of_a_secret_is_secret_in_inputs_and_state(engine: Engine, namespace: str) -> None:
    inputs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": namespace},
        "stringData": {"client_secret": "very"},
    }
    made = engine.create(SECRET, "s", inputs, secret=["stringData"])
    encoded = {"client_secret": base64.b64encode(b"very").decode()}
    assert made.outputs["data"] == encoded
    recorded = made.state["__inputs"].value
    assert made.state["data"].is_secret
    assert made.inputs["data"].is_secret
    assert recorded["data"].is_secret  # type: ignore[index]
    assert "stringData" not in made.inputs
    assert engine.diff(made, inputs).changes is False


def test_other_data_in_a_secret_is_a_new_secret_unless_it_is_mutable(
    engine: Engine, environment: dict[str, str], start: Start, namespace: str
) -> None:
    metadata = {"name": "s", "namespace": namespace}
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "1"}}
    made = engine.create(SECRET, "s", inputs)
    changed = {**inputs, "stringData": {"a": "2"}}
    replacing = engine.diff(made, changed)
    assert (replacing.replaces, replacing.delete_before_replace) == (["data.a"], True)
    mutable = start(environment, context=CONTEXT, enableSecretMutable="true")
    assert mutable.diff(made, changed).replaces == []
    assert mutable.update(made, changed).outputs["data"] == {"a": base64.b64encode(b"2").decode()}


def test_another_role_in_a_binding_is_a_new_binding(engine: Engine, namespace: str) -> None:
    def binding(role: str) -> dict[str, object]:
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "Group", "name": "g", "apiGroup": "rbac.authorization.k8s.io"}],
        }

    made = engine.create(BINDING, "b", binding("view"))
    changes = engine.diff(made, binding("edit"))
    assert changes.detailed_diff["roleRef.name"].kind is PropertyDiffKind.UPDATE_REPLACE
    assert changes.delete_before_replace


def test_a_preview_shows_what_the_server_would_make_and_makes_nothing(engine: Engine, namespace: str) -> None:
    shown = engine.preview(CONFIG_MAP, "c", config_map(namespace))
    assert shown["metadata"]["uid"]  # the server's dry run answered, not the inputs
    assert engine.read(Resource(CONFIG_MAP, "c", f"{namespace}/c", {}, {})) is None


def test_a_preview_refuses_what_the_server_would_refuse(engine: Engine, namespace: str) -> None:
    with pytest.raises(OperationError, match="was not successfully created by the Kubernetes API server"):
        engine.preview(CONFIG_MAP, "c", config_map(namespace, "Not A Name"))


def test_a_preview_shows_the_inputs_where_namespace_kind_or_values_are_yet_to_come(engine: Engine) -> None:
    for inputs in (config_map("yet-to-come"), config_map(UNKNOWN)):
        assert "uid" not in engine.preview(CONFIG_MAP, "c", inputs)["metadata"]
    custom = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {}}
    assert engine.preview("kubernetes:example.com/v1:Thing", "t", custom)["spec"] == {}


def test_a_custom_resource_works_as_soon_as_its_definition_is_there(engine: Engine) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Cluster",
            "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    gadget = {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"size": 3}}
    token = "kubernetes:example.org/v1:Gadget"
    engine.check("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "d", definition)
    assert "namespace" not in engine.preview(token, "g", gadget)["metadata"]  # the program's definition tells the scope
    made = engine.create("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "d", definition)
    try:
        thing = engine.create(token, "g", gadget)
        assert thing.outputs["spec"] == {"size": 3}
        assert engine.update(thing, {**gadget, "spec": {"size": 4}}).outputs["spec"] == {"size": 4}
    finally:
        engine.delete(made)
    assert engine.read(thing) is None  # the kind is gone, and the object with it
    engine.delete(thing)


def test_deleting_waits_for_finalizers_until_the_timeout_and_names_them(engine: Engine, namespace: str) -> None:
    held = config_map(namespace, "held", finalizers=["example.org/hold"])
    made = engine.create(CONFIG_MAP, "held", held)
    began = time.monotonic()
    with pytest.raises(InitializationError, match="timed out waiting for the condition"):
        engine.delete(made, timeout=2)
    assert time.monotonic() - began >= 2
    assert engine.messages.warnings[-1].startswith("finalizers might be preventing deletion (")
    assert "example.org/hold" in engine.messages.warnings[-1]
    released = engine.update(made, config_map(namespace, "held", finalizers=[]))
    engine.delete(released, timeout=30)
    assert engine.read(made) is None


def test_a_namespace_is_deleted_when_it_has_terminated(engine: Engine) -> None:
    made = engine.create(NAMESPACE, "short-lived", {"apiVersion": "v1", "kind": "Namespace"})
    inside = engine.create(CONFIG_MAP, "c", config_map(made.id))
    engine.delete(made)
    assert engine.read(made) is None
    assert engine.read(inside) is None
    engine.delete(made)  # gone already is as good as deleted


def test_a_deployment_that_does_not_become_ready_is_recorded_with_its_failure(engine: Engine, namespace: str) -> None:
    with pytest.raises(InitializationError, match="'d' timed out waiting to be Ready") as failure:
        engine.create(DEPLOYMENT, "d", deployment(namespace), timeout=1)
    assert "Minimum number of live Pods was not attained" in failure.value.reasons
    made = engine.recorded((DEPLOYMENT, "d"), failure.value)
    assert made.outputs["metadata"]["uid"]
    with pytest.raises(InitializationError, match="'d' was created but failed to initialize"):
        engine.read(made)


def test_skip_await_takes_a_deployment_as_it_is(engine: Engine, namespace: str) -> None:
    made = engine.create(DEPLOYMENT, "d", deployment(namespace, skipAwait="true"))
    assert made.outputs["kind"] == "Deployment"


def test_an_import_finds_what_a_program_could_have_declared(engine: Engine, namespace: str) -> None:
    engine.create(CONFIG_MAP, "c", config_map(namespace, labels={"a": "b"}))
    found = engine.read(Resource(CONFIG_MAP, "c", f"{namespace}/c", {}, {}))
    assert found is not None
    declared = dict(config_map(namespace, labels={"a": "b"}).items())
    assert engine.diff(found, declared).changes is False
    assert set(found.inputs["metadata"].value) == {"name", "namespace", "labels"}  # type: ignore[arg-type]


def test_drift_is_seen_after_a_read(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace, labels={"a": "1"}))
    engine.update(made, config_map(namespace, labels={"a": "somebody"}))
    found = engine.read(made)
    assert found is not None
    assert list(engine.diff(found, config_map(namespace, labels={"a": "1"})).detailed_diff) == ["metadata.labels.a"]


def test_ignored_changes_are_no_changes(engine: Engine, namespace: str) -> None:
    made = engine.create(CONFIG_MAP, "c", config_map(namespace, labels={"a": "1"}))
    assert engine.diff(made, config_map(namespace, labels={"a": "2"}), ignore=["metadata.labels"]).changes is False


def test_a_type_that_is_none_is_refused_with_the_form_of_one(engine: Engine) -> None:
    with pytest.raises(OperationError, match="kubernetes:<group>/<version>:<Kind>"):
        engine.check("kubernetes:nonsense", "n", {})
