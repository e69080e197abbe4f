"""What somebody adds to our objects is taken away again, on a real API server, and a killed Helm command is cleared."""

from __future__ import annotations

import copy
import json
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.manifests.ceiling import ceiling
from components.manifests.network_policy import Reach, portable
from providers.cluster.helm_release import orphans, pending, records, removal
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError
from providers.tailnet.cluster_repair import ClusterRepair
from providers.tailnet.problems import TailnetError
from sandbox import chart, tools
from sandbox.world import World
from tests.providers.test_resources import Recorder

CONTEXT = "acme-prod"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
EVE = {"kind": "User", "name": "eve@example.com", "apiGroup": "rbac.authorization.k8s.io"}
CORE = "/api/v1/namespaces"


class Waiting:
    """A client that waits and does nothing else."""

    sleep = staticmethod(time.sleep)


class Stack:
    """A namespace with the impersonation limit and a network policy, as the engine made them, and their repair."""

    def __init__(self, look: ClusterLook, kubeconfig: str) -> None:
        self.look, self.kubeconfig = look, kubeconfig
        self.name = f"t-{secrets.token_hex(4)}"
        labels = {"support-access.highflame.ai/customer": "acme", "support-access.highflame.ai/environment": self.name}
        limit = ceiling(groups=["highflame-sre"], users=["ada@highflame.example"], labels=labels)
        policy = portable(Reach(needs=(), api_server=[("10.96.0.1/32", 443)]), labels)
        view = copy.deepcopy(limit["binding"])
        view["kind"] = "RoleBinding"
        made = [limit["role"], limit["binding"], view, policy]
        for manifest in made:
            manifest["metadata"] = {**manifest["metadata"], "name": self.name}
            if manifest["kind"] in ("RoleBinding", "NetworkPolicy"):
                manifest["metadata"]["namespace"] = self.name
            if "roleRef" in manifest:
                manifest["roleRef"] = {**manifest["roleRef"], "name": self.name}
        look.create(CORE, {"metadata": {"name": self.name, "labels": labels}})
        lists = [
            f"{RBAC}/clusterroles",
            f"{RBAC}/clusterrolebindings",
            f"{RBAC}/namespaces/{self.name}/rolebindings",
            f"/apis/networking.k8s.io/v1/namespaces/{self.name}/networkpolicies",
        ]
        self.objects = [
            {"path": f"{place}/{self.name}", "manifest": manifest} for place, manifest in zip(lists, made, strict=True)
        ]
        for place, manifest in zip(lists, made, strict=True):
            look.create(place, manifest, field_manager="pulumi-kubernetes")
        self.role, self.binding, self.in_namespace, self.policy = (each["path"] for each in self.objects)
        self.inputs = {
            "customer": "acme",
            "environment": "prod",
            "objects": self.objects,
            "release": self.name,
            "namespace": self.name,
            "context": CONTEXT,
            "kubeconfig": kubeconfig,
            "clusterUid": str((look.one("/api/v1/namespaces/kube-system") or {})["uid"]),
        }
        self.log = Recorder()
        self.repair = ClusterRepair(Waiting(), self.log)  # type: ignore[arg-type]
        self.state = self.repair.create(self.inputs)

    def live(self, path: str) -> dict[str, Any]:
        found = self.look.document(path)
        assert found is not None
        return found

    def up(self) -> None:
        """What the engine does with the resource in one update."""
        if self.repair.diff(self.state, self.inputs):
            self.repair.preview(self.inputs, self.state)
            self.state = self.repair.create(self.inputs, self.state)

    def as_declared(self) -> bool:
        keys = ("rules", "aggregationRule", "subjects", "roleRef", "spec")
        return all(
            self.live(each["path"]).get(key) == each["manifest"].get(key) for each in self.objects for key in keys
        )


@pytest.fixture(scope="module")
def kubeconfig(world: World) -> str:
    return world.env["KUBECONFIG"]


