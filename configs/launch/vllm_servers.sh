#!/bin/bash
# vLLM servers for `sampling.engine: openai`, one a GPU of this box, all serving one model folder under its path.
#   one box:        configs/launch/vllm_servers.sh models/mtl_0
#   several boxes:  the same command on each, over one shared folder; further arguments as --dtype (sampling.precision)
#   Slurm:          srun --nodes=4 --ntasks-per-node=1 --gpus-per-node=8 configs/launch/vllm_servers.sh models/mtl_0
# Prints each server's base URL for `sampling.openai.base_urls` once it answers; ends them all on Ctrl-C or a failure.
set -euo pipefail
model=${1:?usage: vllm_servers.sh MODEL_FOLDER [FIRST_PORT [further arguments for the server]]}
port=${2:-8000}
shift $(($# > 2 ? 2 : $#))
gpus=$(nvidia-smi --list-gpus 2>/dev/null | wc -l || true)
host=$(hostname)
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

for ((i = 0; i < (gpus > 0 ? gpus : 1); i++)); do
  visible=()
  ((gpus > 0)) && visible=(CUDA_VISIBLE_DEVICES=$i)
  # The module and not `vllm serve`, which the CPU build's package lacks the name for.
  # --generation-config vllm: none of the folder's own sampling defaults; what is not sent stays off
  env "${visible[@]}" python -m vllm.entrypoints.openai.api_server --model "$model" --host 0.0.0.0 \
    --port $((port + i)) --generation-config vllm --enable-prefix-caching "$@" >&2 &
done
for ((i = 0; i < (gpus > 0 ? gpus : 1); i++)); do
  until python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$((port + i))/health')" 2>/dev/null; do
    sleep 1
    [ "$(jobs -pr | wc -l)" -eq $((gpus > 0 ? gpus : 1)) ] || { echo "a server ended before it answered" >&2; exit 1; }
  done
  echo "http://$host:$((port + i))/v1"
done
wait -n
