"""Judge replies that were paid for, in one SQLite file that several processes may use at once.

Three promises: a stored reply is never asked for again; two processes never ask for the same reply
at the same time; money that may have been spent counts as spent. The third is kept by claims:
before a call is sent, its highest price is booked, and only its reply (or a refusal that costs
nothing) settles the booking. What a killed process had under way stays booked, and is counted as
lost when the call is made again.

Errors are never stored. The file is written ahead (WAL), so a reply is safe from kill -9 as soon as
`put` returns; a power cut may take the last moments' replies with it.

A key holds the endpoint's address. Replies of an older store, whose keys did not, serve the first
endpoint that asks after the upgrade, and no other.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reset.core.errors import InputError

VERSION = 2  # 1: keys without the endpoint
TABLES = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, repeat INTEGER NOT NULL, stage TEXT NOT NULL,
    text TEXT NOT NULL, finish TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    prompt_bytes INTEGER NOT NULL, usd REAL NOT NULL, seconds REAL NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE claims (
    key TEXT PRIMARY KEY, pid INTEGER NOT NULL, expires REAL NOT NULL, usd REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE money (booked REAL NOT NULL, lost_calls INTEGER NOT NULL, lost_usd REAL NOT NULL);
INSERT INTO money VALUES (0, 0, 0);
CREATE TABLE batches (id TEXT PRIMARY KEY, stage TEXT NOT NULL);
CREATE TABLE batch_calls (
    batch TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (batch, key)
) WITHOUT ROWID;
"""
# the endpoint that the replies of a version 1 store belong to: no such table in a newer store
FROM_VERSION_1 = "CREATE TABLE version_1 (endpoint TEXT)"
NO_PROCESS = 0  # owner of the claims of a batch, which needs no process to go on
PATIENCE = 60.0  # seconds to wait for other processes that use the file
PLACE = Path(".work/judge.sqlite")
Claim = Literal["mine", "answered", "busy", "no budget"]


def location() -> Path:
    """The workspace's store. Queued experiments run in copies below .dvc/tmp/exps, and share that
    of the workspace.
    """
    here = Path.cwd()
    for folder in here.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2] / PLACE
    return here / PLACE


@dataclass(frozen=True)
class Reply:
    """A reply as it came: its text, why it ended ("stop", "length", …), tokens, price paid and
    seconds waited.
    """

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    usd: float
    seconds: float


