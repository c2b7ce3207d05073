#include "processor/store.h"

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/log.h"
#include "platform/status.h"
#include "processor/commit_writer.h"
#include "processor/stored_rows.h"

namespace quantstream::processor {
namespace {

constexpr std::chrono::seconds kConnectInterval{1};  // between two attempts, while they fail

const char* OutcomeName(CommitOutcome::Kind kind) {
  switch (kind) {
    case CommitOutcome::kLanded:
      return "landed";
    case CommitOutcome::kUnmatched:
      return "unmatched";
    case CommitOutcome::kUnknown:
      return "unknown";
    case CommitOutcome::kFailed:
      return "failed";
  }
  return "failed";
}

}  // namespace

// The thread that commits, with its own connection. At most one commit is with it.
class PostgresStore::Committer {
 public:
  Committer(const StoreOptions& options, Metrics* metrics)
      : options_(options),
        metrics_(metrics),
        writer_(options.topic, metrics),
        thread_([this] { Run(); }) {}

  ~Committer() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void Begin(Commit commit) {
    std::lock_guard lock(mutex_);
    assert(!commit_.has_value() && !outcome_.has_value());
    commit_ = std::move(commit);
    wake_.notify_one();
  }

  std::optional<CommitOutcome> Poll() {
    std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return ended_ || commit_.has_value(); });
      if (!commit_.has_value()) {
        return;
      }
      Commit commit = *commit_;
      lock.unlock();
      CommitOutcome outcome = Write(commit);
      commit.clear();
      lock.lock();
      commit_.reset();
      outcome_ = std::move(outcome);
    }
  }

  CommitOutcome Write(const Commit& commit) {
    CommitOutcome outcome;
    if (absl::Status connected = Connect(); !connected.ok()) {
      outcome = {CommitOutcome::kFailed, {}, connected};
    } else {
      outcome = writer_.Write(*connection_, commit);
    }
    metrics_->CommitEnded(OutcomeName(outcome.kind));
    if (outcome.kind != CommitOutcome::kLanded) {
      Log(kWarning, "commit did not land",
          {{"outcome", OutcomeName(outcome.kind)}, {"error", outcome.status}});
    }
    return outcome;
  }

  absl::Status Connect() {
    if (connection_ != nullptr && connection_->open()) {
      return absl::OkStatus();
    }
    auto connection = ConnectStore(options_, metrics_);
    if (!connection.ok()) {
      return AsStoreError(connection.status());
    }
    connection_ = *std::move(connection);
    return absl::OkStatus();
  }

  const StoreOptions& options_;
  Metrics* metrics_;
  CommitWriter writer_;                               // the thread's own
  std::unique_ptr<postgres::Connection> connection_;  // the thread's own
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Commit> commit_;          // guarded by mutex_
  std::optional<CommitOutcome> outcome_;  // guarded by mutex_
  bool ended_ = false;                    // guarded by mutex_
  std::thread thread_;
};

