# Writes the services' configuration files, .local/config/NAME.yaml. Sourced by deploy/local/up.

# What every service needs.
shared_config() {
  cat <<YAML
# Written by deploy/local/up; changes are overwritten.
kafka:
  bootstrap.servers: 127.0.0.1:${port[kafka]}
YAML
}

postgres_config() {
  cat <<YAML
postgres:
  host: 127.0.0.1
  port: ${port[postgres]}
  dbname: quantstream
  user: quantstream
YAML
}

query_config() {
  cat <<YAML
grpc_port: ${port[grpc]}
YAML
}

# Ids are contiguous where the venue's description says so (ingest/venue/); the simulator speaks
# Binance's protocol. Recorded files may be of any venue: nothing is said of theirs.
processor_config() {
  cat <<YAML
workers: $workers
contiguous_id_venues: [binance, simulator]
slot: ${1#processor-}
YAML
}

simulator_config() {
  cat <<YAML
ws_port: ${port[simulator_ws]}
wss_port: ${port[simulator_wss]}
tls_dir: $local_dir/simulator
instruments: [$(list "${simulated[@]}")]
trades_per_s: 200
YAML
}

# What is not the real market gets a venue of its own: its prices and times must not mix with it.
ingest_config() {
  echo "node: local-$feed"
  case $feed in
    live) echo "instruments: [$(list "${traded_live[@]}")]" ;;
    simulator)
      cat <<YAML
venue: simulator
instruments: [$(list "${simulated[@]}")]
websocket_url: wss://localhost:${port[simulator_wss]}/stream
ca_file: $local_dir/simulator/ca.pem
YAML
      ;;
    recorded)
      echo "venue: recorded"
      echo "feed: replay"
      echo "replay_speed: $speed"
      echo "files:"
      printf "  - '%s'\n" "${recorded_files[@]//\'/\'\'}"
      ;;
  esac
}

# a b -> a, b
list() {
  local IFS=,
  echo "${*}" | sed 's/,/, /g'
}

write_configs() {
  local name file
  for name in $(service_names); do
    file=$local_dir/config/$name.yaml
    {
      [ "$name" = simulator ] || shared_config
      case $name in query | processor-*) postgres_config ;; esac
      "$(program_of "$name")_config" "$name"
      echo "admin_port: $(admin_port "$name")"
    } >"$file.new"
    mv "$file.new" "$file"
  done
}

# One that is there, for the commands shown at the end.
first_instrument() {
  "$programs/quantstream-latest" "127.0.0.1:${port[grpc]}" 2>/dev/null |
    awk 'NR == 2 { print $1; found = 1 } END { if (!found) print "venue:BTC-USDT" }'
}