class Store:
    """The file at `path`, made where there is none. Close it, or use it in a `with` statement."""

    def __init__(self, path: str | Path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._version_1: str | None = None  # read once: nothing but this project changes it
        try:
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            self._write_ahead()
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._make_tables()
        except sqlite3.OperationalError as error:
            raise InputError(f"{path}: the judge store cannot be opened ({error})") from None
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{path}: not a usable judge store ({error}); move it away to start a new one"
            ) from None

    def _write_ahead(self) -> None:
        """Switch to WAL. There SQLite itself does not wait for another process that does so too."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _make_tables(self) -> None:
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in TABLES.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={VERSION}")
            elif version == 1:
                self._db.execute(FROM_VERSION_1)
                self._db.execute(f"PRAGMA user_version={VERSION}")
            elif version != VERSION:
                raise InputError(
                    f"{self._path}: store of version {version}, this code reads {VERSION}; move it"
                    " away"
                )

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def get(self, key: str) -> Reply | None:
        """The stored reply, or None."""
        row = self._db.execute(
            "SELECT text, finish, prompt_tokens, completion_tokens, usd, seconds FROM answers WHERE"
            " key = ?",
            (key,),
        ).fetchone()
        return Reply(*row) if row else None

    def has_version_1(self, endpoint: str) -> bool:
        """Whether the store has replies from before its keys held the endpoint, and they belong to
        this one. They belong to the first endpoint that asks: it is not known which gave them.
        """
        if self._version_1 is None:
            self._version_1 = self._claim_version_1(endpoint)
        return self._version_1 == endpoint

    def _claim_version_1(self, endpoint: str) -> str:
        """The endpoint that owns the old replies, from now on this one if none did; "" if there are
        no such replies.
        """
        known = "SELECT 1 FROM sqlite_master WHERE name = 'version_1'"
        if not self._db.execute(known).fetchone():
            return ""
        with self._transaction():
            row = self._db.execute("SELECT endpoint FROM version_1").fetchone()
            if row is None:
                self._db.execute("INSERT INTO version_1 VALUES (?)", (endpoint,))
        return row[0] if row else endpoint

    def claim(self, key: str, usd: float, budget: float, seconds: float) -> Claim:
        """Ask for the right to make one call that costs `usd` at most.

        "mine": the price is booked and nobody else may call until `put` or `release`, this process
        dies, or `seconds` pass. "answered": a reply is there. "busy": another live process is
        calling. "no budget": all that was booked so far and this call exceed `budget`.
        """
        with self._transaction():
            if self._db.execute("SELECT 1 FROM answers WHERE key = ?", (key,)).fetchone():
                return "answered"
            old = self._db.execute(
                "SELECT pid, expires, usd FROM claims WHERE key = ?", (key,)
            ).fetchone()
            if old and old[1] > time.time() and _alive(old[0]):
                return "busy"
            booked = self._db.execute("SELECT booked FROM money").fetchone()[0]
            if booked + usd > budget and usd > 0:
                return "no budget"
            if old:
                self._lose(key, old[2])
            claim = (key, os.getpid(), time.time() + seconds, usd)
            self._db.execute("INSERT INTO claims VALUES (?, ?, ?, ?)", claim)
            self._db.execute("UPDATE money SET booked = booked + ?", (usd,))
        return "mine"

    def put(
        self, key: str, answer: Reply, model: str, repeat: int, stage: str, prompt_bytes: int
    ) -> None:
        """Keep a reply and settle its claim. A second reply to one key is dropped, its price is
        not.
        """
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        tokens = (answer.prompt_tokens, answer.completion_tokens, prompt_bytes)
        said = (answer.text, answer.finish, *tokens, answer.usd, answer.seconds, at)
        insert = f"INSERT OR IGNORE INTO answers VALUES ({', '.join('?' * 12)})"
        with self._transaction():
            self._free(key)
            self._db.execute("UPDATE money SET booked = booked + ?", (answer.usd,))
            if not self._db.execute(insert, (key, model, repeat, stage, *said)).rowcount:
                self._lose(key, answer.usd)

    def release(self, key: str, paid: bool) -> None:
        """End a claim without a reply. `paid`: the call may have been billed (it was sent and
        nothing came back).
        """
        with self._transaction():
            old = self._db.execute("SELECT usd FROM claims WHERE key = ?", (key,)).fetchone()
            if old and paid:
                self._lose(key, old[0])
            else:
                self._free(key)

    def _free(self, key: str) -> None:
        for row in self._db.execute(
            "DELETE FROM claims WHERE key = ? RETURNING usd", (key,)
        ).fetchall():
            self._db.execute("UPDATE money SET booked = booked - ?", row)

    def _lose(self, key: str, usd: float) -> None:
        self._db.execute("DELETE FROM claims WHERE key = ?", (key,))
        self._db.execute(
            "UPDATE money SET lost_calls = lost_calls + 1, lost_usd = lost_usd + ?", (usd,)
        )

    def booked(self) -> float:
        """USD spent on replies, lost, or at most under way."""
        return round(self._db.execute("SELECT booked FROM money").fetchone()[0], 9)

    def usage(self) -> dict[str, Any]:
        """What was asked and paid so far: totals, and the same for each stage and model."""
        sums = "count(*), total(prompt_tokens), total(completion_tokens), total(usd)"
        booked, lost_calls, lost_usd = self._db.execute(
            "SELECT booked, lost_calls, lost_usd FROM money"
        ).fetchone()
        groups = self._db.execute(
            f"SELECT stage, model, {sums} FROM answers GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        return {
            **_sums(self._db.execute(f"SELECT {sums} FROM answers").fetchone()),
            "lost_calls": lost_calls,
            "lost_usd_at_most": round(lost_usd, 6),
            "usd_at_most": round(booked, 6),
            "stages": [
                {"stage": stage, "model": model, **_sums(rest)} for stage, model, *rest in groups
            ],
        }

    def mean_tokens(self, model: str) -> tuple[int, float, float]:
        """Of the model's replies: how many, prompt tokens a byte, completion tokens a call."""
        count, prompt, size, completion = self._db.execute(
            "SELECT count(*), total(prompt_tokens), total(prompt_bytes), total(completion_tokens) "
            "FROM answers WHERE model = ?",
            (model,),
        ).fetchone()
        return count, prompt / max(size, 1), completion / max(count, 1)

    def mean_seconds(self, model: str) -> tuple[int, float]:
        """Of the model's replies that somebody waited for: how many, seconds a call. Those of a
        batch have 0.
        """
        count, seconds = self._db.execute(
            "SELECT count(*), total(seconds) FROM answers WHERE model = ? AND seconds > 0", (model,)
        ).fetchone()
        return count, seconds / max(count, 1)

    def open_batches(self, stage: str) -> list[str]:
        """Ids of the stage's batches that were submitted and not collected yet."""
        ids = "SELECT id FROM batches WHERE stage = ? ORDER BY rowid"
        return [id for (id,) in self._db.execute(ids, (stage,))]

    def add_batch(self, id: str, stage: str, keys: Sequence[str]) -> None:
        """Write a submitted batch down; its claims now hold without this process."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO batches VALUES (?, ?)", (id, stage))
            self._db.executemany(
                "INSERT OR IGNORE INTO batch_calls VALUES (?, ?)", [(id, key) for key in keys]
            )
            self._db.executemany(
                "UPDATE claims SET pid = ? WHERE key = ?", [(NO_PROCESS, key) for key in keys]
            )

    def close_batch(self, id: str) -> None:
        """Mark a batch as collected, and free those of its calls that got no reply: the provider
        did not bill them.
        """
        with self._transaction():
            keys = "SELECT key FROM batch_calls WHERE batch = ?"
            for (key,) in self._db.execute(keys, (id,)).fetchall():
                self._free(key)
            self._db.execute("DELETE FROM batch_calls WHERE batch = ?", (id,))
            self._db.execute("UPDATE batches SET stage = '' WHERE id = ?", (id,))

    def collected(self, id: str) -> bool:
        """Whether the replies of this batch are in the store, as far as it had any."""
        known = "SELECT 1 FROM batches WHERE id = ? AND stage = ''"
        return self._db.execute(known, (id,)).fetchone() is not None


def _alive(pid: int) -> bool:
    if pid == NO_PROCESS:
        return True
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except ProcessLookupError:
        return False
    except OSError:  # another user's process, or no /proc here
        return True
    state = status.rpartition(")")[2].split()[0]
    return state not in ("Z", "X")  # a killed process may wait long to be reaped


def _sums(row: Any) -> dict[str, Any]:
    calls, prompt_tokens, completion_tokens, usd = row
    return {
        "calls": calls,
        "prompt_tokens": int(prompt_tokens),
        "completion_tokens": int(completion_tokens),
        "usd": round(usd, 6),
    }
