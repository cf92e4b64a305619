#!/bin/bash
# One long training: killed at the time limit, put in the queue again, gone on with, until it is done.
#SBATCH --job-name=numrnn
#SBATCH --time=04:00:00
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -uo pipefail

DATA=${DATA:-japanese_vowels}
OUTPUT=${OUTPUT:-results}
export NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numrnn-cache-$(id -u)

srun numrnn fit "$DATA" --output "$OUTPUT" \
    --checkpoint-dir "$OUTPUT/checkpoints" --checkpoint-every 10min --resume ${OPTIONS:-}
code=$?

# 75: a signal came, the checkpoint is whole, there is more to do. Anything else is an end: 0 done, 1 failed, 2 bad input.
if [ "$code" -eq 75 ]; then
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
