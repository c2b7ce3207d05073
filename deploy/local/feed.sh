# Where the trades come from. Sourced by deploy/local/up.

venue_url=https://api.binance.com/api/v3/time
traded_live=(BTC-USDT ETH-USDT SOL-USDT)
simulated=(BTC-USDT ETH-USDT SOL-USDT BNB-USDT XRP-USDT)

# A file, or every file of a folder.
add_recorded() {
  local file
  if [ ! -e "$1" ]; then
    wrong+=("no file $1")
    return 0
  fi
  if [ -d "$1" ]; then
    for file in "$1"/*; do
      [ ! -f "$file" ] || recorded_files+=("$(realpath "$file")")
    done
  else
    recorded_files+=("$(realpath "$1")")
  fi
}

venue_reachable() {
  curl --silent --fail --output /dev/null --connect-timeout 5 --max-time 10 "$venue_url"
}

# Makes `feed` of `wanted_feed`, which it leaves as it is: the next `up` looks again. Says which.
choose_feed() {
  feed=$wanted_feed
  case $feed in
    auto)
      if venue_reachable; then
        feed=live
        say "feed: live, Binance can be reached"
      else
        feed=simulator
        say "feed: simulator, since Binance cannot be reached"
      fi
      ;;
    recorded) say "feed: ${#recorded_files[@]} recorded file(s)" ;;
    *) say "feed: $feed" ;;
  esac
}
