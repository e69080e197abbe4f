"""The program of every stack: read its settings, build its one component, export what came of it."""

from pathlib import Path

import pulumi
from pulumi.runtime.config import get_config_env

from components.settings.load import load
from components.settings.problems import SettingsError
from components.settings.spelling import spelling_notices
from components.settings.tailnet import TailnetSettings
from components.support_access import SupportAccess, SupportAccessArgs
from components.tailnet_base import TailnetBase, TailnetBaseArgs

try:
    settings = load(pulumi.get_stack(), get_config_env(), stacks_dir=Path("stacks"))
except SettingsError as problems:
    raise pulumi.RunError(str(problems)) from None

for notice in spelling_notices(pulumi.get_stack(), get_config_env()):
    pulumi.log.warn(notice)

if isinstance(settings, TailnetSettings):
    built = TailnetBase("tailnet", TailnetBaseArgs(settings=settings))
else:
    built = SupportAccess(settings.names.name, SupportAccessArgs(settings=settings))

for output, value in built.outputs.items():
    pulumi.export(output, value)
