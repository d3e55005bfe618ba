"""Bugs in what may be published, and in partial rollback and new plans (R12, R26, R27)."""

from tests.mutants.mutant import AFFECTED, CONDITIONS, FORWARD, Mutant

BUGS = (
    Mutant(
        name="two pivots on a path may be published",
        breaks="R12",
        old='for effect in sorted(effects & {"pivot", "compensatable"}):',
        new='for effect in sorted(effects & {"compensatable"}):',
        tests=(FORWARD,),
    ),
    Mutant(
        name="a step to undo may come after the pivot",
        breaks="R12",
        old='for effect in sorted(effects & {"pivot", "compensatable"}):',
        new='for effect in sorted(effects & {"pivot"}):',
        tests=(FORWARD,),
    ),
    Mutant(
        name="an approval that can be denied may come after the pivot",
        breaks="R12",
        old='if step.approval is not None or (isinstance(step, ApprovalStep) and step.with_.on_deny == "fault"):',
        new="if step.approval is not None:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a check that rejects may come after the pivot",
        breaks="R12",
        old='        if late and each.validator.on_fail != "feedback":',
        new="        if False:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a step that can't be undone may come before the pivot",
        breaks="R12",
        old='if effect_of(step) == "retriable" and name in early:',
        new="if False:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a deadline may stop a run past the pivot",
        breaks="R12",
        old="if chosen and saga.deadline_s is not None:",
        new="if False:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="a step may go without an undo and without a reason",
        breaks="R12",
        old="if not step.compensate_reason.strip():",
        new="if False:",
        tests=(FORWARD,),
    ),
    Mutant(
        name="what comes far behind the pivot is not looked at",
        breaks="R12",
        old="return set(nx.descendants(self.digraph, step))",
        new="return set(self.digraph.successors(step))",
        tests=(FORWARD, CONDITIONS),
    ),
    Mutant(
        name="the affected set is not closed",
        breaks="R26 L17",
        old="nx.multi_source_dijkstra_path(graph, sources) if sources else {}",
        new="{name: [name] for name in culprits}",
        tests=(AFFECTED,),
    ),
    Mutant(
        name="the affected set holds what the culprits were built on",
        breaks="R26 L17",
        old="nx.multi_source_dijkstra_path(graph, sources) if sources else {}",
        new="nx.multi_source_dijkstra_path(graph.to_undirected(), sources) if sources else {}",
        tests=(AFFECTED,),
    ),
    Mutant(
        name="a partial rollback goes back behind a pivot",
        breaks="R26 L11",
        old='    if passed:\n        path = " -> "',
        new='    if False:\n        path = " -> "',
        tests=(AFFECTED,),
    ),
    Mutant(
        name="a new plan may change what has begun",
        breaks="R27 L20",
        old="        found += [f\"'{name}' has begun and its `{key}` differs\" for key in changed]\n",
        new="",
        tests=(AFFECTED,),
    ),
    Mutant(
        name="a new plan may leave out what has begun",
        breaks="R27 L20",
        old="            found.append(f\"'{name}' has begun and is missing\")\n",
        new="",
        tests=(AFFECTED,),
    ),
)
