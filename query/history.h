// Stored candles, from PostgreSQL: a few connections, each with a thread of its own, and a bounded
// queue before them. Statements are ended when their caller is gone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/postgres/connection.h"
#include "query/io.h"

namespace quantstream::query {

struct HistoryOptions {
  postgres::ConnectionOptions connection;
  std::string trades_topic;  // its partition_progress rows say how far the store is
  int connections = 4;
  int waiting_max = 1000;  // calls beyond those that run; more get UNAVAILABLE
  int64_t snapshot_candles_max = 100'000;
};

// What happened, for metrics. Called on the store's threads.
struct HistoryObserver {
  std::function<void(std::chrono::nanoseconds took, const absl::Status& status)> read;
  std::function<void(const absl::Status& status)> connection;  // OK: opened; else: why not
  // These with the store's lock held, on callers' threads, too.
  std::function<void(int64_t calls)> waiting;  // for a connection, whenever that changes
  std::function<void()> refused;               // too many wait
};

class PostgresHistory final : public History {
 public:
  PostgresHistory(HistoryOptions options, HistoryObserver observer);
  ~PostgresHistory() override;  // what waits is answered UNAVAILABLE

  void ReadSnapshot(SnapshotRequest request, std::shared_ptr<Cancellation> cancellation,
                    Callback<Snapshot> callback) override;
  void ReadPage(PageRequest request, std::shared_ptr<Cancellation> cancellation,
                Callback<Page> callback) override;
  void ReadInstruments(std::shared_ptr<Cancellation> cancellation,
                       Callback<std::vector<Instrument>> callback) override;
  void ReadGaps(GapsRequest request, std::shared_ptr<Cancellation> cancellation,
                Callback<std::vector<Gap>> callback) override;
  void ReadLineage(LineageRequest request, std::shared_ptr<Cancellation> cancellation,
                   Callback<StoredLineage> callback) override;

 private:
  struct Job {
    std::shared_ptr<Cancellation> cancellation;
    std::function<absl::Status(postgres::Connection&)> read;  // keeps its result for `done`
    std::function<void(absl::Status)> done;
  };

  template <typename T>
  void Enqueue(std::shared_ptr<Cancellation> cancellation,
               std::function<absl::StatusOr<T>(postgres::Connection&)> read, Callback<T> callback);
  void Enqueue(Job job);
  void TellWaitingLocked() const;
  void WorkLoop();
  void RefuseLoop();
  absl::Status Run(const Job& job, std::unique_ptr<postgres::Connection>* connection);
  absl::Status RunOnce(const Job& job, std::unique_ptr<postgres::Connection>* connection);

  const HistoryOptions options_;
  const HistoryObserver observer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  std::deque<Job> refused_;  // answered by a thread of their own: at once, and not inside a call
  std::condition_variable refused_changed_;
  int busy_ = 0;  // workers
  bool ended_ = false;
  bool workers_ended_ = false;
  std::vector<std::thread> workers_;
  std::thread refuser_;
};

}  // namespace quantstream::query
