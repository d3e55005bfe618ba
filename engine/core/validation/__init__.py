"""What validators of code find: pure functions of a definition and what it sees, one module per kind."""

from __future__ import annotations

from engine.core.validation.finding import Finding
from engine.core.validation.kinds import examine

__all__ = ["Finding", "examine"]
