"""Clearing the state, against an engine that is a script: flags, stack file, an end in time, what is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.documents import read_yaml
from supportctl.kill.engine import Engine as Engine_
from supportctl.kill.in_cluster import finishing, in_cluster
from supportctl.kill.recorded import Recorded, recorded
from supportctl.kill.state import stack_file
from tests.providers.cluster.api_server import Answer, serving
from tests.providers.cluster.contexts import CONTEXT, write
from tests.supportctl.scripted_engine import PASSPHRASE, RBAC, ROWS, Engine, lock, row


def test_the_stacks_own_file_is_never_read(engine: Engine) -> None:
    """It may be no YAML, and then the engine would refuse to start: what it needs comes from the state."""
    engine.answers((0, "done"))
    assert engine.stack().clear().clear
    [destroy] = engine.calls("destroy")
    assert json.loads(destroy["config"]) == {"encryptionsalt": PASSPHRASE["state"]["salt"]}
    assert {"--refresh", "--continue-on-error", "--yes", "--run-program=false"} <= set(destroy["words"])
    assert destroy["environ"]["PULUMI_K8S_DELETE_UNREACHABLE"] == "true"


@pytest.mark.parametrize(
    ("secrets", "file"),
    [
        (
            {"type": "cloud", "state": {"url": "awskms://alias/x", "encryptedkey": "AQ=="}},
            {"secretsprovider": "awskms://alias/x", "encryptedkey": "AQ=="},
        ),
        ({"type": "service", "state": {"url": "https://api.example.com", "owner": "o"}}, {}),
        ({}, {}),
    ],
)
def test_a_stack_file_names_the_key_that_the_states_secrets_have(secrets: dict[str, Any], file: Any) -> None:
    assert json.loads(stack_file(secrets)) == file


def test_a_destroy_that_does_not_end_is_ended_and_said_so(engine: Engine) -> None:
    engine.answers((0, "done"), seconds=60)
    cleared = engine.stack().clear(0.5)
    assert not cleared.clear
    assert "did not end" in str(cleared.error)


@pytest.mark.parametrize(
    ("code", "more", "error"),
    [
        (0, {"empties": False}, "the state is not empty"),
        (1, {"empties": True}, "error: odd"),
        (0, {"hides": True}, "the state cannot be read"),
    ],
)
def test_a_state_is_clear_only_when_the_engine_says_so_and_it_is_seen_to_be_empty(
    engine: Engine, code: int, more: dict[str, bool], error: str
) -> None:
    engine.answers((code, "error: odd" if code else "done"), **more)
    cleared = engine.stack().clear()
    assert not cleared.clear
    assert error in str(cleared.error)
    assert "supportctl kill acme-prod" in str(cleared.error)


def test_what_an_unreachable_cluster_keeps_is_named_for_kubectl(engine: Engine) -> None:
    engine.answers((0, "warning: configured Kubernetes cluster is unreachable"))
    cleared = engine.stack().clear()
    assert cleared.clear
    assert cleared.in_cluster is not None
    line = finishing("acme-prod", cleared.in_cluster)
    binding = "'clusterrolebinding/support-access:highflame-sre:user:a b@example.com'"
    assert f"kubectl delete clusterrole/highflame-sre {binding}. " in line
    assert "helm uninstall tailscale-operator -n tailscale" in line
    assert "supportctl verify acme-prod --gone" in line, "finalizers that nobody takes off any more"


def test_what_lies_in_customers_namespaces_is_named_with_the_command_for_each(engine: Engine) -> None:
    """What is ours is deleted; a customer's own Service only loses the annotations that we gave it."""
    patch = row("kubernetes:core/v1:ServicePatch", "acme-prod-studio", "shop/studio")
    annotations = {"tailscale.com/expose": "true", "pulumi.com/skipAwait": "true"}
    patch["inputs"] = {"metadata": {"name": "studio", "namespace": "shop", "annotations": annotations}}
    rows = [
        *ROWS,
        row("kubernetes:core/v1:Namespace", "acme-prod-namespace", "tailscale"),
        row(f"{RBAC}:RoleBinding", "acme-prod-roles-b", "shop/support-access:view:sre"),
        row(f"{RBAC}:RoleBinding", "acme-prod-roles-c", "billing/support-access:view:sre"),
        row("kubernetes:tailscale.com/v1alpha1:Connector", "acme-prod-network", "support-access-network"),
        patch,
    ]
    engine.holds(rows)
    engine.answers((0, "warning: configured Kubernetes cluster is unreachable"))
    assert engine.stack().clear().in_cluster == (
        "kubectl delete clusterrole/highflame-sre "
        "'clusterrolebinding/support-access:highflame-sre:user:a b@example.com' connector/support-access-network",
        "kubectl delete -n shop rolebinding/support-access:view:sre",
        "kubectl delete -n billing rolebinding/support-access:view:sre",
        "kubectl annotate -n shop service/studio tailscale.com/expose- pulumi.com/skipAwait-",
    )
    assert not any("delete -n shop service" in command for command in in_cluster(rows) or ())


