"""Write the tables of hours, dollars and memory into the documents that have them, from the code's
own forecast: `PYTHONPATH=src python scripts/forecast.py`. No stage of the pipeline.
"""

import argparse

from reset.core import io
from reset.core.errors import run_stage
from reset.tools import forecast_pages


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for document in forecast_pages.PAGES:
        io.write_text(document, forecast_pages.updated(document))
        print(f"{document}: tables written")


if __name__ == "__main__":
    run_stage(main)
