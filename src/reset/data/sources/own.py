"""A user's own rows, from a file or from the hub: the mapped columns and `split`, where there is
one.
"""

from collections.abc import Iterator
from pathlib import Path

from reset.core.errors import InputError
from reset.data.sources import files
from reset.data.sources.dataset_config import SPLITS, OwnSource
from reset.data.sources.origins import Hub
from reset.data.sources.provenance import SourcePart


def parts(dataset: str, own: OwnSource) -> Iterator[SourcePart]:
    """The rows that `data.datasets.<dataset>.source` describes; InputError where its file is
    missing or of an unknown kind, or where the hub does not give the data set.
    """
    columns = tuple(own.columns.values())
    if own.hub is not None:
        from reset.data.sources import hub

        splits = own.splits or SPLITS
        repository = Hub(own.hub, splits, config=own.config, revision=own.revision)
        yield from hub.repository_parts(repository, dataset, columns)
        return
    path = Path(own.path or "").expanduser()
    key = f"params.yaml: 'data.datasets.{dataset}.source.path'"
    if not path.is_file():
        found = "a folder, not a file" if path.is_dir() else "not there"
        raise InputError(f"{key}: '{path}' is {found}")
    if not path.name.endswith(files.OWN_KINDS):
        raise InputError(
            f"{key}: expected a file whose name ends in {', '.join(files.OWN_KINDS)}, got '{path}'"
        )
    yield SourcePart(str(path), files.rows(path, columns))
