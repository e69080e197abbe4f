"""What the egress probe dials, the Job that it is, and what is made of its results; the cluster is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from components.endpoints import derp_map
from components.settings.environment import EnvironmentSettings
from supportctl.commands import app
from supportctl.stack import StackError
from supportctl.verify import egress, in_cluster, probe
from supportctl.verify.checks import STUN, Check, CheckError, Expect, checks, chosen, everything_is_open
from supportctl.verify.probe import ProbeError, digest, job, results
from tests.components.conftest import LEAST
from tests.components.test_egress_settings import DNS, FIREWALL, GROUP

OPEN, REFUSED = "open", "refused"


def settings(**bent: Any) -> EnvironmentSettings:
    return EnvironmentSettings.model_validate({**LEAST, **bent})


def relay_map(**more: Any) -> dict[str, Any]:
    """As it is published, with made-up addresses; more: of the first node."""
    names = iter(derp_map.node_names())
    regions: dict[str, Any] = {}
    for region in derp_map.regions():
        nodes = [{"HostName": next(names), "IPv4": "198.51.100.7"} for _ in derp_map.NODES[region] or "-"]
        regions[str(region)] = {"Nodes": nodes}
    regions["1"]["Nodes"][0] |= more
    return {"Regions": regions}


def listed(**bent: Any) -> list[Check]:
    return checks(settings(**bent), relay_map)


def by_url(found: list[Check]) -> dict[str, Check]:
    assert len({check.url for check in found}) == len(found)
    return {check.url: check for check in found}


# What is dialled


def test_everything_that_pods_need_is_dialled_and_what_nobody_needs_must_stay_shut() -> None:
    found = by_url(listed())
    relays = {url for url, check in found.items() if check.relay}
    assert relays == {f"https://{name}:443/" for name in derp_map.node_names()}
    assert {url: check.expect for url, check in found.items() if url not in relays} == {
        "https://controlplane.tailscale.com:443/": Expect.NEEDED,
        "https://login.tailscale.com:443/": Expect.NEEDED,
        "https://api.tailscale.com:443/": Expect.NEEDED,
        "https://acme-v02.api.letsencrypt.org:443/": Expect.NEEDED,
        "https://example.com:443/": Expect.SHUT,
        "http://example.com:80/": Expect.SHUT,
        "http://controlplane.tailscale.com:80/": Expect.SHUT,
    }


def test_relays_are_dialled_by_the_maps_address_and_nothing_else_is() -> None:
    """A name that is looked up would teach a filter that watches the DNS what no client asks."""
    for check in listed():
        assert (check.address == "198.51.100.7") is check.relay


def test_a_relay_without_an_ipv4_address_is_dialled_by_its_other_one() -> None:
    found = checks(settings(), lambda: relay_map(IPv4="none", IPv6="2001:db8::1"))
    assert by_url(found)["https://derp1f.tailscale.com:443/"].address == "2001:db8::1"


@pytest.mark.parametrize("more", [{"IPv4": ""}, {"IPv4": "here"}, {"HostName": "relay;id.tailscale.com"}])
def test_a_map_that_cannot_be_dialled_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(CheckError, match="not the published one"):
        checks(settings(), lambda: relay_map(**more))


def test_udp_is_asked_about_only_where_it_is_declared() -> None:
    assert STUN not in by_url(listed())
    assert by_url(listed(egress=[{**GROUP, "udp": "stun"}]))[STUN].expect is Expect.NEEDED


def test_another_host_may_answer_only_where_the_stack_opens_everything() -> None:
    bounded = {**GROUP, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}
    for targets, form, everything in (
        ([], "off", False),
        ([GROUP], "off", True),
        ([GROUP], "portable", True),
        ([GROUP], "cilium-sni", False),
        ([bounded], "off", False),
        ([GROUP, FIREWALL], "off", False),
        ([GROUP, DNS], "off", False),
    ):
        declared = settings(egress=targets, networkPolicy={"form": form})
        assert everything_is_open(declared) is everything
        found = by_url(checks(declared, relay_map))
        assert found["https://example.com:443/"].expect is (Expect.DECLARED if everything else Expect.SHUT)
        assert found["http://example.com:80/"].expect is Expect.SHUT


def test_behind_an_http_proxy_the_proxy_is_dialled_and_no_map_is_asked_for() -> None:
    def unavailable() -> Any:
        raise AssertionError("no relay is dialled")

    found = checks(settings(operator={"httpProxy": {"url": "http://proxy.acme.example:3128"}}), unavailable)
    needed = [check.url for check in found if check.expect is Expect.NEEDED]
    assert needed == ["http://proxy.acme.example:3128/"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("db.acme.example", "https://db.acme.example:443/"),
        ("db.acme.example:5432", "https://db.acme.example:5432/"),
        ("https://db.acme.example", "https://db.acme.example:443/"),
        ("http://db.acme.example", "http://db.acme.example:80/"),
        ("http://localhost:8080", "http://localhost:8080/"),
        ("10.0.0.1:443", "https://10.0.0.1:443/"),
    ],
)
def test_a_host_can_be_named_in_place_of_the_stacks(text: str, url: str) -> None:
    assert [check.url for check in chosen([text], [])] == [url]
    assert [check.expect for check in chosen([], [text])] == [Expect.SHUT]


@pytest.mark.parametrize(
    "text",
    ["", "*.tailscale.com", "a b", "$(id)", "host\n1 https://x/", "host/path", "x:0", "x:65536", "x:y", "-x", "x;id"],
)
def test_what_is_no_host_is_dialled_by_nobody(text: str) -> None:
    with pytest.raises(CheckError):
        chosen([text], [])


# The Job


def container(found: dict[str, Any]) -> dict[str, Any]:
    [only] = found["spec"]["template"]["spec"]["containers"]
    return only


def test_the_job_asks_for_nothing_and_ends_by_itself() -> None:
    made = job(settings(), listed(), limit=90.5)
    assert made["metadata"]["namespace"] == "tailscale"
    spec, pod = made["spec"], made["spec"]["template"]["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 91)
    assert spec["ttlSecondsAfterFinished"] > 0
    assert pod["automountServiceAccountToken"] is False
    assert not {"serviceAccountName", "hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert [volume.keys() - {"name"} for volume in pod["volumes"]] == [{"emptyDir"}]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = container(made)["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(made)["resources"].keys() == {"requests", "limits"}


def test_the_job_carries_the_environments_labels() -> None:
    made = job(settings(), listed())
    for labels in (made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]):
        assert labels.items() >= settings().names.labels.items()


def test_relays_are_hosts_of_the_pod_alone() -> None:
    made = job(settings(), listed())
    assert made["spec"]["template"]["spec"]["hostAliases"] == [
        {"ip": "198.51.100.7", "hostnames": derp_map.node_names()}  # an address twice is warned of
    ]
    assert "hostAliases" not in job(settings(), chosen(["a.example"], []))["spec"]["template"]["spec"]


def test_the_image_is_one_that_the_stack_has_pinned() -> None:
    mirrored = {"registry": "mirror.acme.example/x", "images": {"operator": {"digest": "sha256:" + "0" * 64}}}
    assert container(job(settings(), listed()))["image"] == "tailscale/k8s-operator:v1.96.5"
    made = job(settings(operator=mirrored), listed())
    assert container(made)["image"] == "mirror.acme.example/x/tailscale/k8s-operator@sha256:" + "0" * 64
    udp = settings(egress=[{**GROUP, "udp": "stun"}])
    assert container(job(udp, checks(udp, relay_map)))["image"] == "tailscale/tailscale:v1.96.5"


def test_hosts_reach_the_script_as_data() -> None:
    made = container(job(settings(), chosen(["a.example:8443"], ["b.example"])))
    assert made["command"] == ["/bin/sh", "-c", probe.SCRIPT.read_text()]
    env = {variable["name"]: variable["value"] for variable in made["env"]}
    assert env["CHECKS"] == "0 https://a.example:8443/\n1 https://b.example:443/"
    assert env["RESULTS"] == made["terminationMessagePath"]


def test_more_than_a_termination_message_holds_is_refused() -> None:
    assert job(settings(), listed())
    with pytest.raises(ProbeError, match="more than one probe can report"):
        job(settings(), chosen([f"h{number}.example" for number in range(200)], []))


def test_the_whole_list_fits_a_termination_message() -> None:
    found = listed()
    assert len(said(found, "unresolved").encode()) < probe.MOST_BYTES


# Its results


def said(found: list[Check], *seen: str) -> str:
    """What the script prints; the last word is for all that follow."""
    words = [*seen, *[seen[-1]] * (len(found) - len(seen))]
    rows = [json.dumps({"n": n, "seen": word}, separators=(",", ":")) for n, word in enumerate(words)]
    return "\n".join([*reversed(rows), json.dumps({"end": len(found), "of": digest(found)})]) + "\n"


PAIR = chosen(["a.example"], ["b.example"])


def test_results_are_told_in_the_order_of_the_list() -> None:
    assert [(row.check.host, row.seen) for row in results(PAIR, said(PAIR, OPEN, REFUSED))] == [
        ("a.example", OPEN),
        ("b.example", REFUSED),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no end"),
        ('{"n":0,"seen":"open"}\n', "no end"),
        ("sh: wget: not found\n", "no result"),
        ('{"seen":"open"}\n', "no result"),
        ("[1]\n", "no result"),
        (f'{{"n":0,"seen":"open"}}\n{{"end":2,"of":"{digest(PAIR)}"}}', "told of 1"),
        (said(PAIR, OPEN).replace(digest(PAIR), "0" * 12), "another list"),
        (said(PAIR[:1], OPEN), "another list"),
    ],
)
def test_results_that_are_not_whole_or_not_of_this_list_are_refused(text: str, told: str) -> None:
    with pytest.raises(ProbeError, match=told):
        results(PAIR, text)


def test_the_same_hosts_with_other_addresses_are_another_list() -> None:
    moved = checks(settings(), lambda: relay_map(IPv4="198.51.100.8"))
    assert digest(moved) != digest(listed())


@pytest.mark.parametrize(
    ("expect", "good"),
    [
        (Expect.NEEDED, {"open"}),
        (Expect.SHUT, {"unresolved", "refused", "silent", "cut"}),
        (Expect.DECLARED, {"open", "untrusted", "unresolved", "refused", "silent", "cut"}),
    ],
)
def test_what_could_not_be_asked_never_holds(expect: Expect, good: set[str]) -> None:
    check = Check(url="https://a.example:443/", expect=expect, why="")
    assert {seen for seen in egress.MEANINGS if egress.holds(probe.Result(check, seen))} == good


# The command


Verify = Callable[..., Result]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verify:
    """`verify(*words, seen=[...], **settings)`: in a cluster where the probe sees what it is told to."""

    def run(*words: str, seen: tuple[str, ...] = (OPEN,), **bent: Any) -> Result:
        monkeypatch.setattr(egress, "settings_of", lambda *_: settings(**bent))
        monkeypatch.setattr(egress, "shown_outputs_of", lambda *_: {})

        def answer(cluster: Any, made: dict[str, Any], *, limit: float) -> str:
            assert cluster.context == "acme-prod"
            assert limit > made["spec"]["activeDeadlineSeconds"]
            env = {row["name"]: row["value"] for row in container(made)["env"]}
            count = len(env["CHECKS"].splitlines())
            given = [*seen, *[seen[-1]] * (count - len(seen))]
            rows = [json.dumps({"n": n, "seen": word}) for n, word in enumerate(given)]
            return "\n".join([*rows, json.dumps({"end": count, "of": env["DIGEST"]})])

        monkeypatch.setattr(in_cluster, "run", answer)
        path = tmp_path / "derpmap.json"
        path.write_text(json.dumps(relay_map()))
        given = ["verify", "acme-prod", *words, "--map-file", str(path)]
        return CliRunner(env={"COLUMNS": "250"}).invoke(app, given)

    return run


def test_a_network_that_is_as_it_must_be(verify: Verify) -> None:
    done = verify("--egress", seen=(*[OPEN] * 92, REFUSED))
    assert done.exit_code == 0, done.output
    assert "88 of 88 answered" in done.output
    assert "derp1f" not in done.output
    assert "All is as it must be." in done.output


def test_a_relay_that_does_not_answer_is_named(verify: Verify) -> None:
    done = verify("--egress", seen=(*[OPEN] * 10, "silent", *[OPEN] * 81, REFUSED))
    assert done.exit_code == 1
    assert "87 of 88 answered" in done.output
    failed = [line for line in done.output.splitlines() if "FAILED" in line and "https://derp" in line]
    assert len(failed) == 1
    assert "no answer" in failed[0]


def test_what_must_stay_shut_and_answers_fails(verify: Verify) -> None:
    done = verify("--egress", "--needed", "a.example", "--shut", "b.example", seen=(OPEN, OPEN))
    assert done.exit_code == 1
    assert "1 of 2 are not as they must be" in done.output


def test_decrypted_tls_is_told_as_what_it_is(verify: Verify) -> None:
    done = verify("--egress", "--needed", "a.example", seen=("untrusted",))
    assert done.exit_code == 1
    assert "decrypted on the way" in done.output


@pytest.mark.parametrize("words", [(), ("--egress", "--gone")])
def test_exactly_one_question_is_asked(verify: Verify, words: tuple[str, ...]) -> None:
    done = verify(*words)
    assert done.exit_code == 2
    assert "--egress, --gone or --reachable" in done.stderr


HANDOFF = {"delivery": "handoff", "cluster": None}


def test_a_stack_that_the_customer_installs_is_told_what_to_hand_over(verify: Verify) -> None:
    done = verify("--egress", **HANDOFF)
    assert done.exit_code == 2
    assert "--manifest" in done.stderr
    assert "--results" in done.stderr


def test_the_customers_results_are_judged_like_our_own(verify: Verify, tmp_path: Path) -> None:
    printed = verify("--egress", "--manifest", **HANDOFF)
    assert printed.exit_code == 0
    made = json.loads(printed.stdout)
    env = {row["name"]: row["value"] for row in container(made)["env"]}
    assert len(env["CHECKS"].splitlines()) == 95
    log = tmp_path / "probe.log"
    log.write_text(said(listed(), *[OPEN] * 92, REFUSED))
    assert verify("--egress", "--results", str(log), **HANDOFF).exit_code == 0
    log.write_text(said(listed(), *[OPEN] * 91, "cut", REFUSED))
    assert verify("--egress", "--results", str(log), **HANDOFF).exit_code == 1
    log.write_text("")
    assert verify("--egress", "--results", str(log), **HANDOFF).exit_code == 2


def test_a_stack_that_cannot_be_read_is_told(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: Any) -> EnvironmentSettings:
        raise StackError("no stack of that name")

    monkeypatch.setattr(egress, "settings_of", unreadable)
    done = CliRunner().invoke(app, ["verify", "acme-prod", "--egress"])
    assert done.exit_code == 2
    assert "no stack of that name" in done.stderr
