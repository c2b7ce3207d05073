# Folders, ports and choices of the local system. Sourced by the scripts of this folder.
#
# A choice is taken from, in rising order of right: the default, the last `up` (.local/settings),
# the environment (QUANTSTREAM_LOCAL_PORT_GRPC=50052), the command line (--port grpc=50052).
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
local_dir=$root/.local
programs=$root/build/release/bin
settings_file=$local_dir/settings

declare -A port=(
  [grpc]=50051 [ingest]=9101 [processor]=9102 [query]=9103
  [simulator_ws]=9080 [simulator_wss]=9443 [simulator]=9105
  [kafka]=19092 [kafka_controller]=19093 [postgres]=15432
)
wanted_feed=auto  # as asked for
feed=none         # what `auto` came to
recorded_files=()
speed=1
processes=1
workers=1

started_at=$SECONDS
say() { printf '[%4d s] %s\n' $((SECONDS - started_at)) "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# What is wrong with a script's own command line is collected, then shown at once; exit code 2.
wrong=()
refuse_wrong() {
  [ ${#wrong[@]} -eq 0 ] || { printf 'error: %s\n' "${wrong[@]}" >&2; exit 2; }
}

# The comment at the top of the script.
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }

# For scripts that have no options.
no_options() {
  [ "${1:-}" != --help ] || { usage; exit 0; }
  local argument
  for argument in "$@"; do
    wrong+=("unknown argument $argument; there are none but --help")
  done
  refuse_wrong
}

load_settings() {
  if [ -e "$settings_file" ]; then
    # shellcheck source=/dev/null
    source "$settings_file"
  fi
  local name variable
  for name in "${!port[@]}"; do
    variable=QUANTSTREAM_LOCAL_PORT_${name^^}
    port[$name]=${!variable:-${port[$name]}}
  done
}

save_settings() {
  local name
  {
    for name in "${!port[@]}"; do
      printf 'port[%s]=%q\n' "$name" "${port[$name]}"
    done
    printf 'wanted_feed=%q\nfeed=%q\n' "$wanted_feed" "$feed"
    printf 'speed=%q\nprocesses=%q\nworkers=%q\n' "$speed" "$processes" "$workers"
    printf 'recorded_files=(%s)\n' "${recorded_files[*]@Q}"
  } >"$settings_file"
}

# One `up` or `down` at a time.
lock_local() {
  mkdir -p "$local_dir"/{config,log,run}
  exec 9>"$local_dir/lock"
  flock -n 9 || die "another up, down or clean is under way here"
}

# What listens on a port of this machine: `process 4711 (nginx)`; empty when nothing does.
port_owner() {
  local line
  line=$(ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1)
  [ -n "$line" ] || return 0
  if [[ $line =~ \"([^\"]+)\",pid=([0-9]+) ]]; then
    echo "process ${BASH_REMATCH[2]} (${BASH_REMATCH[1]})"
  else
    echo "a process of another user"
  fi
}
