"""Who gets in is named, as what is unambiguous, and what would let in more than one entry says is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings.access import Subject
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError

LEAST: dict[str, Any] = {
    "customer": "acme",
    "environment": "prod",
    "access": [{"from": "group:highflame-sre", "role": "read-only"}],
}


def loaded(**keys: Any) -> EnvironmentSettings:
    flat = {f"support-access:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in {**LEAST, **keys}.items()}
    settings = load("acme-prod", flat)
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refusals(**keys: Any) -> dict[str, str]:
    """Key to all that is said about it."""
    with pytest.raises(SettingsError) as caught:
        loaded(**keys)
    return {problem.key.removeprefix("support-access:"): str(problem) for problem in caught.value.problems}


def entry(source: str, **more: Any) -> dict[str, Any]:
    return {"from": source, "role": "view", **more}


@pytest.mark.parametrize(
    ("source", "group", "subject"),
    [
        ("group:highflame-sre", "highflame-sre", Subject("Group", "highflame-sre")),
        ("tag:ci-runner", "tag:ci-runner", Subject("Group", "tag:ci-runner")),
        ("ada@example.com", None, Subject("User", "ada@example.com")),
        ("ada@github", None, Subject("User", "ada@github")),
        ("phone@passkey", None, Subject("User", "phone@passkey")),
    ],
)
def test_without_more_words_a_source_acts_as_itself(source: str, group: str | None, subject: Subject) -> None:
    (found,) = loaded(access=[entry(source)]).access
    assert (found.impersonate, found.subject, found.posture) == (group, subject, None)


@pytest.mark.parametrize("source", ["group:a", "tag:ci-runner", "ada@example.com"])
def test_every_source_may_act_as_a_group_of_the_vendors_own(source: str) -> None:
    (found,) = loaded(access=[entry(source, impersonate="leads")]).access
    assert found.subject == Subject("Group", "leads")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("*", "whoever joins the tailnet later"),
        ("autogroup:member", "whoever joins the tailnet later"),
        ("autogroup:tagged", "whoever joins the tailnet later"),
        ("autogroup:danger-all", "whoever joins the tailnet later"),
        ("user:*@example.com", "whoever joins the tailnet later"),
        ("*@example.com", "whoever joins the tailnet later"),
        ("tag:*", "whoever joins the tailnet later"),
        ("group:*", "whoever joins the tailnet later"),
        ("tag:kube-globex-prod", "customer's tag"),
        ("tag:kube-acme-prod", "customer's tag"),
        ("tag:k8s-operator-acme", "customer's tag"),
        ("tag:k8s-acme", "customer's tag"),
        ("tag:cust-globex", "customer's tag"),
        ("tag:Cust-globex", "customer's tag"),
        ("tag:api-acme-prod", "customer's tag"),
        ("tag:svc-acme-prod-web", "customer's tag"),
        ("tag:rec-acme-prod", "customer's tag"),
        ("tag:support-access-deployer", "this program itself"),
        ("tag:support-access-sentinel", "this program itself"),
        ("tag:", "not a tag"),
        ("tag:1", "not a tag"),
        ("tag:ci runner", "not a tag"),
        ("tag:ci:443", "not a tag"),
        ("group:", "not a group"),
        ("group:killed-acme-prod", "kill"),
        ("highflame-sre", "neither a group"),
        ("100.64.0.1", "neither a group"),
        ("100.64.0.0/10", "neither a group"),
        ("svc:web", "neither a group"),
        ("ipset:all", "neither a group"),
        ("", "neither a group"),
        ("system:admin", "neither a group"),
        ("system:admin@x", "not one person's address"),
        ("ada@", "not one person's address"),
        ("ada@example.com,grace@example.com", "not one person's address"),
        ("a%b@example.com", "has a %"),
        (["group:a"], "must be text"),
        (None, "must be text"),
    ],
)
def test_what_is_no_named_source_is_refused(source: Any, what: str) -> None:
    assert what in refusals(access=[entry(source)])["access[0].from"]


def test_the_deployer_is_no_source() -> None:
    assert "is the deployer" in refusals(deployer="tag:pipeline", access=[entry("tag:pipeline")])["access[0].from"]


@pytest.mark.parametrize(
    ("source", "group", "what"),
    [
        ("tag:ci-runner", "tag:other", "has a colon"),
        ("tag:ci-runner", "system:masters", "has a colon"),
        ("group:a", "tag:ci-runner", "has a colon"),
        ("ada@example.com", "system:masters", "has a colon"),
        ("ada@example.com", "ada@example.com", "not a group's name"),
        ("group:a", None, "null"),
        ("tag:ci-runner", None, "null"),
        ("ada@example.com", 7, "must be text"),
    ],
)
def test_no_group_of_the_cluster_or_of_another_source_is_impersonated(source: str, group: Any, what: str) -> None:
    assert what in refusals(access=[entry(source, impersonate=group)])["access[0].impersonate"]


# --- posture -----------------------------------------------------------------------------------------------

CONDITIONS = [
    "node:os == 'macos'",
    'node:os != "linux"',
    "node:os IN ['macos', 'linux']",
    "node:os NOT IN ['ios']",
    "node:osVersion >= '14'",
    "node:tsVersion<'1.98.0'",
    "node:tsReleaseTrack == 'stable'",
    "node:tsAutoUpdate == true",
    "node:tsStateEncrypted == true",
    "custom:tier == 'prod'",
    "custom:score >= 70",
    "custom:score < -0.5",
    "custom:tier IS SET",
    "custom:tier NOT SET",
    "falcon:ztaScore >= 60",
    "sentinelOne:agentVersion == '23'",
    "ip:country == 'DE'",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_documented_forms_of_a_condition_are_taken(condition: str) -> None:
    (found,) = loaded(access=[entry("group:a", posture=[condition])]).access
    assert (found.conditions, found.shared_posture) == ((condition,), None)


def test_a_shared_posture_is_named() -> None:
    (found,) = loaded(access=[entry("group:a", posture=["posture:managed-mac"])]).access
    assert (found.conditions, found.shared_posture) == ((), "posture:managed-mac")


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ("node:os = 'macos'", "neither a condition"),
        ("node:os == macos", "neither a condition"),
        ("node:os", "neither a condition"),
        ("os == 'macos'", "neither a condition"),
        ("node:os == 'macos' || true", "neither a condition"),
        ("node:os == 'macos', node:os == 'linux'", "neither a condition"),
        ("node:os IN []", "neither a condition"),
        ("node:os IN ['macos'", "neither a condition"),
        ("node:os IN [1]", "neither a condition"),
        ("node:os in ['macos']", "neither a condition"),
        ("node:os == 'mac\nos'", "neither a condition"),
        ("*", "neither a condition"),
        ("", "neither a condition"),
        ("node:osversion >= '14'", "did you mean node:osVersion?"),
        ("node:frobnication == 'x'", "No client reports"),
        ("node:os NOT SET", "for attributes of your own"),
        ("falcon:ztaScore IS SET", "for attributes of your own"),
        ("node:os > 'macos'", "is neither"),
        ("node:osVersion >= 14", "is neither"),
        ("custom:tier >= 'prod'", "is neither"),
        ("custom:score >= true", "is neither"),
        ("posture:", "not the name of a posture"),
        ("posture:a b", "not the name of a posture"),
        ("posture:*", "not the name of a posture"),
        ("posture:acme-prod-pf00d", "one environment's own posture"),
        ("posture:globex-prod-pf00d", "one environment's own posture"),
        ("posture:acme-eu-prod-pf00d", "one environment's own posture"),
        (7, "must be text"),
    ],
)
def test_any_other_condition_is_refused(condition: Any, what: str) -> None:
    assert what in refusals(access=[entry("group:a", posture=[condition])])["access[0].posture[0]"]


@pytest.mark.parametrize(
    ("posture", "what"),
    [
        ([], "empty"),
        ("posture:managed-mac", "must be a list"),
        (["posture:managed-mac", "posture:managed-linux"], "alternatives"),
        (["posture:managed-mac", "node:osVersion >= '14'"], "alternatives"),
        (["node:os == 'macos'", "node:os == 'macos'"], "twice"),
    ],
)
def test_a_posture_that_could_be_read_in_two_ways_is_refused(posture: Any, what: str) -> None:
    assert what in refusals(access=[entry("group:a", posture=posture)])["access[0].posture"]


# --- between entries ---------------------------------------------------------------------------------------


def test_an_entry_without_posture_beside_one_with_it_is_refused() -> None:
    mac = entry("group:a", posture=["node:os == 'macos'"])
    for pair in ([mac, entry("group:a")], [entry("group:a"), mac]):
        assert "from any device" in refusals(access=pair)["access[1].posture"]


def test_a_person_with_a_posture_has_a_group_that_only_such_a_device_gets() -> None:
    mac = ["node:os == 'macos'"]
    found = refusals(access=[entry("ada@example.com", posture=mac)])["access[0].impersonate"]
    assert "theirs also when another grant lets them in" in found
    assert "impersonate' ada" in found
    (right,) = loaded(access=[entry("ada@example.com", posture=mac, impersonate="ada")]).access
    assert right.subject == Subject("Group", "ada")


def test_two_postures_for_one_source_are_alternatives_that_somebody_wrote_out() -> None:
    both = [entry("group:a", posture=["posture:managed-mac"]), entry("group:a", posture=["posture:managed-linux"])]
    assert len(loaded(access=both).access) == 2


def test_the_same_conditions_in_another_order_are_the_same_entry() -> None:
    conditions = ["node:os == 'macos'", "node:osVersion >= '14'"]
    access = [entry("group:a", posture=conditions), entry("group:a", posture=conditions[::-1])]
    assert "says the same" in refusals(access=access)["access[1]"]


def test_one_person_has_one_role() -> None:
    access = [entry("ada@example.com"), entry("ada@example.com", role="read-only")]
    assert 'User "ada@example.com" has role "view"' in refusals(access=access)["access[1].role"]


def test_a_tag_and_a_group_that_act_as_one_group_have_one_role() -> None:
    access = [entry("group:a", impersonate="x"), entry("tag:ci-runner", impersonate="x", role="read-only")]
    assert 'Group "x" has role "view"' in refusals(access=access)["access[1].impersonate"]


def test_a_roster_holds_everybody_who_is_named() -> None:
    access = [entry("ada@example.com"), entry("group:a")]
    assert 'leaves out "ada@example.com"' in refusals(access=access, roster=["grace@example.com"])["roster"]
    assert loaded(access=access, roster=["ada@example.com"]).roster == ("ada@example.com",)


# --- exceptions of the isolation analysis ------------------------------------------------------------------

ACCEPTED = {"finding": "funnel", "subject": "tag:web", "reason": "the status page is public"}


def test_without_the_setting_nothing_is_excepted() -> None:
    assert loaded().isolation.exceptions == ()


def test_an_exception_says_what_of_whom_and_why() -> None:
    (found,) = loaded(isolation={"exceptions": [ACCEPTED]}).isolation.exceptions
    assert found.model_dump() == ACCEPTED


@pytest.mark.parametrize(
    ("bent", "key", "what"),
    [
        ({"finding": "Funnel possible"}, "[0].finding", "is no finding"),
        ({"finding": "*"}, "[0].finding", "is no finding"),
        ({"subject": " "}, "[0].subject", "one line"),
        ({"subject": None}, "[0].subject", "must be text"),
        ({"reason": ""}, "[0].reason", "at least 3 words"),
        ({"reason": "ok ok"}, "[0].reason", "at least 3 words"),
        ({"reason": "1 2 3 4 5"}, "[0].reason", "at least 3 words"),
        ({"reason": "a line\nand one more"}, "[0].reason", "on one line"),
        ({"until": "2027-01-01"}, "[0].until", "no setting"),
    ],
)
def test_an_exception_that_an_auditor_could_not_read_is_refused(bent: dict[str, Any], key: str, what: str) -> None:
    assert what in refusals(isolation={"exceptions": [{**ACCEPTED, **bent}]})[f"isolation.exceptions{key}"]


@pytest.mark.parametrize("missing", ["finding", "subject", "reason"])
def test_every_part_of_an_exception_is_required(missing: str) -> None:
    given = {key: value for key, value in ACCEPTED.items() if key != missing}
    assert "missing" in refusals(isolation={"exceptions": [given]})[f"isolation.exceptions[0].{missing}"]


def test_one_finding_about_one_subject_is_excepted_once() -> None:
    twice = [ACCEPTED, {**ACCEPTED, "reason": "another reason of mine"}]
    assert "twice" in refusals(isolation={"exceptions": twice})["isolation.exceptions"]
