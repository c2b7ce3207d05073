# Starting, watching and ending our own services. Sourced by the scripts of this folder.
#
# A service NAME has .local/config/NAME.yaml, .local/log/NAME.log and .local/run/NAME.pid.

# In the order in which they start: whoever writes comes after whoever reads.
service_names() {
  local slot
  echo query
  for ((slot = 1; slot <= processes; ++slot)); do
    echo "processor-$slot"
  done
  [ "$feed" != simulator ] || echo simulator
  [ "$feed" = none ] || echo ingest
}

# processor-2 -> processor
program_of() { echo "${1%-[0-9]*}"; }

# The port of a service's /metrics and /readyz. Further processors: 9112, 9122 ...
admin_port() {
  case $1 in
    processor-*) echo $((port[processor] + 10 * (${1#processor-} - 1))) ;;
    *) echo "${port[$1]}" ;;
  esac
}

# Prints the process id; fails when the service does not run.
service_pid() {
  local pid
  pid=$(cat "$local_dir/run/$1.pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF " $local_dir/config/$1.yaml " || return 1
  echo "$pid"
}

# What a running service was started with; when it changes the service is started anew.
stamp_of() {
  local program
  program=$programs/quantstream-$(program_of "$1")
  sha256sum <"$local_dir/config/$1.yaml"
  stat -c '%Y %s' "$program"
}

start_service() {
  local name=$1 program log=$local_dir/log/$1.log
  program=$programs/quantstream-$(program_of "$name")
  if service_pid "$name" >/dev/null; then
    if [ "$(stamp_of "$name")" = "$(cat "$local_dir/run/$name.stamp" 2>/dev/null)" ]; then
      return 0
    fi
    say "$name: settings or program changed, starting it anew"
    stop_service "$name"
  fi
  if [ "$(stat -c %s "$log" 2>/dev/null || echo 0)" -gt 50000000 ]; then
    mv "$log" "$log.1"
  fi
  setsid "$program" --config "$local_dir/config/$name.yaml" </dev/null >>"$log" 2>&1 9>&- &
  echo $! >"$local_dir/run/$name.pid"
  stamp_of "$name" >"$local_dir/run/$name.stamp"
  say "$name: started, process $!"
}

# SIGTERM, and after 30 s SIGKILL.
stop_service() {
  local name=$1 pid tenth
  for tenth in $(seq 0 310); do
    pid=$(service_pid "$name") || break
    case $tenth in
      0) kill -TERM "$pid" 2>/dev/null || true ;;
      300) say "$name: does not end, killing it"; kill -KILL "$pid" 2>/dev/null || true ;;
    esac
    sleep 0.1
  done
  rm -f "$local_dir/run/$name.pid" "$local_dir/run/$name.stamp"
}

# Every service that has run here, the last started first: also those of other settings.
known_services() {
  local file
  for name in ingest simulator; do
    [ ! -e "$local_dir/run/$name.pid" ] || echo "$name"
  done
  for file in "$local_dir"/run/processor-*.pid; do
    [ ! -e "$file" ] || basename "$file" .pid
  done
  [ ! -e "$local_dir/run/query.pid" ] || echo query
}

# `ready`, or the reason why not in one line.
readiness() {
  local answer
  answer=$(curl -s --max-time 3 -w '\n%{http_code}' "http://127.0.0.1:$(admin_port "$1")/readyz") ||
    { echo "no answer on port $(admin_port "$1")"; return 0; }
  if [ "${answer##*$'\n'}" = 200 ]; then
    echo ready
  else
    echo "${answer%$'\n'*}" | tr '\n' ' '
  fi
}

# Waits until a service is ready; shows the end of its log when it ends or never is.
wait_ready() {
  local name=$1 bound_s=$2 state='' second
  for ((second = 0; second < bound_s; ++second)); do
    state=$(readiness "$name")
    [ "$state" != ready ] || return 0
    if ! service_pid "$name" >/dev/null; then
      tail -n 20 "$local_dir/log/$name.log" >&2
      die "$name ended while starting; its log: .local/log/$name.log"
    fi
    if ((second % 10 == 9)); then
      say "$name: not ready yet: $state"
    fi
    sleep 1
  done
  tail -n 20 "$local_dir/log/$name.log" >&2
  die "$name is not ready after $bound_s s: $state"
}
