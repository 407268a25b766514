#!/bin/bash
# vLLM servers for `sampling.engine: openai`, one a GPU of this box (of CUDA_VISIBLE_DEVICES where that is set), or one
# to as many GPUs as `--tensor-parallel-size N` says; all serve one model folder under its path.
#   one box:        configs/launch/vllm_servers.sh models/mtl_0
#   several boxes:  the same command on each, over one shared folder; further arguments as --dtype (sampling.precision)
#   Slurm:          srun --nodes=4 --ntasks-per-node=1 --gpus-per-node=8 configs/launch/vllm_servers.sh models/mtl_0
# Prints each server's base URL for `sampling.openai.base_urls` once it answers; ends them all on Ctrl-C or a failure.
set -euo pipefail
model=${1:?usage: vllm_servers.sh MODEL_FOLDER [FIRST_PORT [further arguments for the server]]}
port=${2:-8000}
shift $(($# > 2 ? 2 : $#))
if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then  # as Slurm sets it
  listed=$CUDA_VISIBLE_DEVICES
else  # of a failing nvidia-smi, which explains itself on stdout, no line counts
  listed=$(nvidia-smi --list-gpus 2>/dev/null | sed -n 's/^GPU \([0-9]*\):.*/\1/p' | paste -sd, - || true)
fi
IFS=, read -ra gpus <<<"$listed"
each=$(sed -nE 's/.*--tensor-parallel-size[ =]([0-9]+).*/\1/p' <<<"$*")
each=${each:-1}
servers=$((${#gpus[@]} / each))
((servers > 0)) || servers=1
host=$(hostname)
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

for ((i = 0; i < servers; i++)); do
  own=$(IFS=,; echo "${gpus[*]:i*each:each}")
  visible=()
  [ -n "$own" ] && visible=("CUDA_VISIBLE_DEVICES=$own")
  # The module and not `vllm serve`, which the CPU build's package lacks the name for.
  # --generation-config vllm: none of the folder's own sampling defaults; what is not sent stays off
  env "${visible[@]}" python -m vllm.entrypoints.openai.api_server --model "$model" --host 0.0.0.0 \
    --port $((port + i)) --generation-config vllm --enable-prefix-caching "$@" >&2 &
done
for ((i = 0; i < servers; i++)); do
  # straight to the server, also where the environment names a proxy
  until no_proxy=127.0.0.1 python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$((port + i))/health')" 2>/dev/null; do
    sleep 1
    [ "$(jobs -pr | wc -l)" -eq $servers ] || { echo "a server ended before it answered" >&2; exit 1; }
  done
  echo "http://$host:$((port + i))/v1"
done
wait -n
