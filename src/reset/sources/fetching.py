"""Where the published rows of a data set come from: the demo world, a mirror folder, the hub or a user's file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reset import params, records
from reset.datasets import own_file
from reset.errors import InputError
from reset.sources.places import Part

TOY = "toy"


def parts(dataset: str, source: Any, mirror: str | None, world: Mapping[str, Any] | None) -> Iterable[Part]:
    """The rows of one data set as published (params: data.datasets.<d>.source, data.mirror, data.world)."""
    file = own_file(dataset, source)
    if file is not None:
        return [Part(file.path, records.stream(file.path))]
    if mirror == TOY:
        return [_toy(dataset, world)]
    if mirror is not None:
        from reset.sources import mirror as folder

        return folder.parts(Path(mirror), dataset)
    from reset.sources import hub

    return hub.parts(dataset)


def _toy(dataset: str, world: Mapping[str, Any] | None) -> Part:
    from reset.world import publish
    from reset.world.people import World

    if world is None:
        raise InputError("params.yaml: 'data.world' is null, but data.mirror: toy needs the settings of the demo world")
    return Part("the demo world", publish.rows(dataset, params.build(World, world, "data.world")))
