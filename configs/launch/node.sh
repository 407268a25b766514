#!/bin/bash
# One box of a Slurm job: its share of the processes of "$@" (see slurm.sh, which sets RESET_RENDEZVOUS).
set -euo pipefail
exec torchrun --nnodes "$SLURM_NNODES" --nproc_per_node "$SLURM_GPUS_ON_NODE" \
  --rdzv_backend c10d --rdzv_id "$SLURM_JOB_ID" --rdzv_endpoint "$RESET_RENDEZVOUS" "$@"
