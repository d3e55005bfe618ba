"""A seeded bug: one piece of the engine's text and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = "tests/core"
ATTEMPTS = f"{CORE}/test_rules_attempts.py"
COUNTS = f"{CORE}/test_rules_counts.py"
FORWARD = f"{CORE}/test_rules_forward.py"
CONDITIONS = f"{CORE}/test_rules_conditions.py"
BACK = f"{CORE}/test_rules_back.py"
LATE = f"{CORE}/test_rules_late.py"
LIMITS = f"{CORE}/test_rules_limits.py"
STATE = f"{CORE}/test_rules_state.py"
VERDICTS = f"{CORE}/test_rules_verdicts.py"
AMEND = f"{CORE}/test_rules_amend.py"
REPLAN = f"{CORE}/test_rules_replan.py"
GHOSTS = f"{CORE}/test_rules_ghosts.py"
REPLAN_PAST = f"{CORE}/test_rules_replan_past.py"
PLANNERS = f"{CORE}/test_rules_replan_models.py"
REPAIR = f"{CORE}/test_rules_repair.py"
AFFECTED = f"{CORE}/test_rules_affected.py"
MAP = f"{CORE}/test_rules_map.py"
COMPOSITES = f"{CORE}/test_rules_composites.py"
DROPPED = f"{CORE}/test_rules_dropped.py"
AT_ONCE = f"{CORE}/test_rules_at_once.py"
TOLERATED = f"{CORE}/test_rules_tolerated.py"
PREVIEWS = f"{CORE}/test_previews.py"
CHOREOGRAPHY = f"{CORE}/test_rules_choreography.py"
SIGNALS = f"{CORE}/test_rules_signals.py"
MEMORY = f"{CORE}/test_rules_memory.py"
ROUTES = "tests/engine/test_routes.py"
RUNTIME = "tests/engine/test_runtime.py"
STORES = "tests/contract/test_store.py"


class StalePatch(Exception):
    """The text that a mutant replaces is not in exactly one place of the engine; bring the mutant up to date."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug that engines have had.

    Attributes:
        name: what goes wrong, in words.
        breaks: the rules and laws of the contract that it breaks.
        old: the right text; it stands in exactly one place of `engine/`, wherever that is.
        new: the wrong one.
        tests: the test files, or single tests, that are to notice it; the fast ones first.
        hangs: whether the bug is that something never ends, so that running out of time notices it.
    """

    name: str
    breaks: str
    old: str
    new: str
    tests: tuple[str, ...]
    hangs: bool = False

    def place(self, root: Path) -> Path:
        """Return the file of a tree that holds the text to replace.

        Raises:
            StalePatch: if it is nowhere, or in more than one place.
        """
        files = sorted((root / "engine").rglob("*.py"))
        found = [path for path in files for _ in range(path.read_text().count(self.old))]
        if len(found) != 1:
            where = ", ".join(str(path.relative_to(root)) for path in found) or "nowhere"
            raise StalePatch(f"'{self.name}' replaces a text that is to be in one place, and it is {where}")
        return found[0]

    def applied(self, path: Path) -> str:
        """Return the text of a file with the bug in it."""
        return path.read_text().replace(self.old, self.new)
