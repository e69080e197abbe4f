"""`pulumi import` of a PolicySlice: what is taken is what stands there, and taking it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.provider.experimental import provider as engine
from pulumi.runtime.proto import provider_pb2

from providers.tailnet.problems import PolicyError, TailnetError
from providers.tailnet.slice import applied
from providers.tailnet.slice_check import problems
from providers.tailnet.slice_import import Taken, taken
from providers.tailnet.values import plain_map
from tests.providers.plugin import plain, running_plugin, urn
from tests.providers.policies import ACME, FOREIGN, GLOBEX, TRAP, access, identity, value
from tests.providers.tailnet_api import SEED, Api, put_policy
from tests.providers.test_resources import Stack
from tests.providers.whole_slices import ACCESS_INPUTS, IDENTITY_INPUTS, NET, whole_access, whole_identity


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    stack = Stack(api)
    yield stack
    stack.provider.close()


def text_with_all(text: str = SEED) -> str:
    """acme-prod with every section, and two other environments, one of them with a name that begins as acme's."""
    slices = (whole_identity(), whole_access(), identity(GLOBEX), access(GLOBEX), identity(TRAP), access(TRAP))
    for slice in slices:
        text = applied(text, slice).text
    return text


def import_(stack: Stack, identifier: str, kind: str = "PolicySlice") -> tuple[str | None, dict[str, Any]]:
    """The id and the inputs; what was found stands in the stack's state then."""
    answer = stack.do(stack.provider.read(engine.ReadRequest(stack.urn(kind), identifier, {}, {})))
    inputs = plain_map(answer.inputs or {})
    if answer.resource_id:
        stack.state[kind + inputs["part"]] = plain_map(answer.properties or {})
    return answer.resource_id or None, inputs


def must_take(identifier: str, text: str) -> Taken:
    found = taken(identifier, value(text))
    assert found is not None
    return found


# --- through the provider ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "declared"),
    [("identity/acme/prod", IDENTITY_INPUTS), ("access/acme/prod", ACCESS_INPUTS)],
)
def test_an_environment_is_imported_as_it_was_declared(
    api: Api, stack: Stack, identifier: str, declared: dict[str, Any]
) -> None:
    before = text_with_all()
    put_policy(api, before)
    found, inputs = import_(stack, identifier)
    assert found == identifier
    assert inputs == declared
    assert stack.check("PolicySlice", inputs) == []
    assert stack.diff("PolicySlice", inputs) == {}
    assert stack.up("PolicySlice", inputs)["status"] == "written"
    assert api.text == before
    assert stack.log.warnings == []


@pytest.mark.parametrize(
    "identifier",
    ["shared", "shared/groups=group:highflame-sre;tests=0", "shared/GROUPS; tagOwners = tag:ci,tag:internal"],
)
def test_what_is_shared_is_imported_and_importing_changes_nothing(api: Api, stack: Stack, identifier: str) -> None:
    before = text_with_all()
    put_policy(api, before)
    found, inputs = import_(stack, identifier)
    assert found == "shared"
    assert stack.check("PolicySlice", inputs) == []
    assert stack.diff("PolicySlice", inputs) == {}
    assert stack.up("PolicySlice", inputs)["status"] == "written"
    assert api.text == before


def test_what_is_imported_goes_with_the_resource(api: Api, stack: Stack) -> None:
    put_policy(api, applied(applied(SEED, identity(ACME)).text, access(ACME)).text)
    for identifier in ("access/acme/prod", "identity/acme/prod"):
        import_(stack, identifier)
    stack.destroy("PolicySlice", "access")
    stack.destroy("PolicySlice", "identity")
    assert value(api.text) == {**value(SEED), "autoApprovers": {"services": {}}}


@pytest.mark.parametrize("identifier", ["identity/acme/staging", "access/acme/staging", "identity/acme-prod/y"])
def test_where_nothing_is_the_answer_has_no_id(api: Api, stack: Stack, identifier: str) -> None:
    put_policy(api, text_with_all())
    assert import_(stack, identifier) == (None, {})


@pytest.mark.parametrize("kind", ["Enrollment", "DeviceCleanup"])
def test_other_resources_refuse_import_and_say_what_to_do(stack: Stack, kind: str) -> None:
    with pytest.raises(TailnetError, match=r"cannot be imported: declare it and run `pulumi up`"):
        import_(stack, "acme-prod", kind)


def test_import_over_the_plugins_own_wire(api: Api) -> None:
    put_policy(api, text_with_all())

    def read(stub: Any, identifier: str, kind: str = "PolicySlice") -> Any:
        return stub.Read(provider_pb2.ReadRequest(id=identifier, urn=urn(kind), properties=struct_pb2.Struct()))

    with running_plugin(api.environ) as plugin:
        answer = read(plugin.stub, "identity/acme/prod")
        assert answer.id == "identity/acme/prod"
        assert plain(answer.inputs) == IDENTITY_INPUTS
        assert plain(answer.properties) == {**IDENTITY_INPUTS, "status": "written"}
        assert read(plugin.stub, "identity/acme/staging").id == ""
        for identifier, kind, words in (
            ("identity/acme", "PolicySlice", "is not the id of a PolicySlice"),
            ("acme-prod", "Enrollment", "cannot be imported"),
        ):
            with pytest.raises(grpc.RpcError) as raised:
                read(plugin.stub, identifier, kind)
            assert words in str(raised.value.details())  # type: ignore[attr-defined]


