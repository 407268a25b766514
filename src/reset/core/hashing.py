"""Short digests that identify values and files, and a random order of ids that all runs repeat."""

import hashlib
import json
from pathlib import Path
from typing import Any


def digest(*parts: Any) -> str:
    """16 hex digits that identify JSON-able values: the SHA-256 of their canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """16 hex digits that identify a file's bytes, or those of all files below a folder with their
    names.
    """
    root = Path(path)
    sha = hashlib.sha256()
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    for file in files:
        sha.update(str(file.relative_to(root)).encode())
        with open(file, "rb") as handle:
            while block := handle.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()[:16]


def order(seed: int, key: str) -> int:
    """A 64-bit number that puts ids in a random order, the same in every run with that seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest())
