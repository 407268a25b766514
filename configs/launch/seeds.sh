#!/bin/bash
# The whole study, one seed a task of a Slurm array, each on a box and in a clone of its own:
#   sbatch --array=0-2 configs/launch/seeds.sh          # seeds 0, 1 and 2, from the repository's root
# All clones share the DVC cache of this checkout, which must lie on a file system that all boxes see. What
# every seed needs should be there before, so that no two tasks make it: dvc repro mix evaluation_set models
# Afterwards `dvc repro` here takes each seed's results from the cache's record of runs, and makes the report.
#SBATCH --job-name=reset-seed
#SBATCH --nodes=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --output=.work/seed-%a.log
set -euo pipefail
seed=$SLURM_ARRAY_TASK_ID
origin=$PWD
export PATH="$origin/.venv/bin:$PATH"
cache=$(dvc cache dir)
clone=$origin/.work/seeds/$seed
[ -d "$clone" ] || git clone --quiet "$origin" "$clone"
cd "$clone"
git fetch --quiet origin HEAD
if [ "$(git rev-parse HEAD)" != "$(git rev-parse FETCH_HEAD)" ]; then  # of an array before the last commit
  git reset --quiet --hard FETCH_HEAD
fi
dvc config --local cache.dir "$(cd "$origin" && realpath "$cache")"
sed -i "s/^seeds: .*/seeds: [$seed]/" params.yaml
if ! grep -qx "seeds: \[$seed\]" params.yaml; then
  echo "params.yaml: write the seeds on one line, as in seeds: [0, 1, 2]" >&2
  exit 1
fi
dvc repro
