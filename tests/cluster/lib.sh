# Sourced by the cluster tests: a private cluster with real containers, driven with kubectl.
#
#   tests/cluster/NAME      with THESPIS set to the program under test
#
# A test checks one behaviour a line and goes on after a failure; its exit status is 0 when all
# held, 1 when any did not, 77 when this machine cannot run it. Whatever happens, no cluster is
# left behind.
set -uo pipefail

THESPIS=${THESPIS:?set it to the thespis program}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
patience=${THESPIS_TEST_PATIENCE:-60} # seconds until something that must become true has failed
passed=0 failures=0
clusters=()
at_end=() # commands, told whether it is `before` or `after` the clusters are taken down

for need in kubectl curl nft jq; do
  if ! command -v $need >/dev/null; then
    echo "SKIPPED: needs $need" >&2
    exit 77
  fi
done
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIPPED: needs root, for containers and the kernel's NAT" >&2
  exit 77
fi

work=$(mktemp -d /tmp/thespis-test.XXXXXX)
# What kubectl remembers of another cluster at the same port would mislead it.
export HOME=$work/home
mkdir -p "$HOME"
unset KUBECONFIG http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

finish() {
  local status=$?
  trap - EXIT INT TERM
  if [ $failures -gt 0 ] || { [ $status -ne 0 ] && [ $status -ne 77 ]; }; then
    status=1
    tell_state
  fi
  local data hook
  for hook in "${at_end[@]}"; do $hook before; done
  for data in "${clusters[@]}"; do
    "$THESPIS" down --purge --data-dir "$data" >/dev/null 2>&1
  done
  for hook in "${at_end[@]}"; do $hook after; done
  rm -rf "$work"
  echo "$passed held, $failures did not (${SECONDS} s)"
  exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

# What one needs to understand a failure.
tell_state() {
  local data
  for data in "${clusters[@]}"; do
    [ -d "$data" ] || continue
    echo "--- state of $data"
    timeout 20 kubectl --kubeconfig "$data/kubeconfig" get pods,services,deployments -A -o wide 2>&1
    timeout 20 kubectl --kubeconfig "$data/kubeconfig" get events -A 2>&1 | tail -n 25
    echo "--- end of its logs"
    tail -n 8 "$data/log/thespis.log" "$data/containerd/containerd.log" 2>/dev/null
  done
}

# --- checks --------------------------------------------------------------------------------------

section() { printf '%s (%s s)\n' "$1" "$SECONDS"; }
holds() {
  passed=$((passed + 1))
  echo "  ok    $1"
}
fails() { # WHAT DETAIL…
  failures=$((failures + 1))
  echo "  FAIL  $1"
  shift
  printf '%s\n' "$@" | head -n 15 | sed 's/^/        /'
}

# check WHAT COMMAND…: it succeeds.
check() {
  local what=$1 out status
  shift
  out=$("$@" 2>&1)
  status=$?
  if [ $status -eq 0 ]; then holds "$what"; else fails "$what" "$* ended with $status" "$out"; fi
}

# says WHAT REGEX COMMAND…: it succeeds and its output matches.
says() {
  local what=$1 regex=$2 out status
  shift 2
  out=$("$@" 2>&1)
  status=$?
  if [ $status -eq 0 ] && grep -Eqe "$regex" <<<"$out"; then
    holds "$what"
  else
    fails "$what" "$* ended with $status; expected /$regex/ in:" "$out"
  fi
}

# refused WHAT REGEX COMMAND…: it fails and its output matches.
refused() {
  local what=$1 regex=$2 out status
  shift 2
  out=$("$@" 2>&1)
  status=$?
  if [ $status -ne 0 ] && grep -Eqe "$regex" <<<"$out"; then
    holds "$what"
  else
    fails "$what" "$* ended with $status; expected a failure with /$regex/ in:" "$out"
  fi
}

# becomes WHAT REGEX COMMAND…: within $patience its whole output matches.
becomes() {
  local what=$1 regex=$2 out deadline=$((SECONDS + patience))
  shift 2
  until out=$("$@" 2>&1) && grep -Ezqe "^($regex)[[:space:]]*$" <<<"$out"; do
    if [ $SECONDS -ge $deadline ]; then
      fails "$what" "$*: expected /$regex/ within $patience s; last:" "$out"
      return 1
    fi
    sleep 0.1
  done
  holds "$what"
}

# same WHAT EXPECTED ACTUAL
same() {
  if [ "$2" = "$3" ]; then holds "$1"; else fails "$1" "expected: $2" "got:      $3"; fi
}

# --- clusters ------------------------------------------------------------------------------------

# Each cluster takes a slot of this machine: ports and address ranges no other test uses.
take_slot() {
  local n
  for n in $(seq 0 37); do
    exec {slot_fd}>"/tmp/.thespis-test-slot-$n"
    if flock -n "$slot_fd" && ! (exec 3<>"/dev/tcp/127.0.0.1/$((16500 + n))") 2>/dev/null; then
      slot=$n
      return
    fi
    exec {slot_fd}>&-
  done
  echo "no free slot for a cluster" >&2
  exit 1
}

# start_cluster NAME [FLAG…]: sets data, KUBECONFIG, port, pod_cidr, service_cidr, node_ports. With
# dual_stack=yes the cluster has both families; the IPv6 ranges are pod_cidr6 and service_cidr6.
start_cluster() {
  take_slot
  data=$work/$1 port=$((16500 + slot))
  pod_cidr=10.$((61 + slot)).0.0/17 service_cidr=10.$((61 + slot)).128.0/17
  pod_cidr6=$(printf 'fd42:0:0:%x00::/56' $((slot + 1)))
  service_cidr6=$(printf 'fd43:0:0:%x00::/108' $((slot + 1)))
  node_ports=$((30000 + slot * 70))-$((30069 + slot * 70))
  shift
  cluster_flags=(--data-dir "$data" --api-port "$port" --kubeconfig "$data/kubeconfig"
    --pod-cidr "$pod_cidr${dual_stack:+,$pod_cidr6}"
    --service-cidr "$service_cidr${dual_stack:+,$service_cidr6}"
    --service-node-port-range "$node_ports" --image-dir "$work/images" --log-level info
    # A machine that is nearly full is none of the tests' business.
    --eviction-hard "" "$@")
  [ -d "$work/images" ] || "$here/images/build" "$work/images" >/dev/null || exit 1
  clusters+=("$data")
  up || exit 1
  export KUBECONFIG=$data/kubeconfig
}

# The cluster's process, started in the background with the flags of start_cluster.
up() {
  local out
  if ! out=$("$THESPIS" up --detach "${cluster_flags[@]}" 2>&1 {slot_fd}>&-); then
    fails "the cluster starts" "$out"
    return 1
  fi
}

# The process id of the cluster in $data.
cluster_pid() {
  local pid
  for pid in $(pgrep -f "up .*--data-dir $data( |\$)"); do
    [ "$(readlink "/proc/$pid/exe")" = "$(realpath "$THESPIS")" ] && echo "$pid"
  done
}

# --- things to ask about -------------------------------------------------------------------------

get() { kubectl get "$@"; }
field() { # PATH KIND NAME…: one value
  local path=$1
  shift
  kubectl get "$@" -o "jsonpath={$path}"
}
ready_pods() { # SELECTOR
  kubectl get pods -l "$1" -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null)
    | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))
    | .metadata.name' | sort
}
fetch() { curl -sS --noproxy '*' --max-time 5 "$@"; }
# Who answers at a URL: the names of the pods, after so many questions.
answering() { # URL TIMES
  local i
  for i in $(seq "$2"); do fetch "$1" | cut -d' ' -f1; done | sort -u
}
# The process ids of a container on this machine, oldest first.
container_pids() { # POD CONTAINER
  local id
  id=$(kubectl get pod "$1" -o json | jq -r --arg c "$2" \
    '.status.containerStatuses[] | select(.name == $c) | .containerID' | sed 's|.*://||')
  ctr -a "$data/containerd/containerd.sock" -n k8s.io task ps "$id" | awk 'NR > 1 { print $1 }'
}

# The sample server in a Deployment. sample NAME REPLICAS [VERSION]
sample() {
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {app: $1}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: web
        image: thespis.local/sample:${3:-v1}
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 8Mi}}
YAML
}
service() { # NAME [TYPE]
  cat <<YAML
apiVersion: v1
kind: Service
metadata: {name: $1, labels: {app: $1}}
spec:
  type: ${2:-ClusterIP}
  selector: {app: $1}
  ports: [{name: http, port: 80, targetPort: http}]
YAML
}
