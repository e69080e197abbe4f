"""What the API server answers to the operator, asked by the real kubectl as the operator.

Owns asking the way the API server proxy asks: with a token of the operator's own ServiceAccount, acting as a user in
a group. So an answer takes both the ceiling (whom the operator may act as) and the role of the group into account.
Changes nothing. The token lives for ten minutes, in a kubeconfig (0600) that is gone at the end.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

NAMESPACE = "tailscale"
SERVICE_ACCOUNT = "operator"


@dataclass(frozen=True, slots=True)
class Operator:
    """kubectl as the operator of one cluster. command: what every call begins with; env: of the calls."""

    command: tuple[str, ...]
    env: Mapping[str, str]

    def can_i(self, question: str, *, user: str, group: str | None) -> bool:
        """Whether `user` in `group`, if any, may, through the operator.

        question: `VERB RESOURCE[.GROUP][/SUBRESOURCE]`. False also where the operator may not act as them at all.
        """
        verb, _, what = question.partition(" ")
        resource, _, subresource = what.partition("/")
        words = [verb, resource, "--all-namespaces", f"--as={user}", *([f"--as-group={group}"] if group else [])]
        return self._yes([*words, f"--subresource={subresource}"] if subresource else words)

    def rights(self, *, user: str, group: str | None, namespace: str) -> list[str]:
        """Everything that `user` in `group` may do in a namespace, through the operator: lines of kubectl's table,
        in order, without the review itself, which everybody may ask for."""
        acting = [f"--as={user}", *([f"--as-group={group}"] if group else [])]
        words = ["--list", "--no-headers", f"--namespace={namespace}", *acting]
        done = subprocess.run(
            [*self.command, "auth", "can-i", *words], env=self.env, capture_output=True, text=True, check=True
        )
        rights = (re.sub(r"\[([^]]*)]$", _in_order, " ".join(line.split())) for line in done.stdout.splitlines())
        return sorted({line for line in rights if "selfsubject" not in line and not line.startswith("[/")})

    def may_impersonate(self, kind: str, who: str) -> bool:
        """Whether the operator may act as `who`; kind: users or groups."""
        return self._yes(["impersonate", f"{kind}/{who}"])

    def _yes(self, words: list[str]) -> bool:
        """kubectl says yes with exit code 0 and no with 1; anything else is an error, and no answer."""
        done = subprocess.run(
            [*self.command, "auth", "can-i", *words], env=self.env, capture_output=True, text=True, check=False
        )
        said = done.stdout.strip().partition(" - ")[0]
        if done.returncode == 0 and said == "yes":
            return True
        refused = "cannot impersonate" in done.stderr
        if said == "no" or refused:
            return False
        raise RuntimeError(f"kubectl auth can-i {' '.join(words)} gave no answer: {done.stdout}{done.stderr}")


def _in_order(verbs: re.Match[str]) -> str:
    return f"[{' '.join(sorted(verbs[1].split()))}]"


@contextmanager
def operator(
    context: str, env: Mapping[str, str], namespace: str = NAMESPACE, *, service_account: str = SERVICE_ACCOUNT
) -> Iterator[Operator]:
    """The operator of the cluster behind a context of the kubeconfig that `env` names; or whoever else serves its API,
    by the ServiceAccount."""
    admin = ["kubectl", f"--context={context}"]
    made = [*admin, "create", "token", service_account, f"--namespace={namespace}", "--duration=10m"]
    view = [*admin, "config", "view", "--minify", "--flatten", "--raw", "-o", "yaml"]
    token, config = (
        subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout for command in (made, view)
    )
    document = yaml.safe_load(config)
    document["users"] = [{"name": document["contexts"][0]["context"]["user"], "user": {"token": token.strip()}}]
    with tempfile.TemporaryDirectory() as folder:  # made 0700; also kubectl's cache, else it is left in the home
        file = Path(folder) / "kubeconfig"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            yaml.safe_dump(document, written)
        yield Operator(("kubectl", f"--kubeconfig={file}", f"--cache-dir={folder}/cache"), env)
