"""What a rehearsal says when a law does not hold."""

from __future__ import annotations


class Violation(Exception):
    """A law of the contract does not hold; `law` is its number, as in `L05`."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law, self.what = law, what


def expect(held: bool, law: str, what: str) -> None:
    """Do nothing where a law holds.

    Raises:
        Violation: where it does not.
    """
    if not held:
        raise Violation(law, what)
