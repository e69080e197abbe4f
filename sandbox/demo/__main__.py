"""`python -m sandbox.demo`: the main job, end to end, in a world of its own that is gone afterwards.

Owns the order of the story and its telling. The claims are in claims.py. Ends with exit code 1 when a claim fails or
a command does, and stops its world whatever happens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax

from sandbox.demo import claims
from sandbox.demo.checks import Checks
from sandbox.demo.observe import Cluster, SecurityGroup, Tailnet, added_and_removed
from sandbox.demo.pulumi import ROOT, CommandError, Finished, Pulumi
from sandbox.world import World

STACKS = ("acme-prod", "globex-prod")
CUT = "acme-prod"
BUILD = ROOT / "build"
REGION = "eu-central-1"
FOREIGN = (
    "\t\t// CI talks to its cache; agreed with the platform team, do not touch.",
    '\t\t{"src": ["tag:ci"], "dst": ["tag:ci"], "ip": ["tcp:6379"]},',
)
"""Lines of sandbox/tailnet.hujson that are nobody's business but their author's."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


class Demo:
    """One run. world: the embedded world; timings: seconds per step; checks: what was seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pulumi = Pulumi(world.env)
        self.tailnet = Tailnet(world.facts["tailscale"]["url"], world.facts["tailscale"]["admin_key"])
        self.checks = Checks()
        self.timings: dict[str, float] = {}
        groups = world.facts["cloud"]["security_groups"]
        self.environments = {
            name: claims.Environment(
                name,
                Cluster(name, world.env),
                SecurityGroup(groups[name], world.facts["cloud"]["aws_url"], REGION),
            )
            for name in STACKS
        }

    @contextmanager
    def step(self, key: str, title: str) -> Iterator[None]:
        console.print(Rule(title, align="left"))
        start = monotonic()
        yield
        self.timings[key] = round(monotonic() - start, 2)
        console.print(f"[dim]{self.timings[key]:.1f} s[/]\n")

    def run(self) -> None:
        seed = self.tailnet.policy_text()
        self.foreign("before", seed)
        rules = {name: env.security_group.rules() for name, env in self.environments.items() if env.security_group}
        with self.step("tailnet_up", "pulumi up -s tailnet: what the whole tailnet shares"):
            self.pulumi.init("tailnet")
            tell(self.pulumi.up("tailnet"))
        shared = self.tailnet.policy_text()
        for name in STACKS:
            self.pulumi.init(name)
        with self.step("preview", "pulumi preview, both environments at once"):
            self.both(self.pulumi.preview)
        untouched = self.tailnet.policy_text() == shared
        self.checks.holds("preview writes nothing", declared="policy unchanged", observed=str(untouched), ok=untouched)
        with self.step("up", "pulumi up, both environments at once"):
            self.both(self.pulumi.up)
        during = self.tailnet.policy_text()
        with self.step("granted", "What each granted: lines that the policy document gained"):
            self.granted(seed, during)
        with self.step("checks_up", "Asking every service what is there"):
            self.stand(rules)
        globex = self.picture("globex-prod")
        with self.step("destroy", f"pulumi destroy -s {CUT}: the kill switch"):
            tell(self.pulumi.destroy(CUT))
        with self.step("checks_gone", f"Asking every service what is left of {CUT}"):
            self.left(seed, globex, rules)

    def both(self, command: Callable[[str], Finished]) -> None:
        """Runs one command for both stacks at the same moment: they must lose nothing of each other's."""
        with ThreadPoolExecutor(len(STACKS)) as pool:
            for finished in pool.map(command, STACKS):
                tell(finished)

    def granted(self, seed: str, during: str) -> None:
        gained, lost = added_and_removed(seed, during)
        console.print(Syntax("\n".join(gained), "json", background_color="default"))
        self.checks.same("policy: lines of other people lost by two ups", declared=[], observed=lost)
        self.foreign("with both environments up", during)

    def foreign(self, when: str, policy: str) -> None:
        """Somebody else's grant and the comment above it, byte for byte."""
        lines = policy.splitlines()
        self.checks.same(
            f"policy: a foreign grant and its comment, {when}",
            declared=list(FOREIGN),
            observed=[line for line in lines if line in FOREIGN],
        )

    def stand(self, rules: dict[str, list[str]]) -> None:
        printed = "".join(finished.output for finished in self.pulumi.transcript)
        for name, env in self.environments.items():
            outputs = self.pulumi.outputs(name)
            console.print(f"{name}: {outputs['kubeconfigCommand']}  (API at {outputs['apiUrl']})")
            claims.stands(self.checks, env, self.tailnet)
            self.checks.same(f"{name}: still pending", declared=[], observed=outputs["pending"])
            claims.secrets_stay(self.checks, env, printed, outputs)
        claims.egress(self.checks, self.environments[CUT], rules[CUT])

    def picture(self, name: str) -> dict[str, object]:
        """Everything of one environment that another's end must not change."""
        env = self.environments[name]
        held = env.cluster.get("secrets", "-n", "tailscale")
        return {
            "grants": self.tailnet.grants_to(env.kube_tag),
            "credentials": [row["id"] for row in self.tailnet.keys(env.kube_tag)],
            "devices": [[d["nodeId"], d["connectedToControl"]] for d in self.tailnet.devices(env.kube_tag)],
            "releases": env.cluster.releases(),
            "secrets": sorted(row["metadata"]["uid"] for row in held),
            "rules": env.security_group.rules() if env.security_group else [],
        }

    def left(self, seed: str, standing: dict[str, object], rules: dict[str, list[str]]) -> None:
        claims.gone(self.checks, self.environments[CUT], self.tailnet, rules[CUT])
        _, lost = added_and_removed(seed, self.tailnet.policy_text())
        self.checks.same("policy: lines of other people lost by the destroy", declared=[], observed=lost)
        self.foreign("after the destroy", self.tailnet.policy_text())
        after = self.picture("globex-prod")
        for what, was in standing.items():
            self.checks.same(f"after destroy, globex-prod: {what} as before", declared=was, observed=after[what])
        claims.granted(self.checks, self.environments["globex-prod"], self.tailnet)
        steady = self.pulumi.preview("globex-prod", "--expect-no-changes", check=False)
        self.checks.same("after destroy, globex-prod: preview expects no changes", declared=0, observed=steady.code)


def tell(finished: Finished) -> None:
    console.print(f"[bold]$ {finished.command}[/]  [dim]{finished.seconds:.1f} s[/]")
    console.print(finished.output.strip(), markup=False)
    console.print()


def main() -> int:
    start = monotonic()
    console.print(Rule("The embedded world", align="left"))
    try:
        with World(BUILD / "demo", clusters=STACKS, say=console.print) as world:
            demo = Demo(world)
            demo.timings["world"] = round(monotonic() - start, 2)
            demo.run()
            demo.tailnet.close()
    except CommandError as failed:
        console.print(str(failed), markup=False, style="red")
        return 1
    demo.timings["total"] = round(monotonic() - start, 2)
    demo.checks.show(console)
    demo.checks.write(BUILD / "demo.json", demo.timings)
    failures = len(demo.checks.failed)
    console.print(
        f"{len(demo.checks.rows) - failures} of {len(demo.checks.rows)} checks hold, {demo.timings['total']:.0f} s"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
