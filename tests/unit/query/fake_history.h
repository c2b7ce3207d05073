// A store in memory that answers late, lags and fails where it is told to.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "query/io.h"

namespace quantstream::query::testing {

class FakeHistory final : public History {
 public:
  FakeHistory();
  ~FakeHistory() override;

  void AddInstrument(const std::string& name, int32_t partition);
  // One commit: rows, and where the partition stands after it.
  void Commit(const std::vector<Update>& rows, int64_t next_version);

  // Reads are begun, and see the store as of then, but their answers wait.
  void Hold();
  void Release();
  // Hold, for the names of instruments too. Waits until they are asked for.
  void HoldNames();
  bool WaitForNames();
  // Waits until so many snapshots were begun since the start.
  bool WaitForSnapshots(int count);
  int snapshots_begun();
  // Runs once, when the next one is asked for, in the thread that asks.
  void AtNextSnapshot(std::function<void()> hook);

  // Snapshots see no commit that is made from now on.
  void Freeze();
  void Thaw();
  // One read holds no more closed candles than this; of a piece, each series some of them.
  void HoldsAtMost(int64_t candles);
  // All reads from now on fail; OK: no more.
  void Fail(absl::Status status);

  void ReadSnapshot(SnapshotRequest request, std::shared_ptr<Cancellation> cancellation,
                    Callback<Snapshot> callback) override;
  void ReadPage(PageRequest request, std::shared_ptr<Cancellation> cancellation,
                Callback<Page> callback) override;
  void ReadInstruments(std::shared_ptr<Cancellation> cancellation,
                       Callback<std::vector<Instrument>> callback) override;
  // The gaps that were set: those after `request.after` and, of an instrument, its own.
  void ReadGaps(GapsRequest request, std::shared_ptr<Cancellation> cancellation,
                Callback<std::vector<Gap>> callback) override;
  void ReadLineage(LineageRequest request, std::shared_ptr<Cancellation> cancellation,
                   Callback<StoredLineage> callback) override;
  void SetGaps(std::vector<Gap> gaps);
  void SetLineage(StoredLineage lineage);
  // The last request of each kind.
  GapsRequest gaps_request();
  LineageRequest lineage_request();

 private:
  struct Content {
    std::map<CandleKey, Update> rows;
    std::map<int32_t, int64_t> next_version;
  };

  const Content& VisibleLocked() const { return frozen_ ? *frozen_ : content_; }
  void Loop();
  // With the lock held: `result`, or the failure that was set, once the answer is let go.
  template <typename T>
  void AnswerLocked(Callback<T> callback, T result);

  std::mutex mutex_;
  std::condition_variable changed_;
  Content content_;
  std::unique_ptr<Content> frozen_;
  std::vector<Instrument> instruments_;
  std::vector<Gap> gaps_;
  StoredLineage lineage_;
  GapsRequest gaps_request_;
  LineageRequest lineage_request_;
  absl::Status failure_;
  int64_t candles_max_ = 1'000'000;
  std::function<void()> at_next_snapshot_;
  int snapshots_begun_ = 0;
  bool held_ = false;
  bool names_held_ = false;
  bool ended_ = false;
  std::deque<std::function<void()>> answers_;         // may be held
  std::deque<std::function<void()>> prompt_answers_;  // never
  std::thread thread_;
};

}  // namespace quantstream::query::testing
