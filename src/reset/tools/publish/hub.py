"""A run's model, or the candidates and winners of a pool, on the hub, with a card.

Nothing is uploaded that git and dvc.lock do not vouch for.
"""

import subprocess
from pathlib import Path

from reset.core.errors import InputError
from reset.tools.publish import data_set, lockfile, model_card
from reset.tools.publish.lockfile import Lock

Files = dict[str, Path | bytes]
CODE = ("src", "stages", "prompts")  # a new file here may change what a stage writes


def publish(name: str, repo: str) -> str:
    """Upload models/<name> to the hub's repository `repo` ("owner/name"), which is made if need be,
    in one commit.

    The token is that of HF_TOKEN or of `hf auth login`. Returns the repository's address.
    InputError where name or token is missing, the git tree has changes, or the folder is not what
    dvc.lock says.
    """
    check_names("model", "MODEL", name, repo)
    token = hub_token()
    folder, revision, lock = Path("models") / name, clean_revision(), lockfile.load()
    check_recorded(folder, lock)
    verdicts = f"data/verdicts/faithfulness/predictions/{name}.jsonl"
    if lock.find(verdicts) is None:
        raise InputError(
            f"{folder}: not evaluated, so its card would have no scores; add its run to"
            " runs.evaluated (of base and chat: runs.start_models) and run `dvc repro evaluate`"
        )
    lock.check(verdicts)
    files = files_of(folder)
    card = model_card.card(name, repo, lock, revision)
    files["README.md"] = card.encode()
    return upload(files, repo, "model", token, f"{name} of revision {revision[:12]}")


def publish_data(name: str, repo: str) -> str:
    """Upload the candidates and the winners of the pool `name` (<pool>_<seed>) as Parquet to the
    hub's data set `repo`, in one commit.

    Token, result and errors are those of `publish`.
    """
    check_names("pool", "DATA", name, repo)
    token = hub_token()
    revision, lock = clean_revision(), lockfile.load()
    for path in (data_set.candidates(name), data_set.winners(name)):
        check_recorded(path, lock)
        lock.check(str(path))
    files: Files = dict(data_set.parquet_files(name))
    files["README.md"] = data_set.card(name, repo, lock, revision).encode()
    return upload(files, repo, "dataset", token, f"{name} of revision {revision[:12]}")


def files_of(folder: Path) -> Files:
    """All files of a model folder, below it too: a tokenizer may keep further chat templates so."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path for path in found}


def upload(files: Files, repo: str, kind: str, token: str, message: str) -> str:
    """Put `files` (names in the repository and their content) into one commit of the hub's
    repository `repo` of a kind (model, dataset); its address. InputError where the hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    hub = HfApi(token=token, library_name="reset")
    try:
        address = hub.create_repo(repo, repo_type=kind, exist_ok=True)
        adds = [CommitOperationAdd(file, content) for file, content in files.items()]
        hub.create_commit(address.repo_id, adds, commit_message=message, repo_type=kind)
    except Exception as error:  # the library raises a different kind for each way to fail
        reason = " ".join(str(error).split())
        raise InputError(
            f"{repo}: the hub did not take {message.split()[0]} ({type(error).__name__}: {reason})"
        ) from None
    return str(address)


def check_names(what: str, variable: str, name: str, repo: str) -> None:
    """InputError unless both names are given."""
    if not name or not repo:
        raise InputError(
            f"which {what}, and where to? make publish {variable}=reset_31 REPO=owner/name"
        )


def hub_token() -> str:
    """The token for the hub; InputError where there is none."""
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise InputError(
            "no token for the hub: set HF_TOKEN to one that may write to your repositories"
        )
    return token


def clean_revision() -> str:
    """The git revision of the work tree; InputError where tracked files, or any file below CODE,
    have changes that no revision names.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no").splitlines()
    changed += _git("status", "--porcelain", "--untracked-files=normal", "--", *CODE).splitlines()
    changed = list(dict.fromkeys(changed))
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise InputError(
            f"{changed[0][3:]}{more}: not committed; commit first, for the card names a git"
            " revision"
        )
    return _git("rev-parse", "HEAD")


def check_recorded(path: Path, lock: Lock) -> None:
    """InputError unless the folder or file `path` is there and holds what dvc.lock recorded."""
    from dvc.repo import Repo

    if not path.exists():
        kind = "file" if path.suffix else "folder"
        raise InputError(
            f"{path}: no such {kind}; `dvc pull {path}` brings it, or `dvc repro` makes it"
        )
    recorded = lock.md5(str(path))
    with Repo(".") as project:
        (out,) = project.find_outs_by_path(str(path.absolute()))
        if out.get_hash().value != recorded:
            raise InputError(
                f"{path}: not what dvc.lock recorded; `dvc checkout --force {path}` restores it"
            )


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise InputError(f"git {' '.join(words)}: {said}; the card names a git revision")
    return done.stdout.rstrip("\n")
