"""models[name]: one model folder, made in the demo world or brought from the hub, a folder or a
wheel.
"""

import argparse
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.models import folder
from reset.tokens import chat_template, layout_template
from reset.world.language.people import World


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=folder.NAMES)
    name = parser.parse_args().name
    declared = params.declared("models", name=name)
    source = params.build(folder.ModelSource, declared.models[name], f"models.{name}")
    toy = world = None
    if source.source == "toy" and declared.models.toy and declared.data.world:
        toy = params.build(folder.Toy, declared.models.toy, "models.toy")
        world = params.build(World, declared.data.world, "data.world")
    layouts = layout_template.read(Path("prompts") / declared.data.templates)

    out = Path("models") / name
    folder.make(name, source, out, toy, world)
    if name in ("base", "chat") and declared.template.style == "alpaca":
        layout_template.write(out, *layouts)
    if name == "chat" and declared.template.style == "chat":
        chat_template.renderer(out)  # raises where the template cannot serve
    print(f"models {name}: {source.source} {source.id or ''}".rstrip())


if __name__ == "__main__":
    run_stage(main)
