"""Whether the results at hand are those of the present files: what `make show` says above them."""

from collections.abc import Collection, Sequence

SHOWN = 5  # stages that the sentence names


def warning(measured: Collection[int], asked: Sequence[int]) -> str | None:
    """What makes metrics/results.csv older than the project in the present folder; None if nothing
    does.

    `measured` are the seeds of the results, `asked` those of params.yaml. A stage counts if it is
    upstream of `evaluate`, or is `report`, and has run once (in dvc.lock), but its code, params,
    inputs or outputs differ now.
    """
    if set(measured) != set(asked):
        return (
            f"OLDER RESULTS: the table is of the seeds {_listed(sorted(measured))}, but params.yaml"
            f" asks for {_listed(asked)}; run `dvc repro`."
        )
    names = stale_stages()
    if names is None:
        return "It is unknown whether these results are up to date: DVC cannot be asked here."
    if not names:
        return None
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"OLDER RESULTS: not those of the present files. Changed, or not computed here:"
        f" {_listed(names[:SHOWN])}{more}; run `dvc repro`."
    )


def stale_stages() -> list[str] | None:
    """The stages that count (see `warning`) and are not up to date, sorted; None where there is no
    DVC project or another process holds its lock.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(".") as repo:
            changes = repo.status(targets=["evaluate"], with_deps=True)
            changes |= repo.status(targets=["report"])
            stages = {stage.addressing: stage for stage in repo.index.stages}
    except DvcException:
        return None
    names = []
    for name, reasons in changes.items():
        has_run = any(out.hash_info for out in stages[name].outs)
        if has_run and reasons != ["always changed"]:
            names.append(name)
    return sorted(names)


def _listed(values: Sequence[int] | Sequence[str]) -> str:
    return ", ".join(str(value) for value in values)
