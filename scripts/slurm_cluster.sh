#!/usr/bin/env bash
# A small real SLURM on this machine, for tests and for trying things: 4 nodes of 4 CPUs and 2 pretended
# GPUs each, partitions `main` and, preempted by it, `low`. Needs root.
#
#   scripts/slurm_cluster.sh up      starts it, or what has died of it; then: . $STATE/env.sh
#   scripts/slurm_cluster.sh down    stops it, and removes all it wrote
#
# Settings by environment: STATE, all that it writes (a short path whose folders root owns); BASE_PORT, of
# the 60 that it uses; SLURMD_TIMEOUT, seconds until a node that does not answer is given up; ACCT=slurmdbd
# for accounting, which a sweep does not need.
set -euo pipefail
STATE=${STATE:-/tmp/slurm_cluster} BASE_PORT=${BASE_PORT:-27300}
SLURMD_TIMEOUT=${SLURMD_TIMEOUT:-15} ACCT=${ACCT:-none}
NODES=(node1 node2 node3 node4) GPUS=2
export PATH=$PATH:/usr/sbin:/sbin SLURM_CONF=$STATE/etc/slurm.conf

fail() { echo "$*" >&2; exit 2; }
# A zombie, whom pid 1 of a container may take seconds to bury, has ended.
alive() { [ -e "/proc/$1/stat" ] && [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)" != Z ]; }
runs() { local pid; pid=$(cat "$STATE/pid/$1" 2>/dev/null) && alive "$pid"; }

start() { # name, command...: unless it runs
    local name=$1; shift
    runs "$name" && return
    setsid "$@" </dev/null >>"$STATE/log/$name.out" 2>&1 &
    echo $! >"$STATE/pid/$name"
}

stop() { # name
    local pid
    pid=$(cat "$STATE/pid/$1" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do alive "$pid" || return 0; sleep 0.1; done
    kill -9 "$pid"
}

wait_for() { # seconds, what, command...
    local end=$((SECONDS + $1)) what=$2; shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "$what: not up in time, see $STATE/log"
        sleep 0.1
    done
}

check() {
    local program folder=$STATE programs=(munged slurmctld slurmd sbatch) packages="slurm-wlm munge"
    if [ "$ACCT" = slurmdbd ]; then
        programs+=(slurmdbd mariadbd) packages+=" slurmdbd mariadb-server-core mariadb-client-core"
    fi
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null ||
            fail "There is no $program: apt-get install -y --no-install-recommends $packages"
    done
    [ "$(id -u)" = 0 ] || fail "Only root can start a cluster."
    [ ${#STATE} -le 90 ] || fail "STATE=$STATE is too long for a socket's path."
    mkdir -p "$STATE"
    chmod 755 "$STATE" # munged wants its socket's folder passable by all
    while [ "$folder" != / ]; do
        [ "$(stat -c %u "$folder")" = 0 ] || fail "munged refuses a folder that root does not own: $folder"
        folder=$(dirname "$folder")
    done
}

configure() {
    local gpu
    mkdir -p "$STATE"/{etc,log,pid,ctld,munge,dev}
    (umask 077; head -c 128 /dev/urandom >"$STATE/munge/key")
    # File= of a GPU must be a character device
    for ((gpu = 0; gpu < GPUS; gpu++)); do ln -sfn /dev/null "$STATE/dev/nvidia$gpu"; done
    # without the flag, ROCR_VISIBLE_DEVICES is set as well
    echo "Name=gpu Flags=nvidia_gpu_env File=$STATE/dev/nvidia[0-$((GPUS - 1))]" >"$STATE/etc/gres.conf"
    slurm_conf >"$SLURM_CONF"
    [ "$ACCT" = none ] || slurmdbd_conf
    echo "export SLURM_CONF=$SLURM_CONF PATH=\$PATH:/usr/sbin STATE=$STATE BASE_PORT=$BASE_PORT" >"$STATE/env.sh"
}

slurm_conf() {
    cat <<CONF
ClusterName=small
# Not from 1 again after a wipe: submitit would take an old result in the same folder for the new job's.
FirstJobId=$(($(date +%s) % 60000000 + 1))
MaxJobId=67000000
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$BASE_PORT
AuthType=auth/munge
# A requeued job waits for cred_expire + 1 s (120 by default).
AuthInfo=socket=$STATE/munge/sock,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/spool.%n
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/slurmd.%n.pid
SlurmctldLogFile=$STATE/log/slurmctld.log
SlurmdLogFile=$STATE/log/slurmd.%n.log
LogTimeFormat=iso8601_ms
# no cgroups, no systemd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Without it a job that names no memory takes the whole node.
DefMemPerCPU=500
SlurmdParameters=config_overrides
GresTypes=gpu
SlurmdTimeout=$SLURMD_TIMEOUT
MessageTimeout=10
BatchStartTimeout=10
KillWait=5
InactiveLimit=0
MinJobAge=300
Waittime=0
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
MailProg=/bin/true
AccountingStorageType=accounting_storage/$ACCT
JobCompType=jobcomp/none
CONF
    if [ "$ACCT" = slurmdbd ]; then
        # its clients authenticate by munge's socket
        printf 'AccountingStorageHost=127.0.0.1\nAccountingStoragePort=%s\nAccountingStoragePass=%s\n' \
            $((BASE_PORT + 1)) "$STATE/munge/sock"
    fi
    local i
    for i in "${!NODES[@]}"; do
        echo "NodeName=${NODES[i]} NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((BASE_PORT + 10 + i))" \
            "CPUs=4 RealMemory=4000 Gres=gpu:$GPUS State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF"
    echo "PartitionName=low Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20"
}

slurmdbd_conf() {
    (umask 077; cat >"$STATE/etc/slurmdbd.conf") <<CONF
AuthType=auth/munge
AuthInfo=socket=$STATE/munge/sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((BASE_PORT + 1))
SlurmUser=root
LogFile=$STATE/log/slurmdbd.log
PidFile=$STATE/slurmdbd.pid
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((BASE_PORT + 2))
StorageUser=slurm
StoragePass=slurm
CONF
}

start_accounting() {
    local sql=(mariadb --no-defaults "--socket=$STATE/sql.sock" --user=root)
    [ -d "$STATE/sql" ] || mariadb-install-db --no-defaults --user=root --datadir="$STATE/sql" \
        --skip-test-db --auth-root-authentication-method=normal >"$STATE/log/mariadb-install.out" 2>&1
    start mariadbd mariadbd --no-defaults --user=root --datadir="$STATE/sql" --socket="$STATE/sql.sock" \
        --bind-address=127.0.0.1 --port=$((BASE_PORT + 2)) --skip-log-bin --innodb-buffer-pool-size=64M \
        --innodb-log-file-size=16M --innodb-lock-wait-timeout=900 --performance-schema=OFF
    wait_for 30 mariadbd "${sql[@]}" -e "select 1"
    "${sql[@]}" -e "create database if not exists slurm_acct_db;
        create user if not exists slurm@'127.0.0.1' identified by 'slurm';
        grant all on slurm_acct_db.* to slurm@'127.0.0.1'"
    start slurmdbd slurmdbd -D
    wait_for 30 slurmdbd sacctmgr -n show cluster
    sacctmgr -n show cluster format=cluster | grep -qw small || sacctmgr -i add cluster small >/dev/null
}

# Ranks on several nodes meet at the first one's name.
name_nodes() {
    getent hosts "${NODES[0]}" >/dev/null && return
    echo "127.0.0.1 ${NODES[*]} # $STATE" >>/etc/hosts || echo "${NODES[*]}: no such hosts" >&2
}

all_idle() { # states that a restart left (down, drained) are cleared; `sinfo -t idle` takes in drained ones
    [ "$(sinfo -h -N -p main -o %t | grep -cxE 'idle|mix|alloc|comp')" = ${#NODES[@]} ] ||
        { scontrol update nodename=ALL state=resume; false; }
}

up() {
    local node all=(munged slurmctld "${NODES[@]/#/slurmd.}") name missing=
    [ "$ACCT" = none ] || all+=(mariadbd slurmdbd)
    for name in "${all[@]}"; do runs "$name" || missing=yes; done
    [ -n "$missing" ] || { echo "It runs. Now: . $STATE/env.sh"; return; }
    check
    [ -e "$STATE/env.sh" ] || configure
    start munged munged --foreground --num-threads=4 --socket="$STATE/munge/sock" \
        --key-file="$STATE/munge/key" --pid-file="$STATE/munge/pid" --seed-file="$STATE/munge/seed" \
        --log-file="$STATE/log/munged.log"
    wait_for 10 munged munge -n -S "$STATE/munge/sock"
    [ "$ACCT" = none ] || start_accounting
    start slurmctld slurmctld -D
    wait_for 30 slurmctld scontrol ping
    for node in "${NODES[@]}"; do
        mkdir -p "$STATE/spool.$node"
        start "slurmd.$node" slurmd -D -N "$node"
    done
    wait_for 30 nodes all_idle
    name_nodes
    echo "It runs: ${#NODES[@]} nodes. Now: . $STATE/env.sh"
}

down() {
    local node
    [ -e "$STATE/env.sh" ] || { echo "Nothing runs in $STATE."; return; }
    # of this cluster only, by SLURM_CONF
    timeout 5 scancel --quiet --user=root || true
    for _ in $(seq 50); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.2; done
    for node in "${NODES[@]}"; do stop "slurmd.$node" & done
    wait
    for name in slurmctld slurmdbd mariadbd munged; do stop "$name"; done
    # not by sed -i, which replaces the file: a container's is mounted
    if grep -q "# $STATE\$" /etc/hosts; then
        grep -v "# $STATE\$" /etc/hosts >"$STATE/hosts" || true
        cat "$STATE/hosts" >/etc/hosts
    fi
    rm -rf "$STATE"
    echo "Stopped."
}

case ${1:-} in
up) up ;;
down) down ;;
*) fail "usage: $0 up|down" ;;
esac