@pytest.fixture
def stack(kubeconfig: str) -> Iterator[Stack]:
    stack = Stack(ClusterLook(CONTEXT, Path(kubeconfig)), kubeconfig)
    yield stack
    for path in (stack.role, stack.binding, f"{CORE}/{stack.name}"):
        stack.look.delete(path)


def test_a_second_update_has_nothing_to_do(stack: Stack) -> None:
    assert stack.repair.diff(stack.state, stack.inputs) == {}
    assert stack.repair.read(stack.state) == stack.state
    assert stack.log.warnings == []


def widen(stack: Stack, path: str, patch: Any, manager: str) -> None:
    assert stack.look.patch(path, patch, field_manager=manager) is not None


@pytest.mark.parametrize("manager", ["kubectl-edit", "eve", "pulumi-kubernetes"])
def test_whoever_widens_an_object_in_whatever_form_it_is_seen_and_taken_away(stack: Stack, manager: str) -> None:
    live = {path: stack.live(path) for path in (stack.role, stack.binding, stack.in_namespace, stack.policy)}
    rules = live[stack.role]["rules"]
    masters = [{**rules[0], "resourceNames": [*rules[0]["resourceNames"], "system:masters"]}, *rules[1:]]
    subjects = live[stack.binding]["subjects"]
    widen(stack, stack.role, {"rules": masters}, manager)
    widen(stack, stack.binding, {"subjects": [*subjects, EVE]}, manager)
    widen(stack, stack.in_namespace, {"subjects": [{**subjects[0], "namespace": "kube-system"}, EVE]}, manager)
    egress = [*live[stack.policy]["spec"]["egress"], {}]
    widen(stack, stack.policy, {"spec": {"egress": egress, "ingress": [{}]}}, manager)

    seen = stack.repair.read(stack.state)
    assert [any(part in found for found in seen["findings"]) for part in ("system:masters", "eve@", "egress: {}")] == [
        True
    ] * 3
    assert stack.repair.diff(stack.state, stack.inputs) == {"findings": "update"}
    assert len(stack.log.warnings) == 4
    stack.up()
    assert stack.as_declared()
    assert stack.repair.diff(stack.state, stack.inputs) == {}


def test_the_limit_is_repaired_before_anything_else(stack: Stack) -> None:
    written: list[str] = []

    class Watching(ClusterLook):
        def patch(self, path: str, body: Any, **more: Any) -> Any:
            written.append(path)
            return super().patch(path, body, **more)

    stack.repair.connect = Watching
    widen(stack, stack.policy, {"spec": {"egress": [{}]}}, "eve")
    widen(stack, stack.binding, {"subjects": [EVE]}, "eve")
    widen(stack, stack.role, {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}, "eve")
    stack.up()
    assert written == [stack.role, stack.binding, stack.policy]


