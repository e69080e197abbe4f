"""What is written to GitHub: one comment and one issue, edited in place, against a server on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from supportctl.ci import drift, engine
from supportctl.ci.deployed import last, refuse_older
from supportctl.ci.drift import drift_of, marker, tell
from supportctl.ci.events import Said
from supportctl.ci.github import AUTHOR, GitHub, GitHubError
from supportctl.ci.model import Remark, Step
from supportctl.commands import app
from supportctl.stack import StackError

TOKEN = "ghs_made_up"
MARKER = "<!-- support-access: preview -->"
MALLORY = "mallory"


class Server:
    """Comments and issues as GitHub keeps them: new ones at the end, a page at a time, only for who has the token."""

    def __init__(self) -> None:
        self.url = ""
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.failures: list[int] = []
        self.runs: list[dict[str, str]] = []
        self.history: list[str] = []
        self.lost = 0

    def app(self) -> Starlette:
        base = "/repos/highflame/access"
        return Starlette(
            routes=[
                Route(f"{base}/issues/comments/{{id:int}}", self.edit_comment, methods=["PATCH"]),
                Route(f"{base}/issues/{{number:int}}/comments", self.of_issue, methods=["GET", "POST"]),
                Route(f"{base}/issues/{{number:int}}", self.edit_issue, methods=["PATCH"]),
                Route(f"{base}/issues", self.all_issues, methods=["GET", "POST"]),
                Route(f"{base}/actions/workflows/{{file}}/runs", self.runs_of),
                Route(f"{base}/compare/{{pair}}", self.compared),
            ]
        )

    def add(self, author: str, body: str, number: int = 7) -> None:
        url = f"https://github.example/c/{len(self.comments)}"
        self.comments.append(
            {"id": len(self.comments), "issue": number, "body": body, "user": {"login": author}, "html_url": url}
        )

    async def of_issue(self, request: Request) -> Response:
        if refused := await self.refused(request):
            return refused
        number = request.path_params["number"]
        if request.method == "POST":
            self.add(AUTHOR, (await request.json())["body"], number)
            if self.lost:
                self.lost -= 1
                return JSONResponse({}, 502)
            return JSONResponse(self.comments[-1], 201)
        return page(request, [each for each in self.comments if each["issue"] == number])

    async def runs_of(self, request: Request) -> Response:
        """Newest first, as GitHub has them."""
        if refused := await self.refused(request):
            return refused
        asked = request.query_params
        found = [
            run
            for run in reversed(self.runs)
            if (run["file"], run["branch"], run["status"])
            == (request.path_params["file"], asked["branch"], asked["status"])
        ]
        return JSONResponse({"workflow_runs": found[: int(asked["per_page"])]})

    async def compared(self, request: Request) -> Response:
        if refused := await self.refused(request):
            return refused
        base, head = map(self.history.index, request.path_params["pair"].split("..."))
        return JSONResponse({"status": "identical" if base == head else "ahead" if head > base else "behind"})

    async def edit_comment(self, request: Request) -> Response:
        if refused := await self.refused(request):
            return refused
        self.comments[request.path_params["id"]] |= await request.json()
        return JSONResponse(self.comments[request.path_params["id"]])

    async def all_issues(self, request: Request) -> Response:
        if refused := await self.refused(request):
            return refused
        if request.method == "POST":
            number = len(self.issues) + 1
            self.issues.append(
                {
                    "number": number,
                    "state": "open",
                    "user": {"login": AUTHOR},
                    "html_url": f"https://github.example/{number}",
                }
                | await request.json()
            )
            return JSONResponse(self.issues[-1], 201)
        return page(request, [each for each in self.issues if each["state"] == request.query_params["state"]])

    async def edit_issue(self, request: Request) -> Response:
        if refused := await self.refused(request):
            return refused
        self.issues[request.path_params["number"] - 1] |= await request.json()
        return JSONResponse(self.issues[request.path_params["number"] - 1])

    async def refused(self, request: Request) -> Response | None:
        self.calls.append(f"{request.method} {request.url.path.removeprefix('/repos/highflame/access/')}")
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return JSONResponse({"message": "Bad credentials"}, 401)
        return JSONResponse({"message": TOKEN}, self.failures.pop(0)) if self.failures else None


def page(request: Request, rows: list[dict[str, Any]]) -> Response:
    size, number = int(request.query_params["per_page"]), int(request.query_params["page"])
    return JSONResponse(rows[size * (number - 1) : size * number])


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    made = Server()
    server = uvicorn.Server(uvicorn.Config(made.app(), host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield made
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def server(running: Server) -> Server:
    for kept in (running.comments, running.issues, running.calls, running.failures, running.runs, running.history):
        kept.clear()
    return running


@pytest.fixture
def github(server: Server) -> Iterator[GitHub]:
    with GitHub(server.url, "highflame/access", TOKEN, wait=0) as github:
        yield github


def test_the_comment_is_written_once_and_then_edited(github: GitHub, server: Server) -> None:
    first = github.put_comment(7, MARKER, f"{MARKER}\none")
    second = github.put_comment(7, MARKER, f"{MARKER}\ntwo")
    assert first == second
    assert [each["body"] for each in server.comments] == [f"{MARKER}\ntwo"]


def test_it_is_found_behind_a_hundred_others(github: GitHub, server: Server) -> None:
    for _ in range(230):
        server.add("ada", "looks good")
    server.add(AUTHOR, f"{MARKER}\none")
    github.put_comment(7, MARKER, f"{MARKER}\ntwo")
    assert len(server.comments) == 231
    assert server.comments[-1]["body"] == f"{MARKER}\ntwo"


def test_somebody_elses_comment_with_the_marker_is_not_ours(github: GitHub, server: Server) -> None:
    server.add(MALLORY, f"{MARKER}\nnothing changes")
    github.put_comment(7, MARKER, f"{MARKER}\neverything changes")
    assert [each["body"] for each in server.comments] == [f"{MARKER}\nnothing changes", f"{MARKER}\neverything changes"]


def test_a_quote_of_it_is_not_it(github: GitHub, server: Server) -> None:
    server.add(AUTHOR, f"> {MARKER}\n> one")
    github.put_comment(7, MARKER, f"{MARKER}\ntwo")
    assert len(server.comments) == 2


def test_another_pull_requests_comment_is_left_alone(github: GitHub, server: Server) -> None:
    github.put_comment(7, MARKER, f"{MARKER}\nof seven")
    github.put_comment(8, MARKER, f"{MARKER}\nof eight")
    assert [each["issue"] for each in server.comments] == [7, 8]


def test_a_moments_failure_is_asked_again(github: GitHub, server: Server) -> None:
    server.failures[:] = [502, 429]
    github.put_comment(7, MARKER, f"{MARKER}\none")
    assert server.calls == ["GET issues/7/comments"] * 3 + ["POST issues/7/comments"]


def test_nothing_is_written_twice(github: GitHub, server: Server) -> None:
    """The answer was lost, the comment may be there: the next run finds it."""
    server.lost = 1
    with pytest.raises(GitHubError, match="with 502"):
        github.put_comment(7, MARKER, f"{MARKER}\none")
    assert server.calls.count("POST issues/7/comments") == 1


@pytest.mark.parametrize(("status", "hint"), [(403, "`permissions`"), (404, "no such pull request"), (422, "no more")])
def test_a_refusal_says_what_to_mend_and_never_the_token(
    github: GitHub, server: Server, status: int, hint: str
) -> None:
    server.failures[:] = [status]
    with pytest.raises(GitHubError, match=hint) as refused:
        github.put_comment(7, MARKER, "x")
    assert TOKEN not in str(refused.value)


@pytest.fixture
def deployments(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A job's environment; `old`, `now` and `new` are commits in that order."""
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", "highflame/access")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REF_NAME", "main")
    server.history += ["old", "now", "new"]
    return server