def test_what_an_earlier_destroy_dropped_is_found_by_its_label(engine: Engine) -> None:
    engine.holds([ROWS[0], ROWS[-1]])
    engine.answers((1, "error: can't delete Helm Release with unreachable cluster"))
    cleared = engine.stack().clear()
    assert cleared.in_cluster == ()
    line = finishing("acme-prod", ())
    assert "kubectl delete clusterroles,clusterrolebindings -l app.kubernetes.io/managed-by=support-access" in line
    assert "kubectl delete rolebindings --all-namespaces -l app.kubernetes.io/managed-by=support-access" in line


def test_what_an_engine_that_refuses_leaves_in_the_cluster_is_named_too(engine: Engine) -> None:
    """The operator goes on running there, and nobody would know."""
    engine.answers((1, "error: could not load provider"))
    assert engine.stack().clear().in_cluster == in_cluster(ROWS)
    engine.fails_to_export()
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster) == (False, ())
    assert "supportctl kill acme-prod" in str(cleared.error)


@pytest.mark.parametrize("rows", [ROWS, [ROWS[0], row("tailnet:index:PolicySlice", "acme-prod-access")], []])
def test_a_cluster_that_was_cleaned_or_never_ours_keeps_nothing(engine: Engine, rows: list[dict[str, Any]]) -> None:
    engine.holds(rows)
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster, cleared.empty) == (True, None, not rows)


def test_what_a_run_was_making_when_it_was_cut_short_is_not_called_clear(engine: Engine) -> None:
    engine.was_making(row("aws:ec2/rule:Rule", "acme-prod-egress-0"))
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.left) == (False, ("acme-prod-egress-0",))
    assert "--clear-pending-creates" in str(cleared.error)
    engine.was_making()
    engine.answers((0, "done"))
    assert engine.stack().clear().clear, "what was going is looked for by its tags and labels"


def test_a_key_that_the_state_still_names_is_named_by_its_id(engine: Engine) -> None:
    """The admin console shows no auth key that an OAuth client minted: nobody could find it by its name."""
    engine.holds(
        [ROWS[0], row("tailscale:index/tailnetKey:TailnetKey", "acme-prod-sidecar-worker-key", "kAbc123CNTRL")]
    )
    engine.answers((1, "error: could not load provider"))
    assert engine.stack().clear().left == ("acme-prod-sidecar-worker-key (kAbc123CNTRL)",)


def test_the_file_for_the_engine_is_gone_afterwards(engine: Engine) -> None:
    engine.answers((0, "done"))
    engine.stack().clear()
    [destroy] = engine.calls("destroy")
    config = Path(destroy["words"][destroy["words"].index("--config-file") + 1])
    assert not config.parent.exists()


def test_a_project_that_does_not_load_is_stood_in_for_and_that_is_told(engine: Engine) -> None:
    (engine.project / "Pulumi.yaml").write_text("broken: [\n")
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert cleared.clear
    assert "project is missing a 'name' attribute" in str(cleared.told)
    [destroy] = engine.calls("destroy")
    project = json.loads(destroy["project"])
    assert project["name"] == read_yaml(Path(__file__).parents[2] / "Pulumi.yaml")["name"]
    [plugin] = project["plugins"]["providers"]
    assert (plugin["name"], (Path(plugin["path"]) / "pulumi-resource-tailnet").is_file()) == ("tailnet", True)
    assert (engine.project / "Pulumi.yaml").read_text() == "broken: [\n"


def test_a_state_that_the_stand_in_does_not_find_is_not_called_empty(engine: Engine) -> None:
    """The project's own file may name another backend."""
    (engine.project / "Pulumi.yaml").write_text("broken: [\n")
    engine.holds([])
    cleared = engine.stack().clear()
    assert not cleared.clear
    assert "Pulumi.yaml" in str(cleared.error)


