"""Bugs in disruptions, in what follows from a changed fact, and in assumptions (R8, R26, R28, R29, R32, R33, R39)."""

from tests.mutants.mutant import CORE, Mutant

CALLS = f"{CORE}/test_rules_disrupt.py"
TASK = f"{CORE}/test_rules_disrupt_task.py"
FACTS = f"{CORE}/test_rules_facts.py"

VALUES = f"{CORE}/test_rules_disrupt_values.py"

BUGS = (
    Mutant(
        name="a change that is over takes the place of what came since",
        breaks="R31",
        old="    if not counts_still(run, what.path):\n",
        new="    if False:\n",
        tests=(VALUES,),
    ),
    Mutant(
        name="what a fact changed is taken back from what is no number any more",
        breaks="R2",
        old="for key, held, by in numbers if is_number(held))",
        new="for key, held, by in numbers)",
        tests=(VALUES,),
    ),
    Mutant(
        name="a changed fact becomes a number that JSON does not know",
        breaks="L8",
        old="        found = amount * factor\n        return found if math.isfinite(found) else None\n",
        new="        return amount * factor\n",
        tests=(VALUES,),
    ),
    Mutant(
        name="a planted fault strikes for ever",
        breaks="R9",
        old="        standing.struck += 1\n",
        new="        standing.struck += 0\n",
        tests=(CALLS,),
    ),
    Mutant(
        name="a fault of the forward call strikes the undo, too",
        breaks="R19",
        old="return what.step == step and what.phase == phase",
        new="return what.step == step",
        tests=(CALLS,),
    ),
    Mutant(
        name="a disruption strikes before it holds",
        breaks="R32",
        old="in_time = self.begins_at <= now and (until is None or now < until)",
        new="in_time = until is None or now < until",
        tests=(CALLS,),
    ),
    Mutant(
        name="what a disruption did stays after its end",
        breaks="R32",
        old="    for held in (run.lost, run.constraints, run.relaxed):\n",
        new="    for held in ():\n",
        tests=(TASK,),
    ),
    Mutant(
        name="who only wrote of a fact counts as one that relied on it",
        breaks="R26",
        old='"approval", "locks"})\n"""Readings',
        new='"approval", "locks", "writes"})\n"""Readings',
        tests=(CALLS, TASK),
    ),
    Mutant(
        name="a changed fact makes all dependents stale",
        breaks="R26",
        old="next((one for one in changed if reading.relies and covers(one, reading.path)), None)",
        new="next((one for one in changed if reading.relies), None)",
        tests=(CALLS, FACTS),
    ),
    Mutant(
        name="what was written of a fact stays as it was",
        breaks="R29",
        old="            if now is not None and now != app.get(key):",
        new="            if now is None:",
        tests=(CALLS,),
    ),
    Mutant(
        name="a check that fails now blames the step whose fact has changed",
        breaks="R28",
        old="return others or tuple(acted) or (step.id,)",
        new="return tuple(acted) or (step.id,)",
        tests=(CALLS,),
    ),
    Mutant(
        name="a constraint that came late is not told to models",
        breaks="R29",
        old='for what in added_constraints(run) if heading == "constraints" else ():',
        new="for what in ():",
        tests=(TASK,),
    ),
    Mutant(
        name="a constraint that came late breaks before its step has an output",
        breaks="R29",
        old="            if added and not all(",
        new="            if False and not all(",
        tests=(TASK,),
    ),
    Mutant(
        name="a cut budget does not hold where the saga has none",
        breaks="R39",
        old="        and not run.cuts\n",
        new="",
        tests=(TASK,),
    ),
    Mutant(
        name="a withdrawn approval is used all the same",
        breaks="R33",
        old='    if approval.status == "approved" and not has_acted(step):\n',
        new='    if approval.status == "approved" and False:\n',
        tests=(TASK,),
    ),
    Mutant(
        name="what is gone and can't be undone is called an exception",
        breaks="R8",
        old='yield Task("empty" if step.gone else "excuse", step.id)',
        new='yield Task("excuse", step.id)',
        tests=(CALLS,),
    ),
    Mutant(
        name="past the point of no return a change undoes what it can",
        breaks="R15 R26",
        old="        affected(run, tuple(stale))\n    except CommandRejected as refused:",
        new="        pass\n    except CommandRejected as refused:",
        tests=(CALLS,),
    ),
    Mutant(
        name="a change that was cut from its fault is forgotten",
        breaks="L9",
        old="    if run.upset:\n",
        new="    if False:\n",
        tests=(TASK,),
    ),
    Mutant(
        name="a refused assumption keeps its value",
        breaks="R28",
        old="value = found.value if command.accepted else found.otherwise",
        new="value = found.value",
        tests=(FACTS,),
    ),
)
