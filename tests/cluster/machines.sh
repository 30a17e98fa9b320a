# Sourced by the tests of several machines: each is a network namespace with a subnet of its own,
# joined to the others by a router, so that a cable can be pulled and a direction be cut. The server
# is the machine `server`; kubectl asks from there.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if ! ip netns add "th-probe-$$" 2>/dev/null; then
  echo "SKIPPED: needs network namespaces" >&2
  exit 77
fi
ip netns delete "th-probe-$$"

router=th-router-$$
machines=()
net=10.$((RANDOM % 40 + 210)) # of the machines' subnets
ns_of() { echo "th-$1-$$"; }
address_of() { # MACHINE
  local i
  for i in "${!machines[@]}"; do [ "${machines[$i]}" = "$1" ] && echo "$net.$i.2"; done
}
# on MACHINE COMMAND…: runs it there.
on() {
  local ns
  ns=$(ns_of "$1")
  shift
  nsenter --net="/run/netns/$ns" "$@"
}
on_router() { nsenter --net="/run/netns/$router" "$@"; }

machine() { # NAME: adds one
  local name=$1 i=${#machines[@]} ns
  ns=$(ns_of "$name")
  machines+=("$name")
  ip netns add "$ns"
  on "$name" ip link set lo up
  ip link add cable netns "$ns" type veth peer name "to-$name" netns "$router"
  on "$name" ip address add "$net.$i.2/24" dev cable
  on "$name" ip link set cable up
  on_router ip address add "$net.$i.1/24" dev "to-$name"
  on_router ip link set "to-$name" up
  on "$name" ip route add default via "$net.$i.1"
}
pull_cable() { on_router ip link set "to-$1" down; }
plug_cable() { on_router ip link set "to-$1" up; }
# Rules for what the router passes on: block RULE…, and none of them any more: pass.
block() {
  on_router nft add table ip cut
  on_router nft add chain ip cut forward '{ type filter hook forward priority 0; }'
  on_router nft add rule ip cut forward "$@"
}
pass() { on_router nft delete table ip cut; }

paused=() # processes
pause() { kill -STOP "$1" && paused+=("$1"); }
resume() { kill -CONT "$1"; }
end_machines() {
  local m
  if [ "$1" = before ]; then
    for m in "${paused[@]}"; do resume "$m" 2>/dev/null; done
    return
  fi
  for m in "${machines[@]}"; do ip netns delete "$(ns_of "$m")" 2>/dev/null; done
  ip netns delete "$router" 2>/dev/null
}
at_end+=(end_machines)

ip netns add "$router"
on_router ip link set lo up
on_router sysctl -qw net.ipv4.ip_forward=1

kubectl() { on server kubectl "$@"; }
up() {
  local out
  if ! out=$(on server "$THESPIS" up --detach "${cluster_flags[@]}" 2>&1 {slot_fd}>&-); then
    fails "the cluster starts" "$out"
    return 1
  fi
}
# start_server "MACHINE…" [FLAG…]: a cluster without a node of its own, machines whose agents do not
# run yet, and a token for them.
start_server() {
  local m
  machine server
  for m in $1; do
    machine "$m"
    clusters+=("$work/$m")
  done
  shift
  start_cluster server --no-local-node "$@"
  token=$(on server "$THESPIS" token create --data-dir "$data" --ttl 1h)
}
# start_agent MACHINE [FLAG…]: the first time, or again.
start_agent() {
  local name=$1 dir=$work/$1
  shift
  on "$name" timeout 60 "$THESPIS" agent --detach --server "$(address_of server):$port" \
    --data-dir "$dir" --node-name "$name" --image-dir "$work/images" --log-level info \
    --token "$token" "${agent_flags[@]}" "$@" {slot_fd}>&-
}
agent_flags=()
# The process that holds a machine's data directory.
process_of() { cat "$work/$1/lock"; }
# `status` fails while the link is down, which is no failure here.
link_of() { (on "$1" "$THESPIS" status --data-dir "$work/$1" || true) | sed -n 's/^Link *//p'; }
ready_of() { field '.status.conditions[?(@.type=="Ready")].status' node "$1"; }
# The running containers of a machine, by name and id: running MACHINE [CONTAINER]
running() {
  local socket=$work/$1/containerd/containerd.sock up
  up=$(ctr -a "$socket" -n k8s.io task ls | awk '$3 == "RUNNING" { print $1 }')
  ctr -a "$socket" -n k8s.io containers ls "labels.\"io.kubernetes.container.name\"==${2:-web}" |
    awk 'NR > 1 { print $1 }' | grep -Fxf <(echo "$up") | sort || true
}
