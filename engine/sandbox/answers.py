"""What the practice world answers: an `Answer` for every request, and `Refused` for what it won't do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, before anything is sent: the world decides it, the app sends it.

    Attributes:
        status: the HTTP status.
        body: the JSON object to send.
        replayed: whether this is the stored answer to an earlier call with the same key.
        delay_s: how long the app waits before it answers. What landed has landed already.
        garbled: whether the app sends text that is no JSON in place of the body.
        retry_after_s: when to ask again, where that makes sense.
    """

    status: int
    body: Body
    replayed: bool = False
    delay_s: float = 0.0
    garbled: bool = False
    retry_after_s: int | None = None


class RefusedError(Exception):
    """The world won't do this, and nothing landed. `answer` says why, in the words that the caller gets."""

    def __init__(self, status: int, error: str, message: str, **more: Any) -> None:
        super().__init__(message)
        retry_after_s = more.pop("retry_after_s", None)
        self.answer = Answer(
            status, {"error": error, "message": message, **more}, retry_after_s=retry_after_s
        )


def invalid(field: str, message: str) -> RefusedError:
    """Return the 400 for a request whose `field` is not what it should be."""
    return RefusedError(400, "invalid", message, field=field)


def not_found(message: str) -> RefusedError:
    """Return the 404 for something that does not exist."""
    return RefusedError(404, "not_found", message)
