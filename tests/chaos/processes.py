"""The tests' side of the forge: processes to start, to kill, to stop and to listen to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300


class Forked:
    """A process that the forge made."""

    def __init__(self, pid: int, said: SimpleQueue[str]) -> None:
        self.pid = pid
        self._said = said

    def expect(self, word: str, within_s: float = PATIENCE_S) -> str:
        """Return the rest of the next line that the process says, which must begin with that word."""
        line = self._said.get(timeout=within_s)
        assert line.startswith(word), line
        return line[len(word) :].strip()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hold(self) -> None:
        """Stop it and return when none of its threads runs any more."""
        self.signal(signal.SIGSTOP)
        while not self.sleeps():
            time.sleep(0.001)

    def sleeps(self) -> bool:
        """Return whether all its threads are stopped."""
        stats = [(task / "stat").read_text() for task in Path(f"/proc/{self.pid}/task").iterdir()]
        return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)

    def kill(self) -> None:
        """Kill it and return when it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while self.lives():
            assert time.monotonic() < until, f"{self.pid} does not die"
            time.sleep(0.001)

    def lives(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Forge:
    """Starts processes; hears what they acknowledge.

    Attributes:
        acknowledged: checksums by run and seq, of every event that any process was told to be durable.
    """

    def __init__(self, stderr: Path) -> None:
        self.acknowledged: dict[str, dict[int, int]] = defaultdict(dict)
        self._said: dict[int, SimpleQueue[str]] = defaultdict(SimpleQueue)
        self._forked: list[Forked] = []
        with stderr.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.forge"], env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self._forge = Forked(self._process.pid, self._said[self._process.pid])
        self._ears = threading.Thread(target=self._listen, daemon=True)
        self._ears.start()

    def start(self, role: str, **args: Any) -> Forked:
        """Start a process in a role of `tests.chaos.roles`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"role": role, "args": args}) + "\n")
        self._process.stdin.flush()
        pid = int(self._forge.expect("forked"))
        self._forked.append(Forked(pid, self._said[pid]))
        return self._forked[-1]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            pid, word, *rest = line.split()
            if word != "ack":
                self._said[int(pid)].put(line.strip().split(maxsplit=1)[1])
                continue
            for fact in rest[1:]:
                seq, checksum = fact.split(":")
                self.acknowledged[rest[0]][int(seq)] = int(checksum)
        for said in self._said.values():
            said.put("the forge has ended")

    def close(self) -> None:
        """Kill what still lives, and return when everything that was said has been heard."""
        for forked in self._forked:
            if forked.lives():
                forked.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._ears.join(PATIENCE_S)
        self._process.stdout.close()
