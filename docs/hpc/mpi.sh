#!/bin/bash
# One training on many nodes: a rank a socket or so, its cores as threads.
#SBATCH --job-name=numrnn-mpi
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail

DATA=${DATA:-japanese_vowels}
OUTPUT=${OUTPUT:-results}
export NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numrnn-cache-$(id -u)

# srun starts the ranks where the cluster's MPI knows Slurm; else: mpiexec -n "$SLURM_NTASKS" numrnn fit ...
srun --mpi=pmix numrnn fit "$DATA" --output "$OUTPUT" --batch-size 256 ${OPTIONS:-}
