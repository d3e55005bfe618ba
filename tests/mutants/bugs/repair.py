"""Bugs in repairs, epochs and what lands after them (R4, R7, R15, R22, R25, R26, L17)."""

from tests.mutants.mutant import REPAIR, Mutant

BUGS = (
    Mutant(
        name="a repair undoes everything",
        breaks="R26 L17",
        old="plan=undo_plan(run, among=because),",
        new="plan=undo_plan(run),",
        tests=(REPAIR,),
    ),
    Mutant(
        name="a repair does only the culprits anew",
        breaks="R26 L17",
        old="return [e.StepsRedone(steps=run.repair.affected,",
        new="return [e.StepsRedone(steps=run.repair.culprits,",
        tests=(REPAIR,),
    ),
    Mutant(
        name="a new epoch keeps the old keys",
        breaks="R4 R26",
        old="epoch=old.epoch + 1,",
        new="epoch=old.epoch,",
        tests=(REPAIR,),
    ),
    Mutant(
        name="numbers of calls begin anew in each epoch",
        breaks="R26 L13",
        old="before = {phase: old.next_number(phase) - 1 for phase in PHASES}",
        new="before = dict.fromkeys(PHASES, 0)",
        tests=(REPAIR,),
    ),
    Mutant(
        name="what could not be undone is done a second time",
        breaks="R26 L2",
        old="    if left is not None:\n        reason",
        new="    if False:\n        reason",
        tests=(REPAIR,),
    ),
    Mutant(
        name="there is no limit to repairs",
        breaks="R26",
        old="DirectionAsked() if run.repairs >= run.saga.max_repairs else chosen",
        new="chosen",
        tests=(REPAIR,),
    ),
    Mutant(
        name="a cancel is repaired",
        breaks="R15",
        old="run.fault.source in REPAIRABLE",
        new="run.fault.source",
        tests=(REPAIR,),
    ),
    Mutant(
        name="what a pivot depends on can be marked stale behind it",
        breaks="R26",
        old="    affected(run, begun)  # refused where a point of no return is in it\n",
        new="",
        tests=(REPAIR,),
    ),
    Mutant(
        name="what is done anew waits for nobody",
        breaks="R10 L5",
        old="run.blockers[name] = sum(run.steps[other].status not in SETTLED for other in needed)",
        new="run.blockers[name] = 0",
        tests=(REPAIR,),
    ),
    Mutant(
        name="a repair begins anew before an old undo can no longer land",
        breaks="R7",
        old="        if settled is not None and now >= settled:",
        new="        if settled is not None:",
        tests=(REPAIR,),
    ),
    Mutant(
        name="what lands after its epoch is forgotten",
        breaks="R25 L3",
        old="    return [landed]\n\n\ndef is_open(",
        new="    return []\n\n\ndef is_open(",
        tests=(REPAIR,),
    ),
    Mutant(
        name="what lands after its epoch is undone by the new epoch's undo",
        breaks="R25",
        old='    epoch = run.epoch_of(step, "forward", step.late.attempt)\n    return frozen_request(epoch,',
        new="    epoch = step\n    return frozen_request(epoch,",
        tests=(REPAIR,),
    ),
    Mutant(
        name="a run that is repaired can be cancelled half way",
        breaks="R22",
        old='    if run.repair is not None:\n        raise CommandRejected("the run is being repaired',
        new='    if False:\n        raise CommandRejected("the run is being repaired',
        tests=(REPAIR,),
    ),
    Mutant(
        name="a decision answers a later question",
        breaks="R33 L15",
        old="if command.question is not None and command.question != approval.seq:",
        new="if False:",
        tests=(REPAIR,),
    ),
)