PostgresStore::PostgresStore(StoreOptions options, Metrics* metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      committer_(std::make_unique<Committer>(options_, metrics)) {}

PostgresStore::~PostgresStore() = default;

absl::StatusOr<postgres::Connection*> PostgresStore::Connected() {
  using Clock = std::chrono::steady_clock;
  if (connection_ != nullptr && connection_->open()) {
    return connection_.get();
  }
  if (!refused_.ok() && Clock::now() < connect_not_before_) {
    return refused_;
  }
  auto connection = ConnectStore(options_, metrics_);
  refused_ = AsStoreError(connection.status());
  if (!refused_.ok()) {
    connect_not_before_ = Clock::now() + kConnectInterval;
    return refused_;
  }
  connection_ = *std::move(connection);
  return connection_.get();
}

absl::StatusOr<TakenOver> PostgresStore::TakeOver(int32_t partition) {
  auto began = std::chrono::steady_clock::now();
  absl::StatusOr<postgres::Connection*> connection = Connected();
  if (!connection.ok()) {
    return connection.status();
  }
  absl::StatusOr<TakenOver> taken = TakeOverRow(**connection, options_.topic, partition,
                                                options_.partition_count, options_.owner);
  metrics_->PartitionTaken(std::chrono::steady_clock::now() - began);
  if (!taken.ok() && postgres::SqlState(taken.status()).empty() &&
      !postgres::IsConnectionLost(taken.status())) {
    return taken.status();  // our own words: another partition count
  }
  return taken.ok() ? std::move(taken)
                    : AsStoreError(Annotate(taken.status(), "take-over of the partition"));
}

void PostgresStore::BeginCommit(Commit commit) {
  committer_->Begin(std::move(commit));
}

std::optional<CommitOutcome> PostgresStore::PollCommit() {
  return committer_->Poll();
}

absl::StatusOr<StoredProgress> PostgresStore::ReadProgress(int32_t partition) {
  absl::StatusOr<postgres::Connection*> connection = Connected();
  if (!connection.ok()) {
    return connection.status();
  }
  auto progress = ReadStoredProgress(**connection, options_.topic, partition);
  return progress.ok() ? std::move(progress) : AsStoreError(progress.status());
}

absl::StatusOr<std::vector<OutboxRow>> PostgresStore::ReadOutbox(int32_t partition, Epoch epoch,
                                                                 int64_t after_version) {
  absl::StatusOr<postgres::Connection*> connection = Connected();
  if (!connection.ok()) {
    return connection.status();
  }
  auto rows = ReadOutboxPage(**connection, options_.topic, partition, epoch, after_version);
  return rows.ok() ? std::move(rows) : AsStoreError(Annotate(rows.status(), "left-over outbox"));
}

absl::StatusOr<ReadBackAnswer> PostgresStore::Read(const ReadBack& request) {
  absl::StatusOr<postgres::Connection*> connection = Connected();
  if (!connection.ok()) {
    return connection.status();
  }
  auto began = std::chrono::steady_clock::now();
  auto answer = ReadBackRows(**connection, options_.topic, request);
  if (!answer.ok()) {
    bool fenced = postgres::SqlState(answer.status()).empty() && absl::IsAborted(answer.status());
    return fenced ? answer.status() : AsStoreError(Annotate(answer.status(), "read-back"));
  }
  metrics_->ReadBackDone(std::chrono::steady_clock::now() - began,
                         static_cast<int64_t>(answer->candles.size()));
  return answer;
}

absl::StatusOr<std::unique_ptr<postgres::Connection>> ConnectStore(const StoreOptions& options,
                                                                   Metrics* metrics) {
  auto connection = postgres::Connection::Open(options.connection);
  if (!connection.ok()) {
    return connection;
  }
  metrics->DatabaseConnected();
  if (!options.allow_unsafe_database) {
    if (absl::Status safe = postgres::CheckSafeSettings(**connection); !safe.ok()) {
      return safe;
    }
  }
  return connection;
}

absl::Status CheckStoredPartitionCount(postgres::Connection& connection,
                                       const StoreOptions& options) {
  auto other = connection.Exec(
      "SELECT partition_count FROM partition_progress WHERE topic = $1 AND partition_count <> $2 "
      "LIMIT 1",
      {postgres::Param::Text(options.topic), postgres::Param::Int4(options.partition_count)});
  if (!other.ok()) {
    return other.status();
  }
  if (other->rows() == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "option partitions is " + std::to_string(options.partition_count) + ", but the state of " +
      options.topic + " was built with " + std::to_string(other->Int(0, 0)) +
      " partitions: the count cannot change");
}

absl::Status AsStoreError(const absl::Status& status) {
  absl::StatusCode code = status.code();
  switch (code) {
    case absl::StatusCode::kAborted:
      code = absl::StatusCode::kUnavailable;
      break;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kNotFound:
      code = absl::StatusCode::kInternal;
      break;
    default:
      return status;
  }
  absl::Status mapped(code, status.message());
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { mapped.SetPayload(url, payload); });
  return mapped;
}

}  // namespace quantstream::processor
