"""GitHub's REST API, as far as a comment, an issue and a deployment need it.

Owns the calls, and finding what an earlier run wrote: by the marker in its first line and by its author, so that
nobody else's text with the same marker is taken for ours. The token comes from the environment alone, goes to the one
address and into no message. Deletes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

AUTHOR = "github-actions[bot]"
"""Whom GitHub names as the author of what a workflow's own token writes."""
PAGE = 100
SECONDS = 20.0
ATTEMPTS = 4


class GitHubError(Exception):
    """What GitHub refused, why as far as it says, and how to mend it."""


class _AgainError(Exception):
    """An answer that may be another one a moment later."""


class GitHub:
    """A repository's comments and issues. As a context manager it closes its connections."""

    def __init__(self, api: str, repository: str, token: str, *, author: str = AUTHOR, wait: float = 1.0) -> None:
        """repository: `owner/name`. wait: seconds before the second attempt. Raises GitHubError."""
        address = urlsplit(api)
        if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise GitHubError(f"GITHUB_API_URL is {api}: a token goes over https only.")
        if repository.count("/") != 1:
            raise GitHubError(f"GITHUB_REPOSITORY is {repository!r}: it must be owner/name.")
        self._author = author
        self._wait = wait
        self._client = httpx.Client(
            base_url=f"{api.rstrip('/')}/repos/{repository}/",
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=SECONDS,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """As a workflow's job has it. Raises GitHubError that names what is missing."""
        missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environ.get(name)]
        if missing:
            raise GitHubError(
                f"{' and '.join(missing)} must be in the environment: in a workflow, `env: GITHUB_TOKEN: "
                "${{ github.token }}`; GITHUB_REPOSITORY is there by itself."
            )
        api = environ.get("GITHUB_API_URL") or "https://api.github.com"
        return cls(api, environ["GITHUB_REPOSITORY"], environ["GITHUB_TOKEN"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def put_comment(self, number: int, marker: str, body: str) -> str:
        """Writes the comment with this marker at pull request `number`, or edits the one that is there: its URL."""
        for each in self._pages(f"issues/{number}/comments"):
            if self._is_ours(each, marker):
                return self._ask("PATCH", f"issues/comments/{each['id']}", {"body": body})["html_url"]
        return self._ask("POST", f"issues/{number}/comments", {"body": body})["html_url"]

    def open_issue(self, marker: str) -> int | None:
        """The number of the open issue with this marker; None without one."""
        for each in self._pages("issues", state="open"):
            if "pull_request" not in each and self._is_ours(each, marker):
                return int(each["number"])
        return None

    def put_issue(self, marker: str, title: str, body: str) -> str:
        """Opens the issue with this marker, or edits the one that is open: its URL."""
        number = self.open_issue(marker)
        if number is None:
            return self._ask("POST", "issues", {"title": title, "body": body})["html_url"]
        return self._ask("PATCH", f"issues/{number}", {"title": title, "body": body})["html_url"]

    def close_issue(self, marker: str, comment: str) -> str | None:
        """Closes the open issue with this marker, with a word why: its URL; None where none is open."""
        number = self.open_issue(marker)
        if number is None:
            return None
        self._ask("POST", f"issues/{number}/comments", {"body": comment})
        return self._ask("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed"})["html_url"]

    def last_success(self, workflow: str, branch: str) -> str | None:
        """The commit of the newest run of a workflow on a branch that went through; None without one."""
        query = {"branch": branch, "status": "success", "per_page": "1"}
        runs = self._ask("GET", f"actions/workflows/{workflow}/runs", query=query)["workflow_runs"]
        return str(runs[0]["head_sha"]) if runs else None

    def is_later(self, commit: str, *, than: str) -> bool:
        """Whether a commit has another one in its history, and is not that one."""
        return self._ask("GET", f"compare/{than}...{commit}")["status"] == "ahead"

    def _is_ours(self, each: Mapping[str, Any], marker: str) -> bool:
        author = (each.get("user") or {}).get("login")
        return author == self._author and str(each.get("body") or "").startswith(marker)

    def _pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            rows = self._ask("GET", path, query={**query, "per_page": str(PAGE), "page": str(page)})
            yield from rows
            if len(rows) < PAGE:
                return
            page += 1

    def _ask(self, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None) -> Any:
        attempts = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=stop_after_attempt(ATTEMPTS if method != "POST" else 1),  # a comment that arrived must not come twice
            wait=wait_exponential(self._wait, max=30),
            reraise=True,
        )
        try:
            return attempts(self._once, method, path, body, query)
        except _AgainError as error:
            raise GitHubError(str(error)) from None

    def _once(self, method: str, path: str, body: Any, query: Mapping[str, str] | None) -> Any:
        try:
            answer = self._client.request(method, path, json=body, params=query)
        except httpx.TransportError as error:
            raise _AgainError(f"GitHub does not answer {method} {path}: {error}.") from None
        if answer.is_success:
            return answer.json()
        said = f"GitHub answers {method} {path} with {answer.status_code}"
        if answer.status_code >= 500 or answer.status_code == 429:
            raise _AgainError(f"{said}.")
        hint = {
            401: "the token is no good",
            403: "the job's `permissions` do not let it write here",
            404: "there is no such pull request or repository, or the token must not see it",
        }.get(answer.status_code, "it says no more")
        raise GitHubError(f"{said}: {hint}.")
