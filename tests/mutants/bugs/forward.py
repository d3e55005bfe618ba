"""Bugs in what lets a step start and its output count (R10, R11, R13, R29)."""

from tests.mutants.mutant import BACK, CONDITIONS, FORWARD, STATE, Mutant

BUGS = (
    Mutant(
        name="a dependency counts once it has merely started",
        breaks="R10 L5",
        old="    if step.status not in SETTLED:\n        return None\n",
        new='    if step.status in {"running", "validating"} and branch is None:\n        return True\n'
        "    if step.status not in SETTLED:\n        return None\n",
        tests=(CONDITIONS,),
    ),
    Mutant(
        name="one dependency of a list is enough",
        breaks="R10 L5",
        old="    if run.blockers[name] == 0:\n        return True\n",
        new="    if run.blockers[name] <= 1:\n        return True\n",
        tests=(FORWARD,),
    ),
    Mutant(
        name="what needs a skipped step runs",
        breaks="R10",
        old='    if step.status != "committed":\n        return False\n    return branch is None',
        new='    if step.status == "handled":\n        return False\n    return branch is None',
        tests=(FORWARD,),
    ),
    Mutant(
        name="a route opens every branch",
        breaks="R10",
        old='return branch is None or (isinstance(step.output, dict) and step.output.get("branch") == branch)',
        new="return True",
        tests=(FORWARD,),
    ),
    Mutant(
        name="k of n is off by one",
        breaks="R10",
        old="    if held >= count:",
        new="    if held > count:",
        tests=(CONDITIONS,),
    ),
    Mutant(
        name="a guard is not asked again when its step is tried again",
        breaks="R10",
        old="        if step.ready_at is None:\n",
        new="        if False:\n",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a rejected output is committed all the same",
        breaks="R11",
        old='if worst is not None and worst.verdict == "reject":',
        new="if worst is not None and False:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a failure whose effect may be there opens the other way",
        breaks="R13 L2",
        old='and run.direction == "forward" and _can_go_on(run, step, ended)',
        new='and run.direction == "forward"',
        tests=(CONDITIONS,),
    ),
    Mutant(
        name="a later fault takes the place of the first",
        breaks="R13",
        old='    if run.fault is None and run.direction == "forward":\n        return [Faulted(',
        new='    if run.direction == "forward":\n        return [Faulted(',
        tests=(FORWARD,),
    ),
    Mutant(
        name="steps start after a fault",
        breaks="R14 L7",
        old="yield from _forward(run, now) if run.fault is None else _drain(run, now)",
        new="yield from chain(_forward(run, now), () if run.fault is None else _drain(run, now))",
        tests=(BACK,),
    ),
    Mutant(
        name="invariants are not checked at a commit",
        breaks="R29",
        old='return [committed, *planned, *(fault(run, "invariant", step.id, broken) if broken else [])]',
        new="return [committed, *planned]",
        tests=(STATE,),
    ),
    Mutant(
        name="invariants look at the state before the write",
        breaks="R29",
        old='scope["app"] = dict(writes) if whole else {**app, **writes}',
        new='scope["app"] = app',
        tests=(STATE,),
    ),
    Mutant(
        name="invariants are not checked after an undo",
        breaks="R29",
        old="    if broken:\n        notes.append(",
        new="    if False:\n        notes.append(",
        tests=(STATE,),
    ),
)
