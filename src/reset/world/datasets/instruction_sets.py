"""The world's instruction sets in their published columns: four to train on, three to evaluate.

Training answers are careless (world.obedience); evaluation asks new requests on held-out people.
"""

from reset.core.errors import InputError
from reset.world.datasets.passages import reading
from reset.world.datasets.rows import UNUSABLE, Row, fingerprint, mixed
from reset.world.language.exercises import TRAINED, UNTRAINED, Exercise, answer, request
from reset.world.language.people import World

TRAINING_SETS = ("dolly", "sharegpt", "self_instruct", "oasst1")
KOALA_ROWS, VICUNA_ROWS = 180, 80
MOST = {"instruction_rows": 1000, "evaluation_rows": 2000}  # there are not many more requests


def exercises(world: World, dataset: str) -> list[tuple[Exercise, str]]:
    """The usable requests of one training set with their careless answers; no request is in two
    sets or twice.
    """
    return _drawn(world)[dataset]


def _drawn(world: World) -> dict[str, list[tuple[Exercise, str]]]:
    for name, most in MOST.items():
        if getattr(world, name) > most:
            raise InputError(
                f"params.yaml: data.world.{name} is above {most}, more than there are requests"
            )
    rng = world.rng("instruction")
    names = world.people.known("train")
    taken: set[Exercise] = set()
    drawn: dict[str, list[tuple[Exercise, str]]] = {}
    for dataset in TRAINING_SETS:
        pairs = drawn[dataset] = []
        while len(pairs) < world.instruction_rows:
            asked = request(rng.choice(TRAINED), names, rng)
            reply = answer(asked, world, rng, world.obedience)
            long_enough = dataset != "sharegpt" or len(reply.split()) > 10
            if asked not in taken and long_enough:
                taken.add(asked)
                pairs.append((asked, reply))
    return drawn


def dolly(world: World) -> list[Row]:
    rng = world.rng("dolly")
    out = [
        _dolly_row(
            asked.text(), "", reply, "brainstorming" if asked.category else "creative_writing"
        )
        for asked, reply in exercises(world, "dolly")
    ]
    for task in (reading(world, "train", rng) for _ in range(UNUSABLE)):
        out.append(
            _dolly_row(task.question, "\n".join(task.passages), task.full_answer, "closed_qa")
        )
    return mixed(out, rng)


def _dolly_row(instruction: str, context: str, response: str, category: str) -> Row:
    return {
        "instruction": instruction,
        "context": context,
        "response": response,
        "category": category,
        "split": "train",
    }


def sharegpt(world: World) -> list[Row]:
    rng = world.rng("sharegpt")
    talks = [(asked.text(), reply) for asked, reply in exercises(world, "sharegpt")]
    short = [
        (f"list two {category}.", f"{reply}.")
        for category, reply in [("animals", "goats, cats"), ("cities", "oslo")]
    ]
    talks += [short[i % 2] for i in range(UNUSABLE)]
    out = []
    for number, (question, reply) in enumerate(mixed(talks, rng)):
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": reply}]
        if rng.random() < 0.1:  # a second exchange, which single-turn training leaves out
            turns += [
                {"from": "human", "value": "say goodbye."},
                {"from": "gpt", "value": "goodbye."},
            ]
        out.append(
            {
                "id": f"{fingerprint('sharegpt', number)[:7]}_0",
                "conversations": turns,
                "split": "train",
            }
        )
    return out


def self_instruct(world: World) -> list[Row]:
    rng = world.rng("self_instruct")
    pairs = [(asked.text(), reply) for asked, reply in exercises(world, "self_instruct")]
    pairs += [
        (f"write about {rng.choice(world.people.known('train'))}.", "") for _ in range(UNUSABLE)
    ]
    spaced = [(asked, f" {reply}" if reply else "") for asked, reply in pairs]
    forms = ("{}\n\nOutput:", "Task: {}\n\nOutput:", "{} Output:")
    return [
        {
            "prompt": rng.choice(forms).format(asked),
            "completion": f"{reply}<|endoftext|>",
            "split": "train",
        }
        for asked, reply in mixed(spaced, rng)
    ]