# --- what is taken -----------------------------------------------------------------------------------------


def test_each_environment_takes_its_own_and_nothing_of_the_others() -> None:
    text = text_with_all()
    for environment in (GLOBEX, TRAP):
        found = must_take(f"identity/{environment.customer}/{environment.environment}", text)
        assert found.inputs["sections"] == identity(environment).sections
        assert found.inputs["declared"] == access(environment).sections


def test_shared_takes_what_belongs_to_no_environment() -> None:
    inputs = must_take("shared", text_with_all()).inputs
    bare = value(SEED)
    assert inputs == {
        "part": "shared",
        "sections": {section: bare[section] for section in ("groups", "tagOwners", "grants", "tests")},
    }


def test_shared_takes_no_mark_of_a_kill_and_tells_of_sections_that_no_slice_declares() -> None:
    text = FOREIGN.replace('"groups": {', f'"groups": {{ "{ACME.killed_group}": [],')
    text = text.replace("{\n", '{\n  "randomizeClientPort": true,\n', 1)
    found = must_take("shared", text)
    assert found.inputs["sections"]["groups"] == value(FOREIGN)["groups"]
    assert any("randomizeClientPort" in note for note in found.notes)


def test_a_part_of_what_is_shared_is_exactly_what_was_asked_for() -> None:
    text = SEED.replace(
        '"tests": [', '"hosts": {"x": "10.1.0.0/16", "y": "10.2.0.0/16"},\n  "postures": {},\n  "tests": ['
    )
    text = text.replace('"deny": ["tag:internal:22"]},', '"deny": ["tag:internal:22"]},' + "".join(
        f'\n    {{"src": "tag:ci", "deny": ["tag:internal:{port}"]}},' for port in (23, 24)
    ))  # fmt: skip
    found = must_take("shared/groups=group:highflame-sre;hosts=y;tests=0,2;postures", text)
    assert found.inputs["sections"] == {
        "groups": value(SEED)["groups"],
        "hosts": {"y": "10.2.0.0/16"},
        "tests": [{"src": "tag:ci", "deny": [f"tag:internal:{port}"]} for port in (22, 24)],
    }
    assert problems(found.inputs) == []


def test_old_spellings_of_sections_are_taken_too() -> None:
    text = text_with_all().replace('"tagOwners": {', '"TagOwners": {').replace('"acls": [', '"ACLs": [')
    assert must_take("identity/acme/prod", text).inputs == IDENTITY_INPUTS


def test_an_entry_that_names_others_too_is_left_and_told() -> None:
    both = f'{{"src": ["{GLOBEX.kube_tag}", "{NET}"], "dst": ["tag:ci"], "ip": ["*"]}}'
    text = text_with_all().replace('"grants": [\n', f'"grants": [\n    {both},\n')
    found = must_take("access/acme/prod", text)
    assert found.inputs == ACCESS_INPUTS
    assert len(found.notes) == 1
    assert GLOBEX.kube_tag in found.notes[0]


# --- ids ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("", "'' is not the id of a PolicySlice: use identity/<customer>/<environment>"),
        ("acme-prod", "'acme-prod' is not the id of a PolicySlice: use identity/"),
        ("identity", "use identity/<customer>/<environment>"),
        ("identity/acme", "use identity/<customer>/<environment>"),
        ("grants/acme/prod", "'grants/acme/prod' is not the id"),
        ("identity/Acme/prod", "customer 'Acme' must match"),
        ("identity/operator/prod", "collide with the operators' tags"),
        ("access/acme/prod/more", "environment 'prod/more'"),
        ("access/acme/", "environment ''"),
        ("access//prod", "customer ''"),
        ("shared/autoApprovers", "a shared slice has no section 'autoApprovers'; it has groups, tagOwners"),
        ("shared/hosts=x", "the policy document has no section hosts"),
        ("shared/groups=group:nobody", "groups: group:nobody is not there; there is group:highflame-sre"),
        ("shared/groups=group:acme-prod-oncall", "groups: group:acme-prod-oncall belongs to an environment"),
        (f"shared/tagOwners={ACME.operator_tag}", "belongs to an environment"),
        ("shared/tests=0;Tests=1", "tests is asked for twice: write its names once, tests=a,b"),
        ("shared/groups=", "groups= is followed by no name: leave `=` out"),
        ("shared/tests=7", "tests: 7 is not there; there is 0"),
        ("shared/tests=-1", "tests: -1 is not there"),
        ("shared/tests=first", "tests: first is not there"),
        ("shared/tests=1", "tests: 1 belongs to an environment"),
    ],
)
def test_an_id_that_cannot_be_followed_says_why(identifier: str, words: str) -> None:
    document = value(applied(applied(SEED, whole_identity()).text, whole_access()).text)
    if "hosts" in identifier:
        del document["hosts"]
    with pytest.raises(PolicyError) as raised:
        taken(identifier, document)
    assert words in str(raised.value)


@pytest.mark.parametrize("part", ["identity", "access"])
def test_a_null_among_the_entries_is_passed_over(part: str) -> None:
    text = text_with_all()
    with_null = text.replace('"grants": [', '"grants": [ null,')
    assert must_take(f"{part}/acme/prod", with_null) == must_take(f"{part}/acme/prod", text)
