"""A run's model on the hub, with a card that says which revision made it, what it is worth and what
is known of its terms. Nothing is uploaded that git and dvc.lock do not vouch for.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from reset.core import tasks
from reset.core.errors import InputError
from reset.evaluation import metrics
from reset.report import tables
from reset.report.tables import Table
from reset.tools.publish import lockfile
from reset.tools.publish.lockfile import Lock


def publish(name: str, repo: str) -> str:
    """Upload models/<name> to the hub's repository `repo` ("owner/name"), which is made if need be,
    in one commit.

    The token is that of HF_TOKEN or of `hf auth login`. Returns the repository's address.
    InputError where name or token is missing, the git tree has changes, or the folder is not what
    dvc.lock says.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if not name or not repo:
        raise InputError("which model, and where to? make publish MODEL=reset_31 REPO=owner/name")
    if not (token := get_token()):
        raise InputError(
            "no token for the hub: set HF_TOKEN to one that may write to your repositories"
        )
    folder, revision = Path("models") / name, clean_revision()
    lock = lockfile.load()
    check(folder, lock)
    hub = HfApi(token=token, library_name="reset")
    text = card(name, lock, revision)
    try:
        address = hub.create_repo(repo, exist_ok=True)
        files: dict[str, Path | bytes] = {path.name: path for path in sorted(folder.iterdir())}
        adds = [
            CommitOperationAdd(file, content)
            for file, content in (files | {"README.md": text.encode()}).items()
        ]
        hub.create_commit(
            address.repo_id, adds, commit_message=f"{name} of revision {revision[:12]}"
        )
    except (
        Exception
    ) as error:  # the library raises a different kind for each way in which this fails
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise InputError(
            f"{repo}: the hub did not take {name} ({type(error).__name__}: {reason})"
        ) from None
    return str(address)


def clean_revision() -> str:
    """The git revision of the work tree; InputError where it has changes that no revision names."""
    changed = _git("status", "--porcelain").splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise InputError(
            f"{changed[0][3:]}{more}: not committed; commit first, for the card names a git"
            " revision"
        )
    return _git("rev-parse", "HEAD")


def check(folder: Path, lock: Lock) -> None:
    """InputError unless `folder` is there, holds the bytes that dvc.lock recorded, and was
    evaluated as it is.
    """
    from dvc.repo import Repo

    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; `dvc pull {folder}` brings it, or `dvc repro` makes it"
        )
    recorded = lock.md5(str(folder))
    with Repo(".") as project:
        (out,) = project.find_outs_by_path(str(folder.absolute()))
        if out.get_hash().value != recorded:
            raise InputError(
                f"{folder}: not what dvc.lock recorded; `dvc checkout --force {folder}` restores it"
            )
    lock.check(f"data/verdicts/faithfulness/predictions/{folder.name}.jsonl")


def card(name: str, lock: Lock, revision: str) -> str:
    """The README.md of models/<name>, its head with licence and base model as far as known, and a
    part on origin and evaluation behind it.
    """
    from huggingface_hub import ModelCard

    folder = Path("models") / name
    readme = folder / "README.md"
    found = ModelCard(
        readme.read_text(encoding="utf-8") if readme.is_file() else f"---\n---\n# {name}\n"
    )
    start, source = lock.origin(str(folder))
    licence, known = _licence(Path(start), source)
    found.data["library_name"] = "transformers"
    found.data["license"] = licence
    found.data["base_model"] = source["id"] if source["source"] == "hub" else None
    named = [str(source[key]) for key in ("source", "id", "revision") if source[key]]
    where = "made in the demo world" if source["source"] == "toy" else " ".join(named)
    facts = {
        "git revision": f"`{revision}`",
        f"{folder} in dvc.lock": f"md5 `{lock.md5(str(folder))}`",
        "start": f"{start} ({where})",
        "licence": known,
    }
    origin = Table("Origin", ["what", "value"], list(facts.items()), labels=2)
    parts = [
        str(found).rstrip("\n"),
        "## Origin",
        tables.markdown(origin),
        "## Evaluation",
        _evaluation(name),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _licence(start: Path, source: Any) -> tuple[str | None, str]:
    """The licence's name for the card's head, None if unknown, and the sentence that says where it
    is from.
    """
    from huggingface_hub import ModelCard

    if source["source"] == "toy":
        return "apache-2.0", "that of the code: weights and text come from its demo world"
    terms = "the terms of its training data bind too: see the README of the code"
    readme = start / "README.md"
    content = readme.read_text(encoding="utf-8") if readme.is_file() else "---\n---\n"
    named = ModelCard(content, ignore_metadata_errors=True).data.get("license")
    return (
        named,
        (
            f"{named}, by the card of {start}; {terms}"
            if named
            else f"not known here: ask {start}'s; {terms}"
        ),
    )


def _evaluation(name: str) -> str:
    """metrics/runs/<name>.csv as a table of data sets and scores."""
    rows = [
        row for row in metrics.read(f"metrics/runs/{name}.csv") if row["metric"] in tasks.JUDGES
    ]
    cells = [
        [row["dataset"], "yes" if row["seen"] else "no", tables.NAMES[row["metric"]], row["measure"],
         tables.show(row["metric"], row["value"]), str(row["n"])]
        for row in rows
    ]  # fmt: skip
    columns = ["data set", "also trained on", "ability", "measure", "value", "answers"]
    return tables.markdown(Table("Evaluation", columns, cells, labels=4))


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], capture_output=True, text=True, check=True
    ).stdout.rstrip("\n")