def test_a_backend_that_does_not_answer_is_said_so_and_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportctl.kill.state.READ", 0.3)
    (engine.folder / "bin" / "pulumi").write_text("#!/bin/sh\nexec sleep 60\n")
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster) == (False, ())
    assert "the backend did not answer" in str(cleared.error)


def test_a_state_says_nothing_of_access(engine: Engine) -> None:
    """Whether that is cut is not known here: the policy may have been refused."""
    engine.answers((1, "error: odd"))
    assert "cut" not in str(engine.stack().clear().error)
    engine.answers((255, lock(os.getpid())))
    assert "Where the killed-group was written" in str(engine.stack(lock_patience=0).clear().error)


def test_output_that_is_no_text_is_read_all_the_same(engine: Engine) -> None:
    (engine.folder / "bin" / "pulumi").write_text("#!/bin/sh\nprintf 'error: \\377\\n' >&2\nexit 1\n")
    assert "error: \N{REPLACEMENT CHARACTER}" in str(engine.stack().clear().error)


def test_whoever_interrupts_the_wait_leaves_no_engine_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go on alone and hold the stack's lock."""
    binary = tmp_path / "pulumi"
    binary.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    binary.chmod(0o755)

    def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> tuple[str, str]:
        if timeout == 30:
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
                assert process.poll() is None
            raise KeyboardInterrupt
        return wait(process, timeout=timeout)

    wait = subprocess.Popen.communicate
    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeyboardInterrupt):
        Engine_(tmp_path, dict(os.environ)).run("destroy", limit=30)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_outlives_the_engine_and_keeps_its_pipe_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill that hangs in its report never looks a last time."""
    binary = tmp_path / "pulumi"
    binary.write_text(f"#!/bin/sh\nsetsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' &\nwait\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("supportctl.kill.engine.GRACE", 0.3)
    assert Engine_(tmp_path, dict(os.environ)).run("destroy", limit=1) == (None, "")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # raises unless it lives


def cluster_row(kubeconfig: Path, uid: str) -> dict[str, Any]:
    made = row("tailnet:index:Cluster", "acme-prod-cluster", "acme-prod")
    return {**made, "outputs": {"context": CONTEXT, "kubeconfig": str(kubeconfig), "uid": uid}}


def kube_system(uid: str) -> Answer:
    return 200, {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}}


def test_nothing_is_destroyed_through_a_context_that_leads_to_another_cluster(engine: Engine, tmp_path: Path) -> None:
    """An operator's names are fixed: the destroy would delete the other cluster's."""
    engine.answers((0, "done"))
    with serving(lambda path, query: kube_system("other")) as server:
        file = write(tmp_path / "kubeconfig", {"server": server.url}, {})
        engine.holds([*ROWS, cluster_row(file, "ours")])
        cleared = engine.stack().clear()
    assert engine.calls("destroy") == []
    assert (cleared.clear, cleared.look) == (False, False)
    assert "acme-prod-operator-release" in cleared.left
    assert cleared.in_cluster == in_cluster(ROWS)
    assert "leads to another cluster" in str(cleared.error)
    assert "`supportctl kill acme-prod` again" in str(cleared.error)


@pytest.mark.parametrize("answer", [kube_system("ours"), (401, {"kind": "Status"})], ids=["same", "refused"])
def test_a_cluster_that_is_not_seen_to_be_another_one_holds_nothing_up(
    answer: Answer, engine: Engine, tmp_path: Path
) -> None:
    engine.answers((0, "done"))
    with serving(lambda path, query: answer) as server:
        file = write(tmp_path / "kubeconfig", {"server": server.url}, {})
        engine.holds([*ROWS, cluster_row(file, "ours")])
        cleared = engine.stack().clear()
    assert (cleared.clear, cleared.look) == (True, True)
    assert cleared.known == Recorded(CONTEXT, file, "ours")


def test_a_state_of_an_older_version_records_no_cluster() -> None:
    assert recorded(ROWS) is None


def test_a_cluster_that_the_engine_could_not_reach_or_another_run_holds_is_not_looked_at(engine: Engine) -> None:
    engine.answers((0, "warning: configured Kubernetes cluster is unreachable"))
    assert not engine.stack().clear().look
    engine.holds(ROWS)
    engine.answers((255, lock(os.getpid())))
    assert not engine.stack(lock_patience=0).clear().look
    engine.answers((1, "error: odd"))
    assert engine.stack().clear().look
