"""Judging a finished run: every law in its turn, and how much each had to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from engine.rehearsal import (
    laws,
    laws_back,
    laws_calls,
    laws_checks,
    laws_events,
    laws_frames,
    laws_limits,
    laws_replan,
)
from engine.rehearsal.evidence import Evidence
from engine.rehearsal.verdict import Violation

Law = Callable[[Evidence], int]
LAWS: tuple[Law, ...] = (
    laws.L23_the_log_is_contiguous_and_closes_once,
    laws.L19_an_old_prefix_never_changes,
    laws.L20_no_amendment_touches_what_has_begun,
    laws.L24_the_fold_is_total,
    laws_calls.L05_no_step_starts_before_its_dependencies_committed,
    laws_calls.L07_nothing_goes_forward_after_a_fault,
    laws_calls.L13_tries_share_a_key_and_have_one_result_each,
    laws_calls.L14_a_gated_call_was_approved_as_it_is_sent,
    laws_calls.L16_under_four_eyes_starter_and_author_never_decide,
    laws_calls.L21_unknown_stays_unknown_until_it_is_resolved,
    laws_calls.L22_nothing_touches_an_unknown_before_it_settled,
    laws_calls.L31_timers_fire_once_and_not_early,
    laws_checks.L37_an_output_counts_only_after_its_validators,
    laws_checks.L38_what_belongs_together_commits_or_falls_together,
    laws_events.R10_a_step_is_skipped_only_once_what_it_waits_for_can_t_come,
    laws_events.R11_a_commit_causes_the_events_that_are_declared_and_no_other,
    laws_events.R13_a_failure_that_is_heard_leaves_nothing_behind,
    laws_events.L29_a_signal_counts_once_and_serves_one_wait,
    laws_limits.L30_spent_is_at_most_the_limit_and_one_attempt,
    laws_limits.R37_a_locked_step_starts_with_its_locks,
    laws_limits.R37_overlapping_writes_never_run_together,
    laws_frames.R36_items_are_frozen_before_the_first_begins,
    laws_frames.R36_only_so_many_frames_are_in_work_at_once,
    laws_frames.R36_no_more_rounds_and_calls_than_were_allowed,
    laws_frames.R36_what_was_dropped_is_undone_in_order,
    laws_frames.R36_a_task_begins_only_where_those_it_needs_went_well,
    laws_frames.R35_a_composite_ends_after_what_is_inside_it,
    laws_back.L06_undo_runs_against_the_dependencies,
    laws_back.L06_what_does_not_count_goes_before_what_it_was_built_on,
    laws_back.L17_the_affected_set_is_the_least_closed_one,
    laws_back.R26_what_is_kept_keeps_its_effect,
    laws_replan.R26_planning_anew_is_bounded_and_holds_the_run,
    laws_replan.R27_only_an_admitted_proposal_changes_the_plan,
    laws_back.L11_the_pivot_is_never_in_a_plan,
    laws_back.L12_each_effect_is_reversed_at_most_once,
    laws_back.R04_no_step_takes_effect_twice,
    laws_back.R16_the_plan_holds_whatever_may_have_landed,
    laws_back.R20_a_failed_undo_is_never_called_done,
    laws_back.R22_giving_up_names_what_is_left_behind,
    laws_back.R25_each_late_effect_is_settled_once,
    laws.L04_completed_or_compensated_never_both,
    laws.L02_completed_means_each_effect_exactly_once,
    laws.L03_compensated_means_the_world_is_back,
)
ON_THE_WAY = {
    "L01": "every run ends when its people eventually answer",
    "L08": "replay gives the live run, after each turn, through JSON",
    "L09": "a crash at any boundary, then recovery: an allowed ending, all laws hold",
    "L10": "the same for every pair of boundaries of small sagas",
    "L15": "several deciders at once: one decision, clear refusals",
    "L18": "the affected set is monotone and idempotent, on random graphs with random culprits",
    "L25": "a refused command appends nothing and changes nothing",
    "L26": "a definition survives export and import",
    "L27": "any order of answers of a fault-free saga gives the same outputs",
    "L28": "an unrelated readonly step changes nothing for the others",
    "L29": "the same signal twice is one signal",
    "L32": "a second driver that takes over doubles no effect",
    "L33": "cancel twice is cancel once",
}
"""Laws that are checked while a story is told, or between two stories, and not on a log alone."""


def number(law: Law) -> str:
    """Return the number of a law, such as `L05`."""
    return law.__name__[:3]


def words() -> dict[str, str]:
    """Return what each law that a rehearsal checks says, by number."""
    said = dict(ON_THE_WAY)
    for law in LAWS:
        name, text = number(law), law.__name__[4:].replace("_", " ")
        said[name] = f"{said[name]}; {text}" if name in said else text
    return dict(sorted(said.items()))


def judge(seen: Evidence) -> Counter[str]:
    """Return how many things each law had to judge, all of which held.

    Raises:
        Violation: of the first law that does not hold, or that could not make sense of the log.
    """
    judged: Counter[str] = Counter()
    for law in LAWS:
        try:
            judged[number(law)] += law(seen)
        except Violation:
            raise
        except Exception as error:
            raise Violation(number(law), f"the log makes no sense to this law: {error!r}") from error
    return judged
