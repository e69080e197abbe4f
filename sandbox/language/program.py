"""Runs one Pulumi program: connects the SDK of the project's own environment to the engine, then runs the program
as `__main__`.

Started by the language host as a file, with the project's interpreter, so it imports nothing of this repository.
Prints nothing of its own: errors go to the engine's log. Ends with 0, or with REPORTED when the user has been told
what went wrong. Dies without a word by SIGINT and SIGTERM, and when the language host is gone (end of file on
`--lifeline`).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPORTED = 32  # the official host's own number for "the user has seen the error"

NO_SDK = """The package pulumi cannot be imported by {python}: {error}
Install the project's requirements into that environment: {python} -m pip install -r requirements.txt"""


def follow(lifeline: int) -> None:
    """Ends this process when the other end of the pipe is closed, that is when the language host has died."""
    while os.read(lifeline, 1):
        pass
    os._exit(REPORTED)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs a Pulumi program for the language host.")
    for name in ("monitor", "engine", "project", "stack", "organization", "root-directory"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("program")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    return parser.parse_args()


def program_trace(entry: Path) -> str:
    """The current exception's traceback without the frames above the first one of the program's entry file."""
    error = sys.exc_info()[1]
    frames = traceback.extract_tb(error.__traceback__) if error else []
    own = [i for i, frame in enumerate(frames) if Path(frame.filename).absolute() == entry]
    if own:
        return traceback.format_exc(limit=own[0] - len(frames))
    # A file that does not parse has no frame of its own; the error names the file and the line.
    return traceback.format_exc(limit=0 if isinstance(error, SyntaxError) else None)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupted program says nothing; Python would print a traceback
    options = arguments()
    threading.Thread(target=follow, args=(options.lifeline,), daemon=True).start()
    try:
        import pulumi
        import pulumi.runtime
    except ImportError as error:
        print(NO_SDK.format(python=sys.executable, error=error), file=sys.stderr, flush=True)
        return REPORTED

    program = Path(options.program).absolute()
    entry = program / "__main__.py" if program.is_dir() else program
    if not entry.is_file():
        print(f"There is no program: {entry} does not exist.", file=sys.stderr, flush=True)
        return REPORTED

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=options.monitor,
            engine=options.engine,
            project=options.project,
            stack=options.stack,
            organization=options.organization,
            root_directory=options.root_directory,
            parallel=options.parallel,
            dry_run=options.dry_run,
        )
    )
    sys.argv = [options.program, *options.rest]
    # Resources that failed leave futures unobserved behind; that is no news for the user, who has seen the failure.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(options.parallel, 1) * 4))

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return REPORTED
    except Exception:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{program_trace(entry)}")
        return REPORTED
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
