"""The tests are tested: each seeded bug makes one of them fail. `make mutants` shows which."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import PREVIEWS, Mutant
from tests.mutants.runner import CannotTell, Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with closing(Workshop(tmp_path_factory.mktemp("mutants") / "tree")) as made:
        if is_first(tmp_path_factory.getbasetemp()):
            made.check(CATALOGUE)
        yield made


def is_first(own: Path) -> bool:
    """Return whether no other worker of this test run came here before; one is enough to check."""
    mark = own if "PYTEST_XDIST_WORKER" not in os.environ else own.parent
    try:
        mark.joinpath("mutants-checked").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: mutant.name)
def test_it_is(mutant: Mutant, workshop: Workshop) -> None:
    assert workshop.judge(mutant).killed_by, (
        f"{mutant.name} ({mutant.breaks}), and none of {', '.join(mutant.tests)} fails"
    )


def change(old: str, new: str) -> Mutant:
    return Mutant(name="x", breaks="nothing", old=old, new=new, tests=(PREVIEWS,))


def test_a_change_that_no_test_sees_is_said_to_be_unnoticed(workshop: Workshop) -> None:
    assert not workshop.judge(
        change("how a question was settled, in people's words", "how it was settled")
    ).killed_by


def test_a_bug_that_is_not_imported_is_no_finding(workshop: Workshop) -> None:
    with pytest.raises(CannotTell, match=r"'x': the tests imported None, not .*llm\.py"):
        workshop.judge(change('"num_retries": 0,', '"num_retries": 1,'))


def test_tests_that_fail_without_a_bug_say_nothing_about_one(workshop: Workshop) -> None:
    (workshop.root / "tests/core/test_broken.py").write_text(
        "import engine.core.run\ndef test_it():\n    assert 0\n"
    )
    with pytest.raises(CannotTell, match=r"test_broken\.py::test_it fails without any bug"):
        workshop.check([], ["tests/core/test_broken.py"])
