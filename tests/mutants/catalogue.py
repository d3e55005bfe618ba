"""Every seeded bug. One that no test notices shows a rule that nobody checks: write the test, then add the bug."""

from __future__ import annotations

from tests.mutants.bugs import (
    back,
    calls,
    choreography,
    composites,
    definitions,
    disrupt,
    forward,
    late,
    limits,
    log,
    people,
    repair,
    replan,
    verdicts,
)
from tests.mutants.mutant import Mutant

CATALOGUE: tuple[Mutant, ...] = (
    *calls.BUGS,
    *forward.BUGS,
    *limits.BUGS,
    *people.BUGS,
    *back.BUGS,
    *late.BUGS,
    *definitions.BUGS,
    *log.BUGS,
    *verdicts.BUGS,
    *repair.BUGS,
    *disrupt.BUGS,
    *replan.BUGS,
    *choreography.BUGS,
    *composites.BUGS,
)
