# Progress lines for scripts; to be sourced. On a terminal a line counts its seconds and ends with a
# check mark or a cross; elsewhere it is printed once at each end. Commands write into a log whose
# tail is shown when one fails.
#
#   progress_log FILE           where the output of the following steps goes (truncated)
#   step TEXT COMMAND [ARG...]  runs a command as one step; returns its status

progress_log() {
  PROGRESS_LOG=$1
  mkdir -p "$(dirname "$PROGRESS_LOG")"
  : >"$PROGRESS_LOG"
}

# How far ninja is in the log from byte $1 on: "[12/300]".
_progress_hint() {
  tail -c "+$1" "$PROGRESS_LOG" 2>/dev/null | tail -c 300 | tr '\r' '\n' | grep -aoE '^\[[0-9]+/[0-9]+\]' | tail -n 1
}

_progress_ticker() {
  local text=$1 from=$2 begin=$SECONDS hint
  while kill -0 $$ 2>/dev/null; do
    hint=$(_progress_hint "$from")
    printf '\r\033[K • %s ... %d s %s' "$text" $((SECONDS - begin)) "$hint"
    sleep 1
  done
}

step() {
  local text=$1 begin=$SECONDS status=0 ticker= from
  shift
  printf '\n## %s: %s\n' "$text" "$*" >>"$PROGRESS_LOG"
  from=$(($(stat -c %s "$PROGRESS_LOG") + 1))
  if [ -t 1 ]; then
    printf ' • %s ...' "$text"
    _progress_ticker "$text" "$from" &
    ticker=$!
  else
    printf ' • %s ...\n' "$text"
  fi
  "$@" >>"$PROGRESS_LOG" 2>&1 </dev/null || status=$?
  if [ -n "$ticker" ]; then
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    printf '\r\033[K'
  fi
  if [ "$status" -eq 0 ]; then
    printf ' ✓ %s (%d s)\n' "$text" $((SECONDS - begin))
    return 0
  fi
  printf ' ✗ %s (%d s), status %d\n' "$text" $((SECONDS - begin)) "$status"
  tail -c "+$from" "$PROGRESS_LOG" | tail -n "${PROGRESS_TAIL:-40}" | sed 's/^/   /' >&2
  printf '   The whole log: %s\n' "$PROGRESS_LOG" >&2
  return "$status"
}

# What runs a command as root: nothing, or sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    echo "This needs root: run it as root, or install sudo." >&2
    return 1
  fi
}

# Asks for the password before a step hides the question.
warm_up_root() {
  [ "$(id -u)" -eq 0 ] || as_root true
}
