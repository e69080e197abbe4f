"""Credentials hold the least, and no secret lies where it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.seen import Limits, Seen, environment_tag, texts

CREDENTIALS = ("tailscale:index/oauthClient:", "tailscale:index/federatedIdentity:", "tailscale:index/tailnetKey:")
LEAST = ("auth_keys",)
_SECRET = re.compile(r"tskey-[a-z]+-\w+")
FEDERATED = "tailscale:index/federatedIdentity:"
OPERATOR = "system:serviceaccount:tailscale:operator"
"""The chart's ServiceAccount, as the cluster's tokens name it."""
TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  a type of Secret
PROOF = "tailnet:index:CredentialProof"
"""It and a Secret are given the credential: both mark it."""


def least_scopes(seen: Seen, limits: Limits) -> Iterator[str]:
    """A scope beyond what is agreed, or a tag or a token of somebody else's. limits: `scopes`, besides auth_keys."""
    if not seen.type.startswith(CREDENTIALS):
        return
    allowed = {*LEAST, *(limits.get("scopes") or ())}
    for scope in seen.props.get("scopes") or ():
        if str(scope) not in allowed:
            yield f"scope {scope} is not agreed: Tailscale limits few scopes by tag, and this one lies in the cluster."
    tags = [str(tag) for tag in seen.props.get("tags") or ()]
    if not tags:
        yield "it has no tags: its keys would be whoever's."
    operator = f"tag:k8s-operator-{seen.stack.rpartition('-')[0]}"
    if foreign := [tag for tag in tags if tag != operator and not environment_tag(seen.stack, tag)]:
        yield f"it has {', '.join(foreign)}: its devices would pass for machines that are not of {seen.stack}."
    if seen.type.startswith(FEDERATED) and (subject := seen.props.get("subject")) != OPERATOR:
        yield f"its subject is {subject!r}: whoever has such a token is the operator. It must be {OPERATOR!r}."


def marked_secrets(seen: Seen, limits: Limits) -> Iterator[str]:
    """A secret in clear, one whose outputs would be printed, or one that the cluster fills with a token of its own."""
    del limits
    if seen.kind == "Secret" and seen.props.get("type") == TOKEN:
        yield "its type has the cluster write a ServiceAccount's token into it, which never ends."
    if seen.kind == "Secret":
        bare = sorted({"data", "stringData"} - set(seen.secret_outputs))
        if bare:
            yield f"{' and '.join(bare)} are not marked as secret outputs: they would lie in clear in the state."
    elif seen.type != PROOF and any(
        _SECRET.search(text) for text in texts(seen.props if seen.known is None else seen.known)
    ):
        yield "it holds a Tailscale key in clear."
