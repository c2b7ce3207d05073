#include "query/history.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/status.h"
#include "query/audit_statements.h"
#include "query/history_statements.h"
#include "query/page_statement.h"

namespace quantstream::query {
namespace {

constexpr char kCancelled[] = "57014";  // query_canceled: by us, or by statement_timeout

absl::Status TooMany() {
  return absl::UnavailableError("too many calls wait for the store");
}

absl::Status TooSlow(std::chrono::milliseconds statement_max) {
  return absl::DeadlineExceededError(absl::StrCat(
      "the store cannot read this within ", statement_max.count(), " ms; ask for less"));
}

absl::Status ForClients(const absl::Status& status) {
  const bool too_slow = absl::IsDeadlineExceeded(status) &&
                        postgres::SqlState(status).empty() && !postgres::IsConnectionLost(status);
  if (status.ok() || absl::IsOutOfRange(status) || absl::IsDataLoss(status) ||
      absl::IsCancelled(status) || too_slow) {
    return status;
  }
  return absl::UnavailableError("the store cannot be read now: " + Message(status));
}

}  // namespace

PostgresHistory::PostgresHistory(HistoryOptions options, HistoryObserver observer)
    : options_(std::move(options)), observer_(std::move(observer)) {
  for (int i = 0; i < options_.connections; ++i) workers_.emplace_back([this] { WorkLoop(); });
  refuser_ = std::thread([this] { RefuseLoop(); });
}

PostgresHistory::~PostgresHistory() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    for (const Job& job : waiting_) job.cancellation->Cancel();
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  {
    std::lock_guard lock(mutex_);
    workers_ended_ = true;
  }
  refused_changed_.notify_all();
  refuser_.join();
}

void PostgresHistory::ReadSnapshot(SnapshotRequest request,
                                   std::shared_ptr<Cancellation> cancellation,
                                   Callback<Snapshot> callback) {
  Enqueue<Snapshot>(
      std::move(cancellation),
      [this, request = std::move(request)](postgres::Connection& connection) {
        return SelectSnapshot(connection, options_.trades_topic, options_.snapshot_candles_max,
                              request);
      },
      std::move(callback));
}

void PostgresHistory::ReadPage(PageRequest request, std::shared_ptr<Cancellation> cancellation,
                               Callback<Page> callback) {
  Enqueue<Page>(
      std::move(cancellation),
      [this, request = std::move(request)](postgres::Connection& connection) {
        return SelectPage(connection, options_.trades_topic, request);
      },
      std::move(callback));
}

void PostgresHistory::ReadInstruments(std::shared_ptr<Cancellation> cancellation,
                                      Callback<std::vector<Instrument>> callback) {
  Enqueue<std::vector<Instrument>>(
      std::move(cancellation),
      [](postgres::Connection& connection) { return SelectInstruments(connection); },
      std::move(callback));
}

void PostgresHistory::ReadGaps(GapsRequest request, std::shared_ptr<Cancellation> cancellation,
                               Callback<std::vector<Gap>> callback) {
  Enqueue<std::vector<Gap>>(
      std::move(cancellation),
      [this, request = std::move(request)](postgres::Connection& connection) {
        return SelectGaps(connection, options_.trades_topic, request);
      },
      std::move(callback));
}

void PostgresHistory::ReadLineage(LineageRequest request,
                                  std::shared_ptr<Cancellation> cancellation,
                                  Callback<StoredLineage> callback) {
  Enqueue<StoredLineage>(
      std::move(cancellation),
      [request = std::move(request)](postgres::Connection& connection) {
        return SelectLineage(connection, request);
      },
      std::move(callback));
}

