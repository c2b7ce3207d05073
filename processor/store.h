// Store on PostgreSQL: two connections per worker. Commits run on one, by a thread of their own;
// take-overs and read-backs on the other, by the caller. What a commit writes is in
// commit_writer.h, what the others read in stored_rows.h.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "platform/postgres/connection.h"
#include "processor/io.h"
#include "processor/metrics.h"

namespace quantstream::processor {

struct StoreOptions {
  postgres::ConnectionOptions connection;
  std::string topic;        // of the trades, with its prefix
  int partition_count = 0;  // of that topic
  std::string owner;        // written into the rows that are taken over, for people
  bool allow_unsafe_database = false;
};

class PostgresStore final : public Store {
 public:
  // `metrics` outlives the store. Connects when first asked, and at most once a second while that
  // fails: what is asked meanwhile gets the same error at once.
  PostgresStore(StoreOptions options, Metrics* metrics);
  ~PostgresStore() override;  // Waits for the commit in flight.

  absl::StatusOr<TakenOver> TakeOver(int32_t partition) override;
  void BeginCommit(Commit commit) override;
  std::optional<CommitOutcome> PollCommit() override;
  absl::StatusOr<StoredProgress> ReadProgress(int32_t partition) override;
  absl::StatusOr<std::vector<OutboxRow>> ReadOutbox(int32_t partition, Epoch epoch,
                                                    int64_t after_version) override;
  absl::StatusOr<ReadBackAnswer> Read(const ReadBack& request) override;

 private:
  class Committer;
  absl::StatusOr<postgres::Connection*> Connected();

  StoreOptions options_;
  Metrics* metrics_;
  std::unique_ptr<postgres::Connection> connection_;
  absl::Status refused_;  // the last attempt to connect
  std::chrono::steady_clock::time_point connect_not_before_{};
  std::unique_ptr<Committer> committer_;
};

// A new connection for the store; refuses a database that may lose acknowledged commits unless
// allowed.
absl::StatusOr<std::unique_ptr<postgres::Connection>> ConnectStore(const StoreOptions& options,
                                                                   Metrics* metrics);

// The stored state was built with this many partitions: FAILED_PRECONDITION names both counts when
// the topic has others.
absl::Status CheckStoredPartitionCount(postgres::Connection& connection,
                                       const StoreOptions& options);

// Errors as Store owes them: those codes that mean something to the core are only used for that.
absl::Status AsStoreError(const absl::Status& status);

}  // namespace quantstream::processor
