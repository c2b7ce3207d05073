// What the calls of the service share.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "query/fanout.h"
#include "query/io.h"
#include "query/metrics.h"
#include "query/recent.h"
#include "query/resume_token.h"
#include "query/service/known_instruments.h"
#include "query/service/memory_budget.h"
#include "query/service/requests.h"
#include "query/service/server_info.h"
#include "query/service/unread_answers.h"
#include "query/subscription.h"
#include "query/trade_fanout.h"

namespace quantstream::query {

struct ServiceLimits {
  RequestLimits request;
  SubscriptionLimits subscription;
  int64_t snapshot_bytes_max = 256 << 20;  // history of all streams that is not sent yet
  int64_t answers_bytes_max = 256 << 20;   // answers on their way to clients
  int64_t streams_max = 10'000;
  std::chrono::milliseconds lag_wait_max{5000};  // how long a lagging store is waited for
  std::chrono::milliseconds lag_retry{50};
  std::chrono::milliseconds end_wait_max{5000};     // for a last write, or an answer, to be taken
  std::chrono::milliseconds reconnect_after{1000};  // what Draining and RetryInfo tell clients
  ServerInfo info;
  int64_t queues_bytes_max = int64_t{1} << 30;  // live candles that wait for all clients
  std::chrono::milliseconds stream_age_max{0};  // then a client is asked to reconnect; 0 = never
  std::chrono::milliseconds drain_grace{2000};  // from Draining to the end
  std::chrono::milliseconds token_age_max{7 * 86'400'000};
};

// All outlive the calls.
struct ServiceParts {
  History* history;
  Fanout* fanout;
  TradeFanout* trades;
  Metrics* metrics;
  Recent* recent = nullptr;  // null: every GetCandles reads the store
  ServiceLimits limits;
  KnownInstruments instruments{history};
  MemoryBudget snapshot_bytes{limits.snapshot_bytes_max};
  UnreadAnswers unread_answers{limits.answers_bytes_max};
  std::atomic<int64_t> streams = 0;
  std::atomic<int64_t> queue_bytes = 0;   // live candles that wait for all clients
  std::atomic<bool> live = false;  // the live side has caught up
  std::atomic<bool> draining = false;

  // What may wait for one client: each has its share, so that no client takes another's.
  int64_t QueueBytesMax() const {
    constexpr int64_t kLeast = 64 << 10;
    const int64_t share = limits.queues_bytes_max / std::max<int64_t>(1, streams);
    return std::min(limits.subscription.queue_bytes_max, std::max(kLeast, share));
  }
};

}  // namespace quantstream::query
