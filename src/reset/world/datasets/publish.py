"""The world's thirteen data sets in their published columns, with the rows that each filter must
drop.

Every row also has `split` ("train" or "test"). Training references are noisy (see people.World),
test ones clean.
"""

from collections.abc import Callable

from reset.core.errors import InputError
from reset.world.datasets import context_sets, instruction_sets
from reset.world.datasets.rows import Row
from reset.world.language.people import World

PUBLISHERS: dict[str, Callable[[World], list[Row]]] = {
    "dolly": instruction_sets.dolly,
    "sharegpt": instruction_sets.sharegpt,
    "self_instruct": instruction_sets.self_instruct,
    "oasst1": instruction_sets.oasst1,
    "alpaca": instruction_sets.alpaca,
    "vicuna_eval": instruction_sets.vicuna,
    "koala_eval": instruction_sets.koala,
    "nq": context_sets.nq,
    "ms_marco": context_sets.ms_marco,
    "cnn_dailymail": context_sets.cnn_dailymail,
    "bioasq": context_sets.bioasq,
    "searchqa": context_sets.searchqa,
    "wikisum": context_sets.wikisum,
}


def rows(dataset: str, world: World) -> list[Row]:
    """All rows of one data set, in the order in which it publishes them. Equal worlds give equal
    rows.
    """
    if dataset not in PUBLISHERS:
        raise InputError(
            f"data.datasets.{dataset}: the demo world has no such set; it has"
            f" {', '.join(PUBLISHERS)}"
        )
    return PUBLISHERS[dataset](world)
