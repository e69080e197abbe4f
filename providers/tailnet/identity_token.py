"""The identity token of a federated identity: a JWT by which a CI run or a workload proves who it is.

Owns where it comes from (a variable, a file, or the runtime that we are in) and what can be said of it before it is
sent. It verifies nothing: the Tailscale API does, with the issuer's keys. A token is fetched anew for each exchange,
since projected ones rotate in place and those of CI live for minutes. No message shows one; its claims are no secret.

Of the runtimes that the official provider knows (tailscale.com/wif), GitHub Actions and Google Cloud are asked here.
AWS is not: that call is signed, and the AWS command line makes it (the message says how).
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from .problems import TailnetError
from .variables import Variable

Get = Callable[..., httpx.Response]
"""`get(url, params=, headers=, patience=)`: an answer of any status. Raises ApiError when none comes."""

_GITHUB = re.compile(
    r"repo:(?P<owner>[\w.-]+)(@(?P<owner_id>[0-9]+))?/(?P<repository>[\w.-]+)(@(?P<id>[0-9]+))?(?P<rest>:.+)"
)

METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token that somebody else obtained, in a variable or in a file that may be rotated."""

    variable: Variable

    @property
    def source(self) -> str:
        return str(self.variable.file or self.variable.name)

    @property
    def renewal(self) -> str:
        """How to mend a token that has expired."""
        if self.variable.file is not None:
            return "it is read anew for each exchange, so whoever writes the file has stopped: look there"
        return f"obtain a new one, or name a file that is kept fresh ({self.variable.name}=file:<path>)"

    def check(self) -> None:
        """Raises TailnetError when there is no token, or one that has expired."""
        claims(self.variable.read(), self, time.time())

    def obtain(self, get: Get) -> str:
        """The token as it stands now. Raises TailnetError."""
        del get  # nobody is asked
        return self.variable.read()


@dataclass(frozen=True, slots=True)
class RuntimeToken:
    """A token for `audience` that the runtime gives to its own jobs when they ask."""

    name: str
    audience: str
    request_url: str = ""
    request_token: str = field(default="", repr=False)

    source = "the runtime"
    renewal = "the clock of this machine or of the runtime is wrong: set it"

    def check(self) -> None:
        """Raises TailnetError when the job's own call cannot be made safely. Asks nobody."""
        if not self.request_url or not self.request_token:
            return
        parts = urlsplit(self.request_url)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise TailnetError(
                "ACTIONS_ID_TOKEN_REQUEST_URL must be https: over http the job's credential could be read on the way"
            )
        if not self.request_token.isascii() or not self.request_token.isprintable():
            raise TailnetError("ACTIONS_ID_TOKEN_REQUEST_TOKEN holds characters that no token has")

    def obtain(self, get: Get) -> str:
        """A new token. Raises TailnetError when the runtime gives none."""
        if self.request_url and self.request_token:
            return self._of_github(get)
        return self._of_google(get)

    def _of_github(self, get: Get) -> str:
        answer = get(
            self.request_url,
            params={"audience": self.audience},
            headers={"Authorization": f"Bearer {self.request_token}", "Accept": "application/json"},
        )
        try:
            token = answer.json()["value"] if answer.is_success else ""
        except (ValueError, KeyError, TypeError):
            token = ""
        if not isinstance(token, str) or not token.strip():
            raise TailnetError(
                f"GitHub Actions gave no identity token for the audience {self.audience!r} of {self.name} "
                f"({answer.status_code} {answer.reason_phrase}): the job needs `permissions: id-token: write`."
            )
        return token.strip()

    def _of_google(self, get: Get) -> str:
        elsewhere = (
            f"no identity token for the audience {self.audience!r} of {self.name}: this is neither GitHub Actions "
            "(ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set: the job needs "
            "`permissions: id-token: write`) nor Google Cloud (its metadata server gives none). On AWS put the output "
            "of `aws sts get-web-identity-token` into TAILSCALE_IDENTITY_TOKEN; elsewhere put the runtime's own token "
            f"there. Unset {self.name} then."
        )
        try:
            answer = get(
                METADATA,
                params={"audience": self.audience, "format": "full"},
                headers={"Metadata-Flavor": "Google"},
                patience=0,
            )
        except TailnetError:
            raise TailnetError(elsewhere) from None
        # A captive portal or a proxy answers everything; the metadata server names itself.
        if not answer.is_success or answer.headers.get("Metadata-Flavor") != "Google" or not answer.text.strip():
            raise TailnetError(elsewhere)
        return answer.text.strip()


IdentityToken = GivenToken | RuntimeToken


def claims(token: str, origin: IdentityToken, now: float) -> dict[str, Any]:
    """What `token` says of itself, unverified. `now`: seconds since 1970.

    Raises TailnetError when no API could accept it: it is no JWT, or has expired.
    """
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError
        payload = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.b64decode(payload, altchars=b"-_", validate=True))
        expires = found["exp"]
        if not isinstance(expires, int | float) or isinstance(expires, bool):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise TailnetError(
            f"what {origin.source} holds is not an identity token: that is a JWT, three parts separated by dots, "
            "the middle one with the claim `exp`. Put the token itself there, as the issuer gave it."
        ) from None
    if expires <= now:
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        raise TailnetError(f"the identity token in {origin.source} has expired ({ended}): {origin.renewal}.")
    return found


def described(found: dict[str, Any]) -> str:
    """The claims that a federated identity is matched by, for a message."""
    return ", ".join(f"{name} {found.get(name)!r}" for name in ("iss", "sub", "aud"))


def github_forms(found: dict[str, Any]) -> str:
    """What a message says of the two forms that GitHub's subjects have; empty for a token of another issuer."""
    match = _GITHUB.fullmatch(str(found.get("sub")))
    if match is None:
        return ""
    owner, repository, rest = match["owner"], match["repository"], match["rest"]
    ids = (match["owner_id"] or found.get("repository_owner_id"), match["id"] or found.get("repository_id"))
    owner_id, own_id = (value if re.fullmatch("[0-9]+", str(value)) else "ID" for value in ids)
    return (
        " GitHub has two forms of a subject, and an identity has to name the one that the token has:"
        f" repo:{owner}/{repository}{rest}, and repo:{owner}@{owner_id}/{repository}@{own_id}{rest} for repositories"
        " that were created, renamed or transferred since 2026-07-15. What a repository has:"
        f" gh api repos/{owner}/{repository}/actions/oidc/customization/sub --jq .sub_claim_prefix"
    )
