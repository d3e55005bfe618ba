"""Bugs in the log, the fold, timers, and in who drives a run (R2, R30 to R34)."""

from tests.mutants.mutant import RUNTIME, STATE, STORES, Mutant

OTHERS = "tests/contract/test_store_others.py"
BUGS = (
    Mutant(
        name="a replay accepts a gap",
        breaks="R31 L23",
        old="if recorded.seq != run.seq + 1:",
        new="if recorded.seq <= run.seq:",
        tests=(STATE,),
    ),
    Mutant(
        name="a run goes on after its end",
        breaks="R38 L23",
        old="    if run.is_closed:\n        raise IllegalTransition(",
        new="    if False:\n        raise IllegalTransition(",
        tests=(STATE,),
    ),
    Mutant(
        name="a log is folded over another version",
        breaks="R30",
        old="if event.saga_hash != run.saga.hash:",
        new="if False:",
        tests=(STATE,),
    ),
    Mutant(
        name="timers begin anew when a run is taken over",
        breaks="R32",
        old="    if isinstance(command, c.Recover):\n        while",
        new="    if isinstance(command, c.Recover):\n        for each in run.steps.values():\n"
        "            each.due = each.due and run.updated_at and each.due + (now - run.updated_at)\n        while",
        tests=(STATE,),
    ),
    Mutant(
        name="whatever happens puts a timer off",
        breaks="R32",
        old="passed = step.due is not None and now >= step.due",
        new="passed = step.due is not None and now - (run.updated_at or now) >= step.due - (step.ready_at or now)",
        tests=(STATE,),
    ),
    Mutant(
        name="an append behind the log is stored",
        breaks="R2 R34",
        old="    if seq != change.expected_seq:\n",
        new="    if False:\n",
        tests=(
            f"{STORES}::TestAppend::test_an_append_behind_or_ahead_of_the_log_is_a_conflict_and_stores_nothing[memory]",
        ),
    ),
    Mutant(
        name="a driver that lost its run can still record",
        breaks="R34 L32",
        old="    if driver != change.driver:\n",
        new="    if False:\n",
        tests=(f"{STORES}::TestAppend::test_a_second_driver_can_append_only_once_it_has_the_run[memory]",),
    ),
    Mutant(
        name="a run is taken from a driver that lives",
        breaks="R34 L32",
        old="            if kept.driver != driver and kept.driver in alive:\n                return False\n",
        new="",
        tests=(f"{OTHERS}::TestDriving::test_a_claim_takes_an_open_run_from_the_dead_only[memory]",),
    ),
    Mutant(
        name="a driver that lost its run goes on calling",
        breaks="R34 L32",
        old="self._loop.call_soon_threadsafe(self._lose, live, change)",
        new="pass",
        tests=(f"{RUNTIME}::test_R34_an_engine_that_lost_its_run_stops_calling_and_recording",),
    ),
    Mutant(
        name="a posted command is answered apart from its facts",
        breaks="L29",
        old="                posted=posted,\n",
        new="",
        tests=("tests/engine/test_mail.py::test_L29_facts_are_stored_with_the_answer_to_what_was_posted",),
    ),
    Mutant(
        name="a posted command that was answered is carried out again",
        breaks="L29",
        old="if refused is None and change.posted and (asked is None or asked.answered):",
        new="if False:",
        tests=(f"{OTHERS}::TestPosted::test_L29_a_command_that_was_answered_is_carried_out_no_more[memory]",),
    ),
    Mutant(
        name="a signal is not brought to a run that was amended to wait for it",
        breaks="R27",
        old="if row.amended or knows(row.saga_hash) else None",
        new="if knows(row.saga_hash) else None",
        tests=("tests/engine/test_signals.py",),
    ),
    Mutant(
        name="what was posted to a driver that lost the run is posted anew",
        breaks="L29",
        old="        await self._apply(posted.run_id, posted.command, posted.id)\n",
        new="        await self._submit(posted.run_id, posted.command)\n",
        tests=("tests/engine/test_mail.py::test_L29_what_was_posted_is_left_to_whoever_took_the_run_over",),
    ),
)
