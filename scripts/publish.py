"""`make publish`: a run's model folder to the hub, with its card. No stage of the graph: it changes
nothing here.
"""

import argparse

from reset.core.errors import run_stage
from reset.tools.publish.hub import publish


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a folder below models/: <run>_<seed>")
    parser.add_argument("repo", help="owner/name on the hub")
    args = parser.parse_args()
    print(publish(args.model, args.repo))


if __name__ == "__main__":
    run_stage(main)
