"""Bugs in pauses, budgets, the event limit, locks and overlapping writes (R23, R37, R39, R40)."""

from tests.mutants.mutant import ATTEMPTS, BACK, LIMITS, Mutant

BUGS = (
    Mutant(
        name="a pause lets new attempts start",
        breaks="R23",
        old="return not run.paused and run.limit is None and",
        new="return run.limit is None and",
        tests=(BACK,),
    ),
    Mutant(
        name="a pause drops results",
        breaks="R23",
        old="    if call is None:\n        return earlier_epoch(",
        new="    if run.paused:\n        return []\n    if call is None:\n        return earlier_epoch(",
        tests=(BACK,),
    ),
    Mutant(
        name="a pause does not hold undos back",
        breaks="R23",
        old="    elif slots > 0 and not run.paused:\n",
        new="    elif slots > 0:\n",
        tests=(BACK,),
    ),
    Mutant(
        name="more calls run at once than the saga allows",
        breaks="R10",
        old="and in_hand(run) < run.saga.parallel",
        new="and in_hand(run) <= run.saga.parallel",
        tests=(ATTEMPTS,),
    ),
    Mutant(
        name="a budget is looked at after the call that passes it",
        breaks="R39 L30",
        old="        if spent >= allowed:\n",
        new="        if spent > allowed:\n",
        tests=(LIMITS,),
    ),
    Mutant(
        name="failed attempts are not counted",
        breaks="R39",
        old='run.calls += event.phase == "forward"',
        new='run.calls += event.phase == "forward" and event.attempt == 1',
        tests=(LIMITS,),
    ),
    Mutant(
        name="a budget holds compensations back",
        breaks="R39 L1",
        old="    elif slots > 0 and not run.paused:\n",
        new="    elif slots > 0 and not run.paused and reached(run, now) is None:\n",
        tests=(LIMITS,),
    ),
    Mutant(
        name="a budget stops a run past the pivot",
        breaks="R12",
        old='"note" if run.pivot_passed() else budget.on_limit',
        new="budget.on_limit",
        tests=(LIMITS,),
    ),
    Mutant(
        name="models are asked side by side under a limit on money",
        breaks="L30",
        old="return _may_cost(step) and one_at_a_time(run)",
        new="return False",
        tests=(LIMITS,),
    ),
    Mutant(
        name="the event limit is ignored",
        breaks="R40",
        old='"events": run.saga.max_events + run.expected, "cost_usd"',
        new='"events": 10**9, "cost_usd"',
        tests=(LIMITS,),
    ),
    Mutant(
        name="locks are not taken in sorted order",
        breaks="R37",
        old="keys = tuple(sorted({as_text(render(lock, scope)) for lock in step.definition.locks}))",
        new="keys = tuple(as_text(render(lock, scope)) for lock in step.definition.locks)",
        tests=(LIMITS,),
    ),
    Mutant(
        name="a step does not wait for its locks",
        breaks="R37",
        old="if definition.locks and not step.locked:",
        new="if False:",
        tests=(LIMITS,),
    ),
    Mutant(
        name="steps that write the same run side by side",
        breaks="R37",
        old="if any(_in_hand(run.steps[peer(step, other)]) for other in others):",
        new="if False:",
        tests=(LIMITS,),
    ),
    Mutant(
        name="a writer in doubt lets another one in",
        breaks="R37",
        old='frozenset({"running", "unknown", "retry_wait", "validating"})',
        new='frozenset({"running", "validating"})',
        tests=(LIMITS,),
    ),
)
