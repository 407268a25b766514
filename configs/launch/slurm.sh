#!/bin/bash
# One training stage over several boxes under Slurm, from the login node, in the repository's root:
#   sbatch configs/launch/slurm.sh mtl@0
# The checkout must lie on a file system that all boxes see: checkpoints, rows and models are read and written there.
#SBATCH --job-name=reset-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --output=.work/slurm-%j.log
set -euo pipefail

hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${hosts%%$'\n'*}
port=$((20000 + SLURM_JOB_ID % 20000))
# The stage itself runs once, on the first box; train.shared.launch has it start torchrun on every box:
#   launch: "srun --overlap bash configs/launch/node.sh"
export RESET_RENDEZVOUS="$head:$port"
# srun does not take --cpus-per-task from sbatch, and would bind all processes of a box to one core
export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
PATH="$PWD/.venv/bin:$PATH" dvc repro --single-item "$1"
