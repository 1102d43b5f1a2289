#!/usr/bin/env bash
# garage batch under a real Slurm on this machine: a controller, three node daemons, an array of four tasks. Installs
# Slurm if it is missing; needs root.
#   slurm_test.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
chmod 755 "$work"
command -v slurmctld >/dev/null && command -v slurmd >/dev/null ||
  apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null

stop() {
  local pids pid
  pids=$(cat "$work"/*.pid 2>/dev/null) || true
  kill $pids 2>/dev/null || true
  for pid in $pids; do while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done; done
  rm -rf "$work"
}
trap stop EXIT

mkdir -p /run/munge "$work/state"
[ -f /etc/munge/munge.key ] || mungekey --create
chown munge: /run/munge /etc/munge/munge.key
pgrep -x munged >/dev/null || runuser -u munge -- munged
host=$(hostname -s)
cat > "$work/slurm.conf" <<CONF
ClusterName=garage
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
AuthType=auth/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
CONF
for i in 1 2 3; do
  echo "NodeName=node$i NodeHostname=$host NodeAddr=127.0.0.1 Port=1682$i CPUs=1 State=UNKNOWN" >> "$work/slurm.conf"
done
echo "PartitionName=all Nodes=node[1-3] Default=YES MaxTime=INFINITE State=UP" >> "$work/slurm.conf"
export SLURM_CONF=$work/slurm.conf
slurmctld
for i in 1 2 3; do mkdir -p "$work/spool-node$i"; slurmd -N "node$i"; done
for _ in $(seq 60); do [ "$(sinfo -h -o %T)" = idle ] && break; sleep 1; done
sinfo

export PATH=$build/bin:$PATH HOME=$work
cp "$source/configs/cluster-slurm.yaml" "$work"
ln -s "$source/tests/data/reference" "$work/models"
cd "$work"
sbatch --wait --array=1-4 --output="task-%a.log" \
  --wrap 'garage batch cluster-slurm.yaml --report report-$SLURM_ARRAY_TASK_ID.json' || { cat task-*.log slurm*.log; exit 1; }
garage batch --merge-reports report-*.json | tee merged
grep -q '^31 models: 31 registered, 0 unchanged, 0 failed' merged
garage --catalog one batch cluster-slurm.yaml >/dev/null
diff -r --exclude=.index catalog one
