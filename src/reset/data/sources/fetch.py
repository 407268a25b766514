"""Where the rows of a data set come from: the demo world, a mirror folder, the hub or the user."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.data.sources import own
from reset.data.sources.dataset_config import own_source
from reset.data.sources.provenance import SourcePart

TOY = "toy"


def parts(
    dataset: str, source: Any, mirror: str | None, world: Mapping[str, Any] | None
) -> Iterable[SourcePart]:
    """The rows of one data set as published (params: data.datasets.<d>.source, data.mirror,
    data.world).
    """
    rows = own_source(dataset, source)
    if rows is not None:
        return own.parts(dataset, rows)
    if mirror == TOY:
        return [_toy(dataset, world)]
    if mirror is not None:
        from reset.data.sources import mirror as folder

        return folder.parts(Path(mirror), dataset)
    from reset.data.sources import hub

    return hub.parts(dataset)


def _toy(dataset: str, world: Mapping[str, Any] | None) -> SourcePart:
    from reset.world.datasets import publish
    from reset.world.language.people import World

    if world is None:
        raise InputError(
            "params.yaml: 'data.world' is null, but data.mirror: toy needs the settings of the demo"
            " world"
        )
    return SourcePart(
        "the demo world", publish.rows(dataset, params.build(World, world, "data.world"))
    )
