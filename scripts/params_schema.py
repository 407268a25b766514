"""Write params.schema.json, the JSON schema of params.yaml and profiles/, after a change of the
settings.
"""

from reset.core.errors import run_stage
from reset.core.io import write_json
from reset.profiles import params_file


def main() -> None:
    write_json("params.schema.json", params_file.schema())


if __name__ == "__main__":
    run_stage(main)
