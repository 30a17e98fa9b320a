# Building, shared by the scripts; to be sourced after progress.sh, in the project's root.

# One compiler a processor, but no more than memory carries: one takes up to 1.5 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# build PRESET [TARGET...]: configures and builds; without targets, everything.
build() {
  local preset=$1 target
  shift
  local targets=()
  for target in "$@"; do targets+=(--target "$target"); done
  step "Configuring ($preset)" cmake --preset "$preset" || return
  step "Building ${*:-all}" cmake --build --preset "$preset" -j "$(build_jobs)" "${targets[@]}"
}
