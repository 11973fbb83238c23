#!/usr/bin/env bash
# A whole Slurm on this one machine, from Debian's packages slurm-wlm and munge; needs root.
#   one_node_slurm.sh start DIR   brings it up with everything it writes under DIR; prints the path of slurm.conf
#   one_node_slurm.sh stop DIR    ends its jobs and its daemons
# Programs use it with SLURM_CONF set to what `start` printed.
set -euo pipefail

dir=$(mkdir -p "$2" && cd "$2" && pwd)
export SLURM_CONF="$dir/slurm.conf"
host=$(hostname -s)

start() {
    mkdir -p "$dir"/{state,spool,munge}
    chmod 0755 "$dir/munge"
    dd if=/dev/urandom of="$dir/munge/key" bs=128 count=1 status=none
    chmod 0400 "$dir/munge/key"
    munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
        --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
    port=$(python3 -c 'import socket; s = [socket.socket() for _ in range(2)]; [x.bind(("", 0)) for x in s]
print(*(x.getsockname()[1] for x in s))')
    read -r control node <<<"$port"
    cat >"$SLURM_CONF" <<CONF
ClusterName=alzmodel-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmdPort=$node
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
InactiveLimit=0
SchedulerParameters=sched_interval=1,bf_interval=1
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    # Cgroups of the second version need a systemd that containers lack.
    echo "CgroupPlugin=cgroup/v1" >"$dir/cgroup.conf"
    slurmctld
    slurmd
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format %T 2>/dev/null)" = idle ]; then
            echo "$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    echo "the node did not come up:" >&2
    tail -n 5 "$dir"/slurmctld.log "$dir"/slurmd.log >&2 || true
    stop
    exit 1
}

stop() {
    scancel --user="$(id -un)" 2>/dev/null || true
    sleep 1
    for file in "$dir"/slurmd.pid "$dir"/slurmctld.pid "$dir"/munge/pid; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || continue
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
}

case "${1:-}" in
    start | stop) "$1" ;;
    *) echo "one_node_slurm.sh: $1; allowed: start DIR, stop DIR" >&2; exit 2 ;;
esac
