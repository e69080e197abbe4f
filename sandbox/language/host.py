"""The LanguageRuntime service: what the engine (v3.250.0) asks of a language host, for Python.

Answers which plugins a project needs, runs its program (program.py, in a child process), runs plugins that are
written in Python (policy packs and providers that bring no executable), installs a project's requirements, and
tells about the interpreter. Generates no code: `pulumi convert`, `package add` and their kind get the engine's own
"not implemented". A child lives at most as long as the request that started it.
"""

# ruff: noqa: ARG002, N802 - names and parameters are the engine's interface

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.language.child import lifeline, started
from sandbox.language.environment import Environment, UnusableEnvironmentError
from sandbox.language.program import REPORTED

PROGRAM = Path(__file__).with_name("program.py")
PIPE = asyncio.subprocess.PIPE
CHUNK = 64 * 1024
Output = tuple[str, bytes]  # ("stdout" | "stderr", what was written)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """One per engine. `engine` is the address of the engine's own service, host:port."""

    def __init__(self, engine: str) -> None:
        self.engine = engine

    async def GetPluginInfo(self, request: empty_pb2.Empty, context: object) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo()

    async def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.aio.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        environment = await self._environment(request.info, context)
        return language_pb2.GetRequiredPackagesResponse(packages=environment.required_plugins())

    async def Run(self, request: language_pb2.RunRequest, context: object) -> language_pb2.RunResponse:
        try:
            environment = Environment.of(request.info)
        except UnusableEnvironmentError as problem:
            return language_pb2.RunResponse(error=str(problem))
        variables = environment.variables(os.environ) | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        with lifeline() as pipe:
            # -P keeps program.py's own folder off sys.path: its modules would hide the user's modules of the same name.
            arguments = [environment.python, "-u", "-P", PROGRAM, f"--lifeline={pipe}", *self._options(request)]
            async with started(arguments, request.pwd, variables, keep_open=[pipe]) as program:
                code = await program.wait()
        if code == REPORTED:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program exited with code {code}" if code else "")

    def _options(self, request: language_pb2.RunRequest) -> list[str]:
        info = request.info
        named = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root-directory": info.root_directory,
            "parallel": str(request.parallel),
        }
        flags = ["--dry-run"] if request.dryRun else []
        program = os.path.normpath(Path(info.program_directory) / info.entry_point)
        return [f"--{name}={value}" for name, value in named.items()] + flags + [program, *request.args]

    async def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[language_pb2.RunPluginResponse]:
        environment = await self._environment(request.info, context)
        folder = request.info.program_directory
        if request.kind == "analyzer":
            # The policy server reads the pack's PulumiPolicy.yaml from its working directory.
            command, start = ["-m", "pulumi.policy", *request.args, folder], folder
        else:
            command, start = [folder, *request.args], request.pwd
        variables = environment.variables(dict(entry.split("=", 1) for entry in request.env))
        async with started([environment.python, "-u", *command], start, variables, output=PIPE) as plugin:
            async for stream, text in _read(plugin):
                yield language_pb2.RunPluginResponse(**{stream: text})  # pyright: ignore[reportArgumentType]
            yield language_pb2.RunPluginResponse(exitcode=await plugin.wait())

    async def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[language_pb2.InstallDependenciesResponse]:
        folder = request.info.program_directory
        virtualenv = dict(request.info.options).get("virtualenv")
        steps: list[list[str | Path]] = []
        if virtualenv:
            place = Path(request.info.root_directory) / str(virtualenv)
            steps.append([sys.executable, "-m", "venv", place])
            python = place / "bin" / "python"
        else:
            python = (await self._environment(request.info, context)).python
        if (Path(folder) / "requirements.txt").is_file():
            steps.append([python, "-m", "pip", "install", "-r", "requirements.txt"])
        for step in steps:
            async with started(step, folder, os.environ, output=PIPE) as process:
                async for stream, text in _read(process):
                    yield language_pb2.InstallDependenciesResponse(**{stream: text})
                if code := await process.wait():
                    command = " ".join(map(str, step))
                    await context.abort(grpc.StatusCode.UNKNOWN, f"{command} ended with code {code}")

    async def About(
        self, request: language_pb2.AboutRequest, context: grpc.aio.ServicerContext
    ) -> language_pb2.AboutResponse:
        python = (await self._environment(request.info, context)).python
        async with started([python, "--version"], "/", os.environ, output=PIPE) as process:
            told, _ = await process.communicate()
        version = told.decode().removeprefix("Python").strip() or platform.python_version()
        return language_pb2.AboutResponse(executable=str(python), version=version)

    async def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.aio.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        environment = await self._environment(request.info, context)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version)
                for name, version in sorted(environment.distributions().items())
            ]
        )

    async def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: object
    ) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    async def Cancel(self, request: empty_pb2.Empty, context: object) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    async def _environment(self, info: language_pb2.ProgramInfo, context: grpc.aio.ServicerContext) -> Environment:
        try:
            return Environment.of(info)
        except UnusableEnvironmentError as problem:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
            raise  # abort raises; this line is for the reader and the type checker


async def _read(process: asyncio.subprocess.Process) -> AsyncIterator[Output]:
    """What a process writes to its two streams, in the order of arrival, until both are closed."""
    arrived: asyncio.Queue[Output | None] = asyncio.Queue()

    async def forward(name: str, stream: asyncio.StreamReader | None) -> None:
        while stream and (text := await stream.read(CHUNK)):
            arrived.put_nowait((name, text))
        arrived.put_nowait(None)

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    async with asyncio.TaskGroup() as group:
        for name, stream in streams.items():
            group.create_task(forward(name, stream))
        for _ in streams:
            while (output := await arrived.get()) is not None:
                yield output
