"""What a command that goes wrong as expected prints, and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from engine.core.errors import DefinitionInvalid, SagaError

BAD_INPUT = 2


def says_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn an expected error into one message and exit code 2."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except DefinitionInvalid as invalid:
            for problem in invalid.problems:
                click.secho(f"✗ {problem.path}: {problem.problem}", fg="red", err=True)
                click.echo(f"  {problem.remedy}", err=True)
            if invalid.is_partial:
                click.echo("More may be found once this is mended: further checks wait for it.", err=True)
            sys.exit(BAD_INPUT)
        except SagaError as refused:
            click.secho(f"✗ {refused}", fg="red", err=True)
            sys.exit(BAD_INPUT)

    return guarded
