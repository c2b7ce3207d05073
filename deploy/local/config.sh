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

processor_config() {
  cat <<YAML
workers: $workers
slot: ${1#processor-}
YAML
}

simulator_config() {
  cat <<YAML
ws_port: ${port[simulator_ws]}
wss_port: ${port[simulator_wss]}
YAML
}

ingest_config() {
  echo
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

# One that the feed certainly trades, for the commands shown at the end.
first_instrument() { echo binance:BTC-USDT; }
