"""A model from the Hugging Face hub."""

from pathlib import Path

from reset.core.errors import InputError
from reset.models.files import FILES, copy_published, first_line


def fetch(name: str, id: str, revision: str | None, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        local = snapshot_download(id, revision=revision, allow_patterns=list(FILES))
        copy_published(Path(local), folder)
    except Exception as error:  # of another kind for each way in which this fails
        raise InputError(f"params.yaml: models.{name}: {_refusal(error, id, revision)}") from None


def _refusal(error: Exception, id: str, revision: str | None) -> str:
    """One sentence on why the hub does not give a model, and what would help."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):  # a kind of RepositoryNotFoundError
        page = f"{constants.ENDPOINT}/{id}"
        return (
            f"'{id}' is gated: accept its terms at {page}, and set HF_TOKEN to a token that may"
            " read it"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"'{id}' has no revision '{revision}' on the hub; pin one of its commits"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"'{id}' is not on the hub, or is private: correct the id, or set HF_TOKEN to a token"
            " that may read it"
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response.status_code == 401:
        return f"the hub refuses HF_TOKEN, with which '{id}' was asked for; renew it"
    if isinstance(error, errors.LocalEntryNotFoundError):
        absent = f"'{id}' at revision '{revision}' is not in the local cache, and the hub"
        if constants.is_offline_mode():
            return (
                f"{absent} is not asked because HF_HUB_OFFLINE is set; unset it, or set source:"
                " folder"
            )
        cause = first_line(error.__cause__ or error)
        return (
            f"{absent} at {constants.ENDPOINT} gives no answer ({cause}); try again, or set source:"
            " folder"
        )
    return (
        f"'{id}' at revision '{revision}' is not available from the hub ({type(error).__name__}:"
        f" {first_line(error)})"
    )
