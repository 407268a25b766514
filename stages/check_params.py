"""check_params: stop before anything runs where params.yaml holds a key that nothing reads, or a
value that a stage would refuse.
"""

from reset.core import params
from reset.core.errors import run_stage
from reset.core.io import write_text
from reset.profiles import params_file


def main() -> None:
    params_file.check(params.load_checked())
    # always the same text: a change of the params makes nothing else stale
    write_text("data/params_ok.txt", "ok\n")


if __name__ == "__main__":
    run_stage(main)
