// Options as the limits of single rooms.
#include "query/config.h"

namespace quantstream::query {

using std::chrono::milliseconds;

TradeLimits QueryConfig::Trades() const {
  TradeLimits trades;
  trades.queue_bytes_max = trade_queue_bytes_max;
  trades.queues_bytes_max = trade_queues_bytes_max;
  trades.message_bytes_max = message_bytes_max;
  return trades;
}

RecentLimits QueryConfig::Recent() const {
  return {.series_max = recent_series_max, .bytes_max = recent_bytes_max};
}

FanoutOptions QueryConfig::Fanout() const {
  FanoutOptions fanout;
  fanout.progress_interval = milliseconds(progress_interval_ms);
  fanout.send_helpers = send_helpers;
  return fanout;
}

}  // namespace quantstream::query
