"""Every seeded bug fits the engine as it is, and its tests are there."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import ROOT, Mutant, StalePatch


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: mutant.name)
def test_it_applies_to_one_place_and_gives_another_program(mutant: Mutant) -> None:
    path = mutant.place(ROOT)
    assert ast.dump(ast.parse(mutant.applied(path))) != ast.dump(ast.parse(path.read_text()))


def test_each_bug_has_a_name_of_its_own_and_tests_that_exist() -> None:
    assert len({mutant.name for mutant in CATALOGUE}) == len(CATALOGUE) >= 25
    for mutant in CATALOGUE:
        assert mutant.tests, mutant.name
        for test in mutant.tests:
            assert (ROOT / test.partition("::")[0]).is_file(), f"'{mutant.name}' names {test}"


@pytest.mark.parametrize(("old", "where"), [("no such text", "nowhere"), ("import annotations", "act.py, ")])
def test_a_patch_that_does_not_fit_says_so(old: str, where: str) -> None:
    with pytest.raises(
        StalePatch, match=f"'x' replaces a text that is to be in one place, and it is .*{where}"
    ):
        Mutant(name="x", breaks="R1", old=old, new="", tests=()).place(ROOT)
