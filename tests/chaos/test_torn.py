"""Journals torn as a power cut may tear them: the database opens, and the log is a prefix of what it was.

1. A WAL may be torn, or have a byte turned, anywhere behind what a checkpoint has copied from. What was behind
   the tear is gone, in whole commits, even if it was acknowledged: a disk that forgets what it said was
   written can't be helped.
2. A rollback journal may be torn anywhere as long as the database itself is untouched: SQLite writes that only
   when the journal is on the disk, whole. After that only the whole journal is promised to work.
3. Runs that are still in the log go on and end as they must, each effect once, even if its intent was torn off:
   its key is the same again. A run whose start was torn off is not known any more; what it did is left behind.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from engine.ports import RunFilter
from engine.sandbox.world import World
from storage.sqlite import SAFE_WAL, sqlite_module
from storage.store import SqlStore
from tests.chaos.judge import check_integrity
from tests.chaos.processes import Forge
from tests.chaos.sagas import EFFECTS, ENDS

TEARS = int(os.environ.get("CHAOS_TEARS", "5"))
FRAME_HEADER, WAL_HEADER = 24, 32
Place = tuple[str, int]


@dataclass(frozen=True)
class Image:
    """The files of a database and of the world as they were at one moment, as a kill or a power cut leaves them."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "saga.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def wal(self) -> Path:
        return self.folder / "saga.db-wal"

    @property
    def journal(self) -> Path:
        return self.folder / "saga.db-journal"

    def copy(self, name: str) -> Image:
        return Image(Path(shutil.copytree(self.folder, self.folder.with_name(name))))

    def log(self) -> list[Place]:
        """Open the database as the app does, and return every event in the order in which it was written."""
        store = SqlStore(self.url)
        try:
            check_integrity(store)
            with store.database.reading() as connection:
                written = connection.exec_driver_sql("SELECT run_id, seq FROM event ORDER BY rowid").all()
            places = [(run_id, seq) for run_id, seq in written]
            lengths = Counter(run_id for run_id, _ in places)
            assert {row.id: row.last_seq for row in store.rows(RunFilter(), limit=10_000)} == lengths, (
                "half a commit"
            )
            return places
        finally:
            store.close()


def images(
    forge: Forge, folder: Path, world: str, world_path: Path, *, wal: bool, chance: random.Random
) -> Iterator[Image]:
    """Yield images of a driver at work, taken at random moments while it is held: in a commit, without a WAL."""
    live = folder / "live"
    live.mkdir()
    journal = live / "saga.db-journal"
    driver = forge.start(
        "driver", database=f"sqlite:///{live / 'saga.db'}", world=world, wanted=8, wal=wal, people=False
    )
    driver.expect("ready")
    for number in count():
        time.sleep(chance.uniform(0.02, 0.2) if wal else chance.uniform(0.0, 0.01))
        driver.hold()
        if wal or (journal.exists() and journal.stat().st_size):
            image = Image(Path(shutil.copytree(live, folder / f"image{number}")))
            with (
                closing(sqlite3.connect(world_path)) as there,
                closing(sqlite3.connect(image.folder / "world.db")) as copy,
            ):
                there.backup(copy)
            yield image
        driver.signal(signal.SIGCONT)


def tear(image: Image, chance: random.Random) -> bool:
    """Cut the WAL, or turn a byte of it, at random; return whether there was anything that may be torn."""
    index = (image.folder / "saga.db-shm").read_bytes()
    page = struct.unpack_from("=H", index, 14)[0]
    frames, copied = struct.unpack_from("=I", index, 16)[0], struct.unpack_from("=I", index, 96)[0]
    (image.folder / "saga.db-shm").unlink()
    if copied == frames:
        return False
    start = 0 if copied == 0 else WAL_HEADER + copied * (FRAME_HEADER + page)
    at = chance.randrange(start, WAL_HEADER + frames * (FRAME_HEADER + page))
    with image.wal.open("r+b") as file:
        if chance.random() < 0.5:
            file.truncate(at)
        else:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ chance.randrange(1, 256)]))
    return True


def go_on(forge: Forge, broken: list[Image]) -> None:
    """Let new drivers end the runs of each image, in the world of its moment, and judge what came of it."""
    worlds = [forge.start("world", path=str(image.folder / "world.db")) for image in broken]
    drivers = [
        forge.start("driver", database=image.url, world=world.expect("ready"))
        for image, world in zip(broken, worlds, strict=True)
    ]
    for driver in drivers:
        driver.expect("ready")
        driver.expect("done")
    for world in worlds:
        world.kill()
    for image in broken:
        check_ends(image)


def check_ends(image: Image) -> None:
    """Check that the runs that are still in the log ended as they must, with each effect there once."""
    store, world = SqlStore(image.url), World(image.folder / "world.db")
    rows = store.rows(RunFilter(), limit=10_000)
    store.close()
    keys = Counter(entry.key for entry in world.ledger())
    records = [record for found in world.state().collections.values() for record in found]
    world.close()
    for row in rows:
        assert row.status in ENDS[row.saga], f"{row.saga} ended {row.status}: {row.fault}"
    assert set(keys.values()) <= {1}, "an effect or a compensation was doubled"
    known = {row.id for row in rows}
    standing = Counter(run_id for record in records if (run_id := str(record["key"]).split(":")[0]) in known)
    assert standing == {row.id: EFFECTS[row.saga] for row in rows if row.status == "completed"}


@pytest.mark.skipif(
    sqlite_module().sqlite_version_info < SAFE_WAL, reason="this SQLite is not trusted with a WAL"
)
def test_a_torn_wal_gives_a_prefix_of_the_log_and_its_runs_go_on(
    forge: Forge, world: str, world_path: Path, tmp_path: Path
) -> None:
    chance, lost = random.Random(5), 0
    torn: list[Image] = []
    for image in images(forge, tmp_path, world, world_path, wal=True, chance=chance):
        broken = image.copy(f"{image.folder.name}-torn")
        if tear(broken, chance):
            whole, left = image.log(), broken.log()
            assert left == whole[: len(left)], "the log is no prefix of what it was"
            lost += len(left) < len(whole)
            torn.append(broken)
        if len(torn) == TEARS:
            break
    assert lost > TEARS / 3, "hardly a tear took anything; this proves nothing"
    go_on(forge, torn)


def test_a_torn_rollback_journal_loses_nothing_and_the_runs_go_on(
    forge: Forge, world: str, world_path: Path, tmp_path: Path
) -> None:
    chance, cut = random.Random(6), 0
    torn: list[Image] = []
    for image in images(forge, tmp_path, world, world_path, wal=False, chance=chance):
        whole, broken = image.copy(f"{image.folder.name}-whole"), image.copy(f"{image.folder.name}-torn")
        with closing(sqlite3.connect(whole.database)) as connection:
            connection.execute("SELECT count(*) FROM event").fetchone()  # rolls back what was under way
        if whole.database.read_bytes() == image.database.read_bytes():
            os.truncate(broken.journal, chance.randrange(broken.journal.stat().st_size))
            cut += 1
        assert broken.log() == whole.log()
        torn.append(broken)
        if len(torn) == TEARS:
            break
    assert cut, "no journal was caught before the database was touched; this proves nothing"
    go_on(forge, torn)
