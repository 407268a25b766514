"""`make publish`: a run's model folder to the hub, or the candidates and winners of a pool, with a
card. No stage of the graph: it changes nothing here.
"""

import argparse

from reset.core.errors import run_stage
from reset.tools.publish.hub import publish, publish_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", action="store_true", help="the pool's rows, not a model")
    parser.add_argument("name", help="<run>_<seed> of a model, or <pool>_<seed> with --data")
    parser.add_argument("repo", help="owner/name on the hub")
    args = parser.parse_args()
    send = publish_data if args.data else publish
    print(send(args.name, args.repo))


if __name__ == "__main__":
    run_stage(main)