def test_a_role_that_others_fill_or_that_fills_others_is_its_own_again(stack: Stack) -> None:
    """The controller of aggregated roles writes the rules anew for as long as the role has an aggregationRule."""
    label = "rbac.authorization.k8s.io/aggregate-to-view"
    selectors = [{"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}}]
    widen(
        stack,
        stack.role,
        {"aggregationRule": {"clusterRoleSelectors": selectors}, "metadata": {"labels": {label: "true"}}},
        "eve",
    )
    ends = time.monotonic() + 60
    while len(stack.live(stack.role)["rules"]) < 5:  # the controller has filled it
        assert time.monotonic() < ends
        time.sleep(0.05)
    while not stack.as_declared():  # on a busy machine the controller may write once more after the repair
        assert time.monotonic() < ends
        stack.up()
    assert label not in stack.live(stack.role)["metadata"]["labels"]


def test_an_object_that_somebody_made_anew_and_wider_is_repaired_without_its_labels_too(stack: Stack) -> None:
    manifest = next(each["manifest"] for each in stack.objects if each["path"] == stack.role)
    stack.look.delete(stack.role)
    wide = {
        "metadata": {"name": stack.name, "annotations": {"acme.example/note": "kept"}},
        "rules": [{"apiGroups": [""], "resources": ["groups", "users"], "verbs": ["impersonate"]}],
    }
    stack.look.create(f"{RBAC}/clusterroles", wide, field_manager="eve")
    stack.up()
    assert stack.as_declared()
    metadata = stack.live(stack.role)["metadata"]
    assert manifest["metadata"]["labels"].items() <= metadata["labels"].items()
    assert metadata["annotations"] == {"acme.example/note": "kept"}


def test_a_binding_of_another_role_is_made_anew(stack: Stack) -> None:
    """With the owner that it had: else it would outlive the namespace."""
    metadata = stack.live(f"{CORE}/{stack.name}")["metadata"]
    owners = [{"apiVersion": "v1", "kind": "Namespace", "name": stack.name, "uid": metadata["uid"]}]
    live = stack.live(stack.binding)
    stack.look.delete(stack.binding)
    wide = {
        "metadata": {"name": stack.name, "labels": live["metadata"]["labels"], "ownerReferences": owners},
        "roleRef": {**live["roleRef"], "name": "cluster-admin"},
        "subjects": live["subjects"],
    }
    stack.look.create(f"{RBAC}/clusterrolebindings", wide)
    stack.up()
    assert stack.as_declared()
    assert stack.live(stack.binding)["metadata"]["ownerReferences"] == owners
    assert any("cluster-admin" in warning for warning in stack.log.warnings)


def test_what_the_customer_has_deleted_or_narrowed_stays_so(stack: Stack) -> None:
    stack.look.delete(stack.binding)
    widen(stack, stack.role, {"rules": stack.live(stack.role)["rules"][:1]}, "customer")
    stack.up()
    assert stack.look.one(stack.binding) is None
    assert len(stack.live(stack.role)["rules"]) == 1
    assert stack.log.warnings == []


def test_a_narrower_declaration_is_written_at_once_and_is_no_finding(stack: Stack) -> None:
    """It precedes the plugin's own update, which another manager's fields could refuse."""
    narrower = copy.deepcopy(stack.objects)
    narrower[0]["manifest"]["rules"] = narrower[0]["manifest"]["rules"][:1]
    stack.inputs = {**stack.inputs, "objects": narrower}
    assert stack.repair.diff(stack.state, stack.inputs) == {"objects": "update"}
    assert stack.log.warnings == []
    stack.state = stack.repair.create(stack.inputs, stack.state)
    assert stack.live(stack.role)["rules"] == narrower[0]["manifest"]["rules"]


def test_an_object_of_somebody_else_under_our_name_is_not_touched(stack: Stack) -> None:
    """Nothing is taken over at a first update: making the object is refused (components/cluster/leftovers.py)."""
    other = {"metadata": {"labels": {"support-access.highflame.ai/customer": "initech"}}}
    widen(stack, stack.role, {**other, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, "x")
    before = stack.live(stack.role)
    stack.repair.create(stack.inputs)
    assert stack.live(stack.role) == before


def test_a_cluster_that_does_not_answer_is_an_error_and_no_finding(stack: Stack) -> None:
    def silent(*_: Any) -> Any:
        raise ClusterUnknownError("the API server does not answer: timed out")

    stack.repair.connect = silent
    for ask in (
        lambda: stack.repair.read(stack.state),
        lambda: stack.repair.diff(stack.state, stack.inputs),
        lambda: stack.repair.create(stack.inputs, stack.state),
    ):
        with pytest.raises(TailnetError, match="could not be asked"):
            ask()
    stack.repair.delete(stack.state)  # asks nothing


def test_a_kill_compares_nothing_so_that_its_refresh_goes_on(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine reads and compares in a refresh, and a kill must not stop where the cluster does not answer."""
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    stack.repair.connect = lambda *_: pytest.fail("asked")
    assert stack.repair.read(stack.state) == stack.state
    assert stack.repair.diff(stack.state, stack.inputs) == {}


def test_a_credential_that_may_not_list_secrets_can_preview_all_the_same(stack: Stack) -> None:
    class Reading(ClusterLook):
        def all(self, path: str, labels: str = "") -> Any:
            raise ClusterRefusedError("the API server answers 403 Forbidden", 403, "Forbidden")

    stack.repair.connect = Reading
    widen(stack, stack.binding, {"subjects": [EVE]}, "eve")
    assert stack.repair.diff(stack.state, stack.inputs) == {"findings": "update"}
    assert "were not looked for" in stack.log.warnings[0]
    with pytest.raises(TailnetError, match="403 Forbidden"):
        stack.repair.create(stack.inputs, stack.state)


def test_another_cluster_is_not_compared_and_not_changed(stack: Stack) -> None:
    stack.inputs = {**stack.inputs, "clusterUid": "another"}
    widen(stack, stack.binding, {"subjects": [EVE]}, "eve")
    with pytest.raises(TailnetError, match="leads to another cluster"):
        stack.repair.create(stack.inputs, stack.state)
    assert stack.live(stack.binding)["subjects"] == [EVE]


def test_without_objects_the_cluster_is_not_asked_and_the_state_keeps_them(stack: Stack) -> None:
    """The program registers none where the cluster did not answer and the stack goes on, as a suspended one does."""

    def asked(*_: Any) -> Any:
        raise AssertionError("the cluster was asked")

    stack.repair.connect = asked
    inputs = {**stack.inputs, "objects": []}
    assert stack.repair.diff(stack.state, inputs) == {}
    assert stack.repair.create(inputs, stack.state)["objects"] == stack.objects


def test_a_repair_that_the_cluster_refuses_fails_and_the_others_are_made(stack: Stack) -> None:
    binding = stack.binding

    class Refusing(ClusterLook):
        def patch(self, path: str, body: Any, **more: Any) -> Any:
            if path == binding:
                raise ClusterRefusedError("the API server answers 403 Forbidden", 403, "Forbidden")
            return super().patch(path, body, **more)

    stack.repair.connect = Refusing
    widen(stack, stack.binding, {"subjects": [EVE]}, "eve")
    widen(stack, stack.policy, {"spec": {"egress": [{}]}}, "eve")
    with pytest.raises(TailnetError, match="403 Forbidden"):
        stack.repair.create(stack.inputs, stack.state)
    assert stack.live(stack.policy)["spec"]["egress"] != [{}]


@pytest.fixture(scope="module")
def helm() -> Path:
    return tools.locate()["helm"]


class Release:
    """A Helm release of the operator's chart, called like its namespace. Without the definitions, which an API server
    takes minutes to delete."""

    def __init__(self, helm: Path, stack: Stack) -> None:
        packed = chart.repository(helm) / f"{chart.NAME}-{chart.version()}.tgz"
        self.look, self.name, self.helm = stack.look, stack.name, helm
        self.place = ["--kubeconfig", stack.kubeconfig, "--kube-context", CONTEXT, "--namespace", stack.name]
        self.chart = [str(packed), "--set", "installCRDs=false"]

    def run(self, *words: str) -> str:
        done = subprocess.run([self.helm, *words, *self.place], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else done.stderr

    def status(self) -> str:
        return json.loads(self.run("status", self.name, "--output", "json"))["info"]["status"]

    def killed(self, *words: str, when: Callable[[], object]) -> None:
        """Runs the command in short steps, and kills it as soon as `when` holds."""
        with subprocess.Popen([self.helm, *words, *self.place], stdout=-1, stderr=-1, text=True) as process:
            while True:
                time.sleep(0.005)
                assert process.poll() is None, process.communicate()
                process.send_signal(signal.SIGSTOP)
                if when():
                    break
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()

    def has(self, path: str) -> Callable[[], object]:
        return lambda: self.look.one(path)

    def made(self) -> dict[str, Callable[[], object]]:
        """Points of an installation, in Helm's order."""
        return {
            "recorded": lambda: pending(self.look, self.name, self.name),
            "accounts": self.has(f"{CORE}/{self.name}/serviceaccounts/operator"),
            "cluster role": self.has(f"{RBAC}/clusterroles/tailscale-operator"),
            "namespaced role": self.has(f"{RBAC}/namespaces/{self.name}/roles/operator"),
            "deployment": self.has(f"/apis/apps/v1/namespaces/{self.name}/deployments/operator"),
        }


CHARTS = ("clusterrolebindings/tailscale-operator", "clusterroles/tailscale-operator")
INGRESS_CLASS = "/apis/networking.k8s.io/v1/ingressclasses/tailscale"


@pytest.fixture
def release(stack: Stack, helm: Path) -> Iterator[Release]:
    yield Release(helm, stack)
    for path in (*(f"{RBAC}/{each}" for each in CHARTS), INGRESS_CLASS):
        stack.look.delete(path)


@pytest.mark.parametrize("point", ["recorded", "accounts", "cluster role", "namespaced role", "deployment"])
def test_an_installation_that_was_killed_anywhere_can_be_made_after_the_repair(
    stack: Stack, release: Release, point: str
) -> None:
    release.killed("install", release.name, *release.chart, when=release.made()[point])
    assert "cannot re-use a name" in release.run("install", release.name, *release.chart)
    assert "pending-install" in stack.repair.read(stack.state)["findings"][0]
    stack.up()
    assert stack.state["completes"] == "completes pending-install of revision 1, which was interrupted"
    release.run("install", release.name, *release.chart)
    assert release.status() == "deployed"
    assert stack.repair.diff(stack.state, stack.inputs) == {}


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_an_upgrade_or_rollback_that_was_killed_can_be_followed_by_another(
    stack: Stack, release: Release, command: str
) -> None:
    release.run("install", release.name, *release.chart)
    words = ["rollback", release.name, "1"] if command == "rollback" else ["upgrade", release.name, *release.chart]
    release.killed(*words, when=lambda: pending(stack.look, stack.name, stack.name))
    assert "another operation" in release.run("upgrade", release.name, *release.chart)
    assert f"revision 2 (pending-{command})" in stack.repair.read(stack.state)["findings"][0]
    stack.up()
    release.run("upgrade", release.name, *release.chart)
    assert release.status() == "deployed"


def test_what_a_killed_installation_leaves_beyond_its_namespace_is_found_when_its_record_is_gone(
    stack: Stack, release: Release
) -> None:
    release.killed("install", release.name, *release.chart, when=release.made()["deployment"])
    assert orphans(stack.look, stack.name, stack.name) == []  # it has a record: Helm can uninstall it
    (record,) = pending(stack.look, stack.name, stack.name)
    stack.look.delete(record.path)
    found = orphans(stack.look, stack.name, stack.name)
    assert {orphan.kind for orphan in found} <= {"clusterrole", "clusterrolebinding", "ingressclass"}
    assert f"kubectl --context {CONTEXT} delete clusterrole tailscale-operator" in removal(found, CONTEXT)
    for orphan in found:
        assert stack.look.delete(orphan.path)
    assert orphans(stack.look, stack.name, stack.name) == []


def test_a_release_that_only_helm_knows_is_installed_again_over_its_own_objects(stack: Stack, release: Release) -> None:
    """As a process leaves it that was killed between the end of `helm install` and the engine's record of it."""
    release.run("install", release.name, *release.chart)
    for record in records(stack.look, stack.name, stack.name):
        stack.look.delete(record.path, uid=record.uid)
    release.run("install", release.name, *release.chart)
    assert release.status() == "deployed"
