"""Digests of large folders, kept under .work/ so that a run of many processes reads them once."""

import json
from pathlib import Path

from reset.core import hashing, io

CACHE = Path(".work/digests.json")


def folder_digest(folder: Path) -> str:
    """`hashing.file_digest` of a folder; the stored one where no file of it has changed since, by
    name, size and time of change.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [(str(path.relative_to(folder)), path.stat()) for path in files]
    state = hashing.digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])
    known = _read()
    entry = known.get(str(folder.resolve()))
    if entry and entry["state"] == state:
        return entry["digest"]
    digest = hashing.file_digest(folder)
    known = _read() | {str(folder.resolve()): {"state": state, "digest": digest}}
    io.write_json(CACHE, known)
    return digest


def _read() -> dict[str, dict[str, str]]:
    try:
        return json.loads(CACHE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
