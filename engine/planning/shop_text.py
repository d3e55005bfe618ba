"""Job shops in the two text forms of the benchmark collections: Taillard's, and pairs `machine time` per job."""

from __future__ import annotations

import re

from engine.core.errors import DefinitionInvalid
from engine.core.errors import Problem as Finding
from engine.planning.problem import Problem


def is_shop_text(text: str) -> bool:
    """Whether a text is one of the two forms rather than YAML."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and (
        lines[0].startswith("Nb of jobs") or re.fullmatch(r"\s*\d+\s+\d+\s*", lines[0]) is not None
    )


def shop_from_text(name: str, text: str) -> Problem:
    """Return the job shop of a text.

    Raises:
        DefinitionInvalid: if numbers are missing or too many.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        jobs = _taillard(lines) if text.lstrip().startswith("Nb of jobs") else _pairs(lines)
    except (ValueError, IndexError):
        finding = Finding(
            name, "its numbers don't make a job shop", "give each job as many times as machines"
        )
        raise DefinitionInvalid([finding]) from None
    machines = sorted({machine for job in jobs for machine, _ in job})
    return Problem.model_validate(
        {
            "schema": "realm-problem/1", "id": name, "name": f"Job shop {name}", "family": "jssp",
            "machines": [f"M{machine}" for machine in machines],
            "jobs": [
                {"id": f"J{number}", "operations": [(f"M{machine}", time) for machine, time in job]}
                for number, job in enumerate(jobs, start=1)
            ],
            "objective": "minimise makespan",
        }
    )  # fmt: skip


_Rows = list[list[tuple[int, float]]]


def _taillard(lines: list[list[str]]) -> _Rows:
    count, machines = int(lines[1][0]), int(lines[1][1])
    times, order = lines[3 : 3 + count], lines[4 + count : 4 + 2 * count]
    jobs = [
        [(int(machine), float(time)) for machine, time in zip(on, took, strict=True)]
        for on, took in zip(order, times, strict=True)
    ]
    if len(jobs) != count or any(len(job) != machines for job in jobs):
        raise ValueError("rows are missing")
    return jobs


def _pairs(lines: list[list[str]]) -> _Rows:
    count, machines = int(lines[0][0]), int(lines[0][1])
    jobs = [
        [(int(line[at]) + 1, float(line[at + 1])) for at in range(0, 2 * machines, 2)]
        for line in lines[1 : 1 + count]
    ]
    if len(jobs) != count:
        raise ValueError("rows are missing")
    return jobs