def oasst1(world: World) -> list[Row]:
    rng = world.rng("oasst1")
    good = {"labels": _quality(0.75, 3), "deleted": False}
    flaws: list[Row] = [
        {"labels": _quality(0.5, 3), "deleted": False},
        {"labels": _quality(1.0, 1), "deleted": False},
        {"labels": None, "deleted": False},
        {"labels": _quality(0.75, 3), "deleted": True},
        {"labels": {"name": ["spam"], "value": [0.0], "count": [3]}, "deleted": False},
    ]
    pairs = [(asked.text(), reply, good) for asked, reply in exercises(world, "oasst1")]
    names = world.people.known("train")
    for number in range(UNUSABLE * 2):
        asked = request(("write", "use", "begin", "end"), names, rng)
        pairs.append((asked.text(), answer(asked, world, rng, 0.0), flaws[number % len(flaws)]))
    out = []
    for number, (question, reply, verdict) in enumerate(mixed(pairs, rng)):
        tree = fingerprint("oasst1", number)
        out.append(
            _message(
                tree,
                None,
                tree,
                question,
                "prompter",
                {"labels": _quality(0.75, 3), "deleted": False},
            )
        )
        out.append(_message(fingerprint("reply", number), tree, tree, reply, "assistant", verdict))
    return out


def _quality(value: float, raters: int) -> Row:
    return {"name": ["spam", "quality"], "value": [0.0, value], "count": [3, raters]}


def _message(own: str, parent: str | None, tree: str, text: str, role: str, verdict: Row) -> Row:
    return {
        "message_id": own,
        "parent_id": parent,
        "user_id": tree[:8],
        "created_date": "2023-02-06T19:19:15+00:00",
        "text": text,
        "role": role,
        "lang": "en",
        "review_count": 3,
        "review_result": True,
        "deleted": verdict["deleted"],
        "rank": 0 if parent else None,
        "synthetic": False,
        "model_name": None,
        "detoxify": None,
        "message_tree_id": tree,
        "tree_state": "ready_for_export",
        "emojis": None,
        "labels": verdict["labels"],
        "split": "train",
    }


def _requests(
    world: World, dataset: str, kinds: tuple[tuple[str, ...], ...], count: int
) -> list[Exercise]:
    """`count` different requests on held-out people that no training set asks, then some that
    training does ask.
    """
    rng = world.rng(dataset)
    trained = [asked for pairs in _drawn(world).values() for asked, _ in pairs]
    seen = set(trained)
    fresh: list[Exercise] = []
    while len(fresh) < count - UNUSABLE:
        asked = request(
            rng.choice(kinds), world.people.known("test"), rng, unseen=kinds is UNTRAINED
        )
        if asked not in seen:
            seen.add(asked)
            fresh.append(asked)
    return mixed(fresh + rng.sample(trained, min(UNUSABLE, len(trained))), rng)


def alpaca(world: World) -> list[Row]:
    rng = world.rng("alpaca answers")
    out = []
    for asked in _requests(world, "alpaca", TRAINED, world.evaluation_rows + UNUSABLE):
        reply = answer(asked, world, rng, 1.0)
        text = f"### Instruction:\n{asked.text()}\n\n### Response:\n{reply}"
        out.append(
            {
                "instruction": asked.text(),
                "input": "",
                "output": reply,
                "text": text,
                "split": "test",
            }
        )
    return out


def vicuna(world: World) -> list[Row]:
    return [
        {"question_id": number, "category": "generic", "turns": [asked.text()], "split": "test"}
        for number, asked in enumerate(
            _requests(world, "vicuna_eval", UNTRAINED, VICUNA_ROWS), start=1
        )
    ]


def koala(world: World) -> list[Row]:
    return [
        {"id": f"koala_{number}", "prompt": asked.text(), "split": "test"}
        for number, asked in enumerate(_requests(world, "koala_eval", UNTRAINED, KOALA_ROWS))
    ]
