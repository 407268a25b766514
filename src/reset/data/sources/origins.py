"""Where each of the thirteen data sets is published. No row of them is part of this project.

A revision is pinned where public projects name a commit of the repository and read from it the
files that are read here (docs/data.md names them); that one alone is taken. Where none is known,
`revision` is None: the newest is taken. Either way the fetch stage writes the commit to
metrics/sources.
"""

from dataclasses import dataclass, field

from reset.core.errors import InputError


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face hub.

    `splits` maps the role of a split (train, eval) to its name on the hub. `revision` is a commit,
    a tag or a branch. `file` picks one file of a repository whose files differ in shape; `subset`
    keeps the rows whose column `subset` starts with it (MRQA holds many sets). `rows` is the size
    of a split (by its name on the hub) of which incomplete copies are known.
    """

    id: str
    splits: dict[str, str]
    config: str | None = None
    revision: str | None = None
    file: str | None = None
    subset: str | None = None
    rows: dict[str, int] = field(default_factory=dict)

    def role(self, split: str | None) -> str | None:
        """What a split, by its name on the hub, is for: train or eval; None if the set takes no row
        from it.
        """
        return next((role for role, name in self.splits.items() if name == split), None)

    def column(self, role: str) -> str | None:
        """What the column `split` says in rows of that role: nothing where all rows come from one
        split.
        """
        return role if len(self.splits) > 1 else None


@dataclass(frozen=True)
class Web:
    """A JSON Lines file outside the hub, pinned by the commit in its address."""

    url: str


GITHUB = "https://raw.githubusercontent.com"
MRQA = "f3178d9888471dfb2b67c93de14f0ddf499a8d9f"
ORIGINS: dict[str, Hub | Web] = {
    "dolly": Hub(
        "databricks/databricks-dolly-15k",
        {"train": "train"},
        revision="bdd27f4d94b9c1f951818a7da7fd7aeea5dbff1a",
    ),
    "sharegpt": Hub(
        "anon8231489123/ShareGPT_Vicuna_unfiltered",
        {"train": "train"},
        revision="192ab2185289094fc556ec8ce5ce1e8e587154ca",
        file="ShareGPT_V3_unfiltered_cleaned_split.json",
    ),
    "self_instruct": Hub("yizhongw/self_instruct", {"train": "train"}, config="self_instruct"),
    "oasst1": Hub(
        "OpenAssistant/oasst1",
        {"train": "train"},
        revision="fdf72ae0827c1cda404aff25b6603abec9e3399b",
    ),
    "alpaca": Hub(
        "tatsu-lab/alpaca", {"eval": "train"}, revision="dce01c9b08f87459cf36a430d809084718273017"
    ),
    "vicuna_eval": Web(
        f"{GITHUB}/lm-sys/FastChat/0e6d3e4beaab66f4d3f93db72541a4abab8af28d/"
        "fastchat/llm_judge/data/vicuna_bench/question.jsonl"
    ),
    "koala_eval": Web(
        f"{GITHUB}/arnav-gudibande/koala-test-set/2d4396aee3cff495382e9b0ad2521d70b177763b/koala_test_set.jsonl"
    ),
    "nq": Hub(
        "mrqa-workshop/mrqa",
        {"train": "train", "eval": "validation"},
        revision=MRQA,
        subset="NaturalQuestions",
    ),
    "ms_marco": Hub(
        "microsoft/ms_marco",
        {"train": "train", "eval": "validation"},
        config="v2.1",
        revision="a47ee7aae8d7d466ba15f9f0bfac3b3681087b3a",
    ),
    "cnn_dailymail": Hub(
        "abisee/cnn_dailymail",
        {"train": "train", "eval": "test"},
        config="3.0.0",
        revision="96df5e686bee6baa90b8bee7c28b81fa3fa6223d",
        # a release of the loader lost all DailyMail stories (huggingface/datasets#4317)
        rows={"train": 287_113},
    ),
    "bioasq": Hub("mrqa-workshop/mrqa", {"eval": "test"}, revision=MRQA, subset="BioASQ"),
    "searchqa": Hub("mrqa-workshop/mrqa", {"eval": "validation"}, revision=MRQA, subset="SearchQA"),
    "wikisum": Hub("d0rj/wikisum", {"eval": "test"}),
}


def origin(dataset: str) -> Hub | Web:
    """Where a data set is published; InputError for a name that is none of the thirteen."""
    if dataset not in ORIGINS:
        raise InputError(
            f"params.yaml: 'data.datasets.{dataset}' is no published data set"
            f" ({', '.join(ORIGINS)}); for your own rows give source: {{path, task, columns}}"
        )
    return ORIGINS[dataset]