template <typename T>
void PostgresHistory::Enqueue(std::shared_ptr<Cancellation> cancellation,
                              std::function<absl::StatusOr<T>(postgres::Connection&)> read,
                              Callback<T> callback) {
  auto result = std::make_shared<absl::StatusOr<T>>(absl::CancelledError("the caller is gone"));
  Enqueue(Job{.cancellation = std::move(cancellation),
              .read =
                  [read = std::move(read), result](postgres::Connection& connection) {
                    *result = read(connection);
                    return result->status();
                  },
              .done =
                  [callback = std::move(callback), result](absl::Status status) {
                    status.ok() ? callback(*std::move(result)) : callback(std::move(status));
                  }});
}

// With the lock held, so that the last one told is the last there was.
void PostgresHistory::TellWaitingLocked() const {
  if (observer_.waiting) observer_.waiting(static_cast<int64_t>(waiting_.size()));
}

void PostgresHistory::Enqueue(Job job) {
  {
    std::lock_guard lock(mutex_);
    const int calls = static_cast<int>(waiting_.size()) + busy_;
    const bool full = calls >= options_.connections + options_.waiting_max;
    const bool refused = full || ended_;
    (refused ? refused_ : waiting_).push_back(std::move(job));
    if (refused && observer_.refused) observer_.refused();
    TellWaitingLocked();
  }
  changed_.notify_one();
  refused_changed_.notify_one();
}

void PostgresHistory::WorkLoop() {
  std::unique_ptr<postgres::Connection> connection;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const bool refuse = ended_;
    const Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    TellWaitingLocked();
    lock.unlock();
    job.done(refuse ? TooMany() : Run(job, &connection));
    lock.lock();
    --busy_;
  }
}

// All workers may be busy for as long as a statement lasts: a refusal does not wait for them.
void PostgresHistory::RefuseLoop() {
  std::unique_lock lock(mutex_);
  while (true) {
    refused_changed_.wait(lock, [this] { return workers_ended_ || !refused_.empty(); });
    if (refused_.empty()) return;
    const Job job = std::move(refused_.front());
    refused_.pop_front();
    lock.unlock();
    job.done(TooMany());
    lock.lock();
  }
}

absl::Status PostgresHistory::Run(const Job& job,
                                  std::unique_ptr<postgres::Connection>* connection) {
  const auto begin = std::chrono::steady_clock::now();
  const bool reused = *connection != nullptr;
  absl::Status status = RunOnce(job, connection);
  // A connection from before the server's restart, or a cancel that was meant for the call before:
  // once more.
  const bool again = (reused && postgres::IsConnectionLost(status)) ||
                     postgres::SqlState(status) == kCancelled;
  if (again && !job.cancellation->cancelled()) status = RunOnce(job, connection);
  if (job.cancellation->cancelled()) status = absl::CancelledError("the caller is gone");
  status = ForClients(status);
  if (observer_.read) observer_.read(std::chrono::steady_clock::now() - begin, status);
  return status;
}

absl::Status PostgresHistory::RunOnce(const Job& job,
                                      std::unique_ptr<postgres::Connection>* connection) {
  if (job.cancellation->cancelled()) return absl::CancelledError("the caller is gone");
  if (*connection == nullptr || !(*connection)->open()) {
    auto opened = postgres::Connection::Open(options_.connection);
    if (observer_.connection) observer_.connection(opened.status());
    if (!opened.ok()) return opened.status();
    // Pages come in a few shapes: planned once, over all partitions of their interval.
    const absl::Status set = (*opened)->ExecScript("SET plan_cache_mode = force_generic_plan");
    if (!set.ok()) return set;
    *connection = *std::move(opened);
  }
  const postgres::Connection* running = connection->get();
  job.cancellation->Attach([running] { (void)running->Cancel(); });
  const auto begin = std::chrono::steady_clock::now();
  absl::Status status = job.read(**connection);
  const auto took = std::chrono::steady_clock::now() - begin;
  job.cancellation->Detach();
  const auto statement_max = options_.connection.statement_timeout;
  const bool too_slow = postgres::SqlState(status) == kCancelled && took >= statement_max;
  return too_slow ? TooSlow(statement_max) : status;
}

}  // namespace quantstream::query