def ran(commit: str, **bent: str) -> dict[str, str]:
    return {"file": "deploy.yml", "branch": "main", "status": "success", "head_sha": commit, **bent}


def test_only_a_run_that_went_through_on_this_branch_has_deployed(deployments: Server) -> None:
    assert last("deploy.yml") is None
    deployments.runs += [ran("old"), ran("now"), ran("x", file="drift.yml"), ran("x", branch="other")]
    deployments.runs += [ran("new", status="failure"), ran("new", status="cancelled")]
    assert last("deploy.yml") == "now"


def test_what_was_replaced_is_never_deployed_again(deployments: Server) -> None:
    refuse_older("deploy.yml", "old")
    deployments.runs.append(ran("now"))
    with pytest.raises(StackError, match="old is older: what was taken away since would come back"):
        refuse_older("deploy.yml", "old")
    refuse_older("deploy.yml", "now")
    refuse_older("deploy.yml", "new")


def test_the_token_goes_over_https_or_loopback_alone() -> None:
    with pytest.raises(GitHubError, match="https only"):
        GitHub("http://api.github.example", "highflame/access", TOKEN)


def test_what_is_missing_in_the_environment_is_named() -> None:
    with pytest.raises(GitHubError, match="GITHUB_TOKEN and GITHUB_REPOSITORY"):
        GitHub.from_environment({})


