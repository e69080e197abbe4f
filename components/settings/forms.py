"""The form that each single value must have: functions that give the value back or say what is wrong with it.

Owns rules about one value alone. Does not own why a setting matters, which its field in `settings` says, nor rules
between settings (the checks beside it). Dies by: each raises only the error that `problems.refuse` makes.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from components.naming import PROGRAM_TAGS, TAG_PREFIXES, as_slug
from components.settings.problems import refuse, shown
from providers.tailnet.logins import lowered
from providers.tailnet.tags import customer_problem, environment_problem

MIN_REASON_WORDS = 3
FIRST_YEAR, LAST_YEAR = 2000, 2199


class Settings(BaseModel):
    """Frozen; knows no other keys; camelCase in the stack's file, snake_case in Python."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


def customer(slug: str) -> str:
    problem = customer_problem(slug)
    if problem:
        near = as_slug(slug)
        raise refuse(_sentence(problem), example=None if customer_problem(near) else near)
    return slug


def environment(slug: str) -> str:
    problem = environment_problem(slug)
    if problem:
        near = as_slug(slug).replace("-", "")
        raise refuse(_sentence(problem), example=None if environment_problem(near) else near)
    return slug


def deployer(owner: str) -> str:
    if owner == "autogroup:admin":
        return owner
    if not re.fullmatch(r"tag:[a-zA-Z][a-zA-Z0-9-]*", owner):
        raise refuse(f"{shown(owner)} is neither a tag nor autogroup:admin.")
    if owner.lower().startswith(TAG_PREFIXES):
        raise refuse(f"{shown(owner)} has the form of a customer's tag.", why="A customer's device could mint others'.")
    return owner


def printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise refuse(f"{shown(text)} is not a name on one line.")
    return text


def kubeconfig_path(value: object) -> Path:
    """An absolute path; `~` and relative paths are those of the machine and folder where the program runs."""
    contents = isinstance(value, dict) or (isinstance(value, str) and re.search(r"[\n{]|apiVersion", value))
    if contents:  # not shown: it may hold a token
        raise refuse("It holds a kubeconfig's contents, and must be the path of the file.")
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refuse(f"{shown(value)} is not the path of a file.")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise refuse(f"The home folder in {shown(value)} is not known on this machine.") from None


def dns_label(name: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise refuse(
            f"{shown(name)} is not a host name: at most 63 lower-case letters, digits and hyphens, a letter first."
        )
    return name


def namespace(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise refuse(f"{shown(name)} is not a namespace's name: at most 63 lower-case letters, digits and hyphens.")
    return name


def source(name: str) -> str:
    """Who gets in: a group, one person's login or a tag; never a pattern that takes in people whom nobody named."""
    if name.startswith(("autogroup:", "user:")) or "*" in name:
        raise refuse(
            f"{shown(name)} takes in whoever joins the tailnet later.",
            why="Only named engineers get in: a group, a person or a tag says who they are.",
        )
    if name.startswith("tag:"):
        return _source_tag(name)
    if name.startswith("group:"):
        return _source_group(name)
    if "@" not in name:
        raise refuse(f"{shown(name)} is neither a group (group:...), a person's login nor a tag (tag:...).")
    if "%" in name:
        raise refuse(f"{shown(name)} has a %.", why="Kubernetes takes none in the name of the binding of its role.")
    return address(name)


def _source_group(name: str) -> str:
    """A group of the tailnet policy; with a domain, one that an identity provider brings (`group:sre@example.com`)."""
    if not re.fullmatch(r"group:[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9.-]+)?", name):
        raise refuse(f"{shown(name)} is not a group: group: and a name.")
    return _alive(name)


def _source_tag(name: str) -> str:
    """A tag of the vendor's own machines."""
    if not re.fullmatch(r"tag:[a-zA-Z][a-zA-Z0-9-]*", name):
        raise refuse(
            f"{shown(name)} is not a tag: tag:, a letter, then letters, digits and hyphens.", example="tag:ci-runner"
        )
    if name.lower().startswith(TAG_PREFIXES):
        raise refuse(
            f"{shown(name)} has the form of a customer's tag.",
            why="One customer's nodes must never reach another's, nor an operator another environment's.",
            example="tag:ci-runner",
        )
    if name.lower().startswith(PROGRAM_TAGS):
        raise refuse(
            f"{shown(name)} is a tag of this program itself.",
            why="Machines that need access carry a tag of their own.",
            example="tag:ci-runner",
        )
    return name


def policy_group(name: str) -> str:
    """A group that the tailnet stack itself defines."""
    if not re.fullmatch(r"group:[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise refuse(f"{shown(name)} is not group: and lower-case letters, digits and single inner hyphens.")
    return _alive(name)


def kubernetes_group(name: str) -> str:
    if ":" in name:
        raise refuse(
            f"{shown(name)} has a colon.",
            why="Groups with a colon are those of the cluster itself or of an identity provider; system:masters, for"
            " one, may do everything.",
        )
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", name):
        raise refuse(f"{shown(name)} is not a group's name: letters, digits and inner . _ -, at most 63.")
    return name


def address(login: str) -> str:
    """A tailnet login, `ada@example.com` or `ada@github`: what the API proxy impersonates as the user. Gives it back in
    lower case, as the service has it: Kubernetes compares names by case."""
    if not re.fullmatch(r"[A-Za-z0-9._%+'!^~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", login) or len(login) > 254:
        raise refuse(f"{shown(login)} is not one person's address.", example="ada@example.com")
    return lowered(login)


def filled(values: object) -> object:
    """Looked at before the items are, so that wrong items are not called none."""
    if values == [] or values == {}:
        raise refuse("It is empty.")
    return values


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if [v.lower() for v in values].count(value.lower()) > 1})
    if twice:
        raise refuse(
            f"It names {', '.join(twice)} twice.",
            why="Who removes one of them would think that the other is gone too.",
        )
    return values


def day(value: object) -> date:
    """`2026-11-23`.

    Written without quotes it is a time to YAML, and the engine hands it on as Go prints one: also taken.
    """
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})( 00:00:00 \+0000 UTC)?", value) if isinstance(value, str) else None
    try:
        parsed = date.fromisoformat(found[1]) if found else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise refuse(f"{shown(value)} is not a day, like 2026-11-23.")
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise refuse(f"{shown(value)} is not between {FIRST_YEAR} and {LAST_YEAR}.")
    return parsed


