"""`make compare`: two revisions, tags or experiments on one page, report/compare.html. No stage of
the graph.
"""

import argparse
import tempfile
from pathlib import Path

from reset.core import io
from reset.core.errors import run_stage
from reset.tools.compare import page, revision

PAGE = Path("report/compare.html")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", help="a git revision, tag, branch or DVC experiment, or `workspace`")
    parser.add_argument("b", help="the other")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        a, b = (
            revision.fetch(name, Path(folder) / side)
            for side, name in (("a", args.a), ("b", args.b))
        )
        io.write_text(PAGE, page.html(a, b))
    for sentence in page.missing(a, b):
        print(sentence)
    print(f"{page.lead(a, b)} {PAGE.resolve().as_uri()}")


if __name__ == "__main__":
    run_stage(main)
