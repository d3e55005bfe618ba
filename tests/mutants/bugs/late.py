"""Bugs with effects that land after their attempt was given up (R3, R25)."""

from tests.mutants.mutant import LATE, Mutant

BUGS = (
    Mutant(
        name="what lands after the end is no incident where a repair had ended its epoch",
        breaks="R38",
        old='    epoch = run.epoch_of(step, "forward", command.attempt)\n    if epoch.call(',
        new="    epoch = step\n    if epoch.call(",
        tests=(LATE,),
    ),
    Mutant(
        name="a late success is dropped",
        breaks="R25 L3",
        old="    return [found]\n",
        new='    return [e.Noted(text="it came late", step=step.id)]\n',
        tests=(LATE,),
    ),
    Mutant(
        name="a second effect passes for the first where the target keeps no keys",
        breaks="R25 L2",
        old="if landed and (shared or same_answer):",
        new="if landed:",
        tests=(LATE,),
    ),
    Mutant(
        name="a late effect is undone under the key of the step's own undo",
        breaks="R25 L3",
        old='return f"{undo_key_of(run, step)}:late{attempt}"',
        new="return undo_key_of(run, step)",
        tests=(LATE,),
    ),
    Mutant(
        name="a late effect is undone by the output that counts",
        breaks="R25 L2",
        old="return frozen_request(epoch, step.late.output)",
        new="return frozen_request(epoch, step.output)",
        tests=(LATE,),
    ),
    Mutant(
        name="a run completes while an effect is one too many",
        breaks="R25 L2",
        old="if not run.unfinished and not run.late:",
        new="if not run.unfinished:",
        tests=(LATE,),
    ),
    Mutant(
        name="a run is compensated while a late effect is still there",
        breaks="R25 L3",
        old="    elif not run.unplanned and not run.late:",
        new="    elif not run.unplanned:",
        tests=(LATE,),
    ),
    Mutant(
        name="a shared key undoes the effect that counts with the one too many",
        breaks="R25 L2",
        old='    if not undo_needs_output(step):\n        return f"{what}; its undo goes by the key',
        new='    if False:\n        return f"{what}; its undo goes by the key',
        tests=(LATE,),
    ),
    Mutant(
        name="a late effect after the end passes unseen",
        breaks="R38",
        old="        attempt = late_attempt(epoch, command)\n    except CommandRejected:\n",
        new='        attempt = late_attempt(epoch, command)\n        return ""\n    except CommandRejected:\n',
        tests=(LATE,),
    ),
)
