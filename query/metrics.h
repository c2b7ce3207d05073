// What query counts. Verbs at the call sites; the names and labels are in
// tests/unit/query/testdata/metrics.txt.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace prometheus {
class Registry;
}

namespace quantstream::query {

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Calls. `method` without its package: "GetCandles".
  void CallEnded(std::string_view method, absl::StatusCode code);
  void StreamOpened();
  void StreamClosed();
  void ConnectionsOpen(int64_t connections);
  void ConnectionRefused();
  void AnswerBytes(int64_t bytes);
  void AnswersCancelled(int64_t answers);

  // Streams.
  void MessageSent(int64_t candles);
  void CandlesConflated(int64_t candles);
  // `policy`: as SlowConsumerPolicy, without its beginning: "CONFLATE".
  void ClientTooSlow(std::string_view policy);
  void SnapshotLagged();
  void SnapshotPiece();
  void SnapshotRefused();
  void SnapshotBytes(int64_t bytes);
  void QueueBytes(int64_t bytes);

  // Trades.
  void TradeStreamOpened();
  void TradeStreamClosed();
  void TradesSent(int64_t trades);  // in one message
  void TradesDropped(int64_t trades);
  void TradeQueueBytes(int64_t bytes);
  void TradeRecordsRead(int64_t records, int64_t bad_records, int64_t repeated_records);
  void TradePlaceLost();
  void TradePartitionsRead(int64_t partitions);

  // The live side.
  void RecordsRead(int64_t records, int64_t bad_records);
  void PlaceLost();
  void TailLag(int64_t records);
  void OpenCandles(int64_t candles);

  // The memory of the newest closed candles.
  void RecentAsked(bool hit);
  void RecentKept(int64_t series, int64_t bytes);

  // The store.
  void HistoryRead(std::chrono::nanoseconds took, const absl::Status& status);
  void HistoryWaiting(int64_t calls);
  void HistoryRefused();

  std::shared_ptr<prometheus::Registry> registry() const;

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace quantstream::query
