"""Which performer makes the calls of which kind: of steps, of validators that are calls, of planners.

Those of validators are `judge` and `check`, those of planners `planner` and `solver`.

`approval` and `wait` make none.
"""

from __future__ import annotations

from collections.abc import Mapping

import engine.steps.functions
import engine.steps.lists
import engine.steps.rfp
import engine.steps.terraform_policies  # noqa: F401 - these register what ships
from engine.llm_port import Llm
from engine.ports import Performer
from engine.steps.checks import CheckPerformer, JudgePerformer
from engine.steps.http import HttpPerformer
from engine.steps.llm import LlmPerformer
from engine.steps.plans import PlannerPerformer, SolverPerformer
from engine.steps.python import PythonPerformer
from engine.steps.route import RoutePerformer


def performers(llm: Llm, default_model: str, services: Mapping[str, str]) -> dict[str, Performer]:
    """Return the performers by kind.

    Args:
        llm: the port to every model.
        default_model: the model of steps that name none.
        services: base addresses by logical host.
    """
    return {
        "check": CheckPerformer(),
        "http": HttpPerformer(services),
        "judge": JudgePerformer(llm, default_model),
        "llm": LlmPerformer(llm, default_model),
        "planner": PlannerPerformer(llm, default_model),
        "python": PythonPerformer(),
        "route": RoutePerformer(llm, default_model),
        "solver": SolverPerformer(),
    }