def test_a_repository_that_is_a_path_is_refused() -> None:
    with pytest.raises(GitHubError, match="owner/name"):
        GitHub.from_environment({"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "a/b/c"})


# --- drift -------------------------------------------------------------------------------------------------


def drifted(text: str = "not declared by this stack: @ada") -> Said:
    said = Said(finished=True, succeeded=True)
    said.drifted.append(Step(op="update", type="tailnet:index:PolicySlice", name="acme-prod-access"))
    said.remarks.append(Remark(severity="info", resource="acme-prod-identity", text=text))
    return said


def test_drift_has_one_issue_that_is_opened_edited_and_closed(github: GitHub, server: Server) -> None:
    assert tell(github, "acme-prod", None) == drift_of("acme-prod", Said()) is None
    tell(github, "acme-prod", drift_of("acme-prod", drifted()))
    tell(github, "acme-prod", drift_of("acme-prod", drifted("something else")))
    tell(github, "globex-prod", drift_of("globex-prod", drifted()))
    assert [(each["title"], each["state"]) for each in server.issues] == [
        ("Drift: acme-prod", "open"),
        ("Drift: globex-prod", "open"),
    ]
    assert "something else" in server.issues[0]["body"]
    tell(github, "acme-prod", None)
    assert [each["state"] for each in server.issues] == ["closed", "open"]
    tell(github, "acme-prod", drift_of("acme-prod", drifted()))
    assert [each["state"] for each in server.issues] == ["closed", "open", "open"]


def test_somebody_elses_issue_is_never_closed(github: GitHub, server: Server) -> None:
    server.issues.append(
        {"number": 1, "state": "open", "user": {"login": MALLORY}, "body": marker("acme-prod"), "html_url": "x"}
    )
    assert tell(github, "acme-prod", None) is None
    assert server.issues[0]["state"] == "open"


def test_the_same_drift_gives_the_same_text(github: GitHub, server: Server) -> None:
    """An issue that is edited every night tells nobody anything."""
    turned = drifted()
    turned.remarks.append(Remark(severity="info", resource="", text="a second line"))
    other = drifted()
    other.remarks.insert(0, Remark(severity="info", resource="", text="a second line"))
    for said in (turned, other):
        tell(github, "acme-prod", drift_of("acme-prod", said))
        server.issues[0].setdefault("first", server.issues[0]["body"])
    assert server.issues[0]["body"] == server.issues[0]["first"]


def test_however_much_has_drifted_github_takes_the_text(github: GitHub, server: Server) -> None:
    said = drifted("\n".join(f"{number}: {'x' * 400}" for number in range(400)))
    said.drifted += [Step(op="update", type="t" * 100, name=f"n{number}" * 40) for number in range(500)]
    tell(github, "acme-prod", drift_of("acme-prod", said))
    [issue] = server.issues
    assert len(issue["body"]) <= 65536
    assert "more: see the run" in issue["body"]
    assert "pulumi refresh --preview-only -s acme-prod" in issue["body"]


def test_an_issue_that_cannot_be_written_keeps_no_other_stack_from_being_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []

    def refusing(_github: GitHub, stack: str, found: Any) -> str:
        assert found is not None
        told.append(stack)
        if stack == "acme-prod":
            raise GitHubError("GitHub answers PATCH issues/1 with 422")
        return f"https://github.example/{stack}"

    monkeypatch.setattr(drift, "tell", refusing)
    monkeypatch.setattr(engine, "refresh", lambda *_: drifted())
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPOSITORY", "highflame/access")
    words = ["ci", "drift", "acme-prod", "globex-prod", "--issues", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, words)
    assert told == ["acme-prod", "globex-prod"]
    assert result.exit_code == 2
    assert "acme-prod: its issue is not as it should be. GitHub answers" in result.output
    assert "https://github.example/globex-prod" in result.output
