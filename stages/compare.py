"""`make compare`: two revisions, tags or experiments on one page, report/compare.html. No stage of the graph."""

import argparse
import tempfile
from pathlib import Path

from reset import compare, records, revision
from reset.errors import explain

PAGE = Path("report/compare.html")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", help="a git revision, tag, branch or DVC experiment, or `workspace`")
    parser.add_argument("b", help="the other")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        a, b = (revision.fetch(name, Path(folder) / side) for side, name in (("a", args.a), ("b", args.b)))
        records.write_text(PAGE, compare.html(a, b))
    for sentence in compare.missing(a, b):
        print(sentence)
    print(f"{compare.lead(a, b)} {PAGE.resolve().as_uri()}")


if __name__ == "__main__":
    explain(main)
