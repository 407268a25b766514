"""Where the published rows of a data set come from: the demo world, a mirror folder, the hub or a user's file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reset import blocks, params
from reset.datasets import own_file
from reset.errors import InputError
from reset.records import Row

TOY = "toy"


def rows(dataset: str, source: Any, mirror: str | None, world: Mapping[str, Any] | None) -> Iterator[Row]:
    """The rows of one data set as published (params: data.datasets.<d>.source, data.mirror, data.world)."""
    file = own_file(dataset, source)
    if file is not None:
        return (row for _, row in blocks.numbered(file.path))
    if mirror == TOY:
        return _toy(dataset, world)
    if mirror is not None:
        from reset.sources import mirror as folder

        return folder.rows(Path(mirror), dataset)
    from reset.sources import hub

    return hub.rows(dataset)


def _toy(dataset: str, world: Mapping[str, Any] | None) -> Iterator[Row]:
    from reset.world import publish
    from reset.world.people import World

    if world is None:
        raise InputError("params.yaml: 'data.world' is null, but data.mirror: toy needs the settings of the demo world")
    return iter(publish.rows(dataset, params.build(World, world, "data.world")))
