#!/usr/bin/env bash
# garage batch under Open MPI (installed if missing): four ranks, each its share, give the catalog that one process gives.
#   mpi_test.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v mpirun >/dev/null || apt-get install -y -qq --no-install-recommends openmpi-bin >/dev/null
export PATH=$build/bin:$PATH HOME=$work OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cp "$source/configs/cluster-mpi.yaml" "$work"
ln -s "$source/tests/data/reference" "$work/models"
cd "$work"
mpirun --oversubscribe -n 4 sh -c 'garage batch cluster-mpi.yaml --report report-$OMPI_COMM_WORLD_RANK.json'
garage batch --merge-reports report-*.json | tee merged
grep -q '^31 models: 31 registered, 0 unchanged, 0 failed' merged
garage --catalog one batch cluster-mpi.yaml >/dev/null
diff -r --exclude=.index catalog one
for report in report-*.json; do ! grep -q '"models": 31' "$report"; done
