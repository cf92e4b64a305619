#!/bin/bash
# The same training from ten seeds, a task each.
#SBATCH --job-name=numrnn-seeds
#SBATCH --array=0-9
#SBATCH --time=01:00:00
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --output=%x-%A_%a.log
set -euo pipefail

DATA=${DATA:-japanese_vowels}
OUTPUT=${OUTPUT:-seeds}
export NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numrnn-cache-$(id -u)

srun numrnn fit "$DATA" --random-state "$SLURM_ARRAY_TASK_ID" --output "$OUTPUT/$SLURM_ARRAY_TASK_ID" ${OPTIONS:-}
