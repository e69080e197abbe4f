"""What a workflow has brought to its end already, so that nothing is left out of a deployment and nothing comes back.

Owns the two questions. GitHub knows the runs: one that failed, was rejected or gave way to a later one has deployed
nothing that counts, and one that is repeated has an old revision.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from supportctl.ci.github import GitHub
from supportctl.stack import StackError

BRANCH = "GITHUB_REF_NAME"
"""The branch that a run is on, as a workflow's job has it."""


def last(workflow: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The commit that the workflow's newest run that went through has deployed; None without one. GitHubError."""
    with GitHub.from_environment(environ) as github:
        return github.last_success(workflow, environ.get(BRANCH) or "main")


def refuse_older(workflow: str, commit: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raises StackError for a commit that is older than what is deployed. GitHubError."""
    newest = last(workflow, environ)
    if newest is None:
        return
    with GitHub.from_environment(environ) as github:
        if github.is_later(newest, than=commit):
            raise StackError(
                f"{newest} is deployed already, and {commit} is older: what was taken away since would come back.\n"
                "Mend: start the workflow by hand, on the branch as it is now."
            )