def moment(value: object) -> datetime:
    """A time with its zone, as RFC 3339 writes it.

    Written without quotes it is a time to YAML, and the engine hands it on as Go prints one: also taken.
    """
    if isinstance(value, str):
        printed = re.fullmatch(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4}) \S+", value)
        text = "{}T{}{}".format(*printed.groups()) if printed else value
        try:
            found = datetime.fromisoformat(text) if re.match(r"\d{4}-\d\d-\d\d[Tt]\d", text) else None
        except ValueError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found
    raise refuse(f"{shown(value)} is not a time with its zone.")


def aws_region(name: str) -> str:
    if not re.fullmatch(r"[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}", name):
        raise refuse(f"{shown(name)} is not an AWS region.")
    return name


def security_group(identifier: str) -> str:
    if not re.fullmatch(r"sg-([0-9a-f]{8}|[0-9a-f]{17})", identifier):
        raise refuse(f"{shown(identifier)} is not a security group's id.")
    return identifier


def networks(values: list[object]) -> tuple[str, ...]:
    """Networks in canonical form, neither one of them nor all together everything."""
    wrong, found = [], []
    for item in values:
        try:
            network = ipaddress.ip_network(item) if isinstance(item, str) else None
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            wrong.append(shown(item))
        else:
            found.append(network)
    if wrong:
        raise refuse(f"These are not ranges like 198.51.100.0/24, without host bits: {', '.join(wrong)}.")
    version_4 = ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv4Network))
    version_6 = ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv6Network))
    for together in (*version_4, *version_6):
        if together.prefixlen == 0:
            raise refuse(f"Together they are {together}, which is everything.")
    return distinct(tuple(map(str, found)))


def derp(value: object) -> object:
    """`any443`, or a tuple of networks in canonical form."""
    if value == "any443":
        return value
    if not isinstance(value, list) or not value:
        raise refuse(f"{shown(value)} is neither any443 nor a list of ranges.")
    return networks(value)


def finding(name: str) -> str:
    from providers.tailnet.analysis import KINDS  # only a stack with an exception waits for this import

    if name not in KINDS:
        raise refuse(f"{shown(name)} is no finding of the isolation analysis. It has {', '.join(KINDS)}.")
    return name


def reason(text: str) -> str:
    if not text.isprintable() or len(re.findall(r"[^\W\d_]{2,}", text)) < MIN_REASON_WORDS:
        raise refuse(f"{shown(text)} is not a reason: at least {MIN_REASON_WORDS} words on one line.")
    return text


def one_exception_each(exceptions: tuple[Any, ...]) -> tuple[Any, ...]:
    """No finding about one subject is excepted twice: the second reason would hide the first."""
    distinct(tuple(f"{each.finding} of {each.subject}" for each in exceptions))
    return exceptions


def _alive(group: str) -> str:
    if group.startswith("group:killed-"):
        raise refuse(
            f"{shown(group)} has the name of a kill's mark.",
            why="Such a group says that an environment was cut.",
        )
    return group


def _sentence(problem: str) -> str:
    return problem[0].upper() + problem[1:] + "."
