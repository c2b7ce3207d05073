// What the calls of the service share.
#pragma once

#include <atomic>
#include <chrono>

#include "query/fanout.h"
#include "query/io.h"
#include "query/metrics.h"
#include "query/service/known_instruments.h"
#include "query/service/memory_budget.h"
#include "query/service/requests.h"
#include "query/service/server_info.h"
#include "query/subscription.h"
#include "query/trade_fanout.h"

namespace quantstream::query {

struct ServiceLimits {
  RequestLimits request;
  SubscriptionLimits subscription;
  int64_t snapshot_bytes_max = 256 << 20;  // history of all streams that is not sent yet
  int64_t streams_max = 10'000;
  std::chrono::milliseconds lag_wait_max{5000};  // how long a lagging store is waited for
  std::chrono::milliseconds lag_retry{50};
  std::chrono::milliseconds end_wait_max{5000};     // for a last write to be taken by the client
  std::chrono::milliseconds reconnect_after{1000};  // what Draining and RetryInfo tell clients
  ServerInfo info;
};

// All outlive the calls.
struct ServiceParts {
  History* history;
  Fanout* fanout;
  TradeFanout* trades;
  Metrics* metrics;
  ServiceLimits limits;
  KnownInstruments instruments{history};
  MemoryBudget snapshot_bytes{limits.snapshot_bytes_max};
  std::atomic<int64_t> streams = 0;
  std::atomic<bool> live = false;  // the live side has caught up
  std::atomic<bool> draining = false;
};

}  // namespace quantstream::query
