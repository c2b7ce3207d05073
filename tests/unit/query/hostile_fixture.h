// A service that hostile clients are let loose on. After each of them it still answers, and holds
// nothing of theirs.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/query/raw_client.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {

inline constexpr const char* kMethods[] = {
    "ListInstruments", "GetCandles", "GetLatest",        "StreamCandles", "Subscribe",
    "StreamTrades",    "ListGaps",   "GetCandleLineage", "GetServerInfo"};

class HostileTest : public ServiceTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // How a call of this method ends on a request of these bytes; calls that stay open are bounded.
  grpc::Status CallRaw(const std::string& method, const std::string& request) const;
  // The sum of all series of that name.
  double Metric(const std::string& name) const;
  // Live candles that wait for clients, as of the server's last tick.
  int64_t WaitingBytes() const;
  // As the processor: the next second of kA is closed, stored, then published.
  void CloseNext();
  int64_t closed() const { return closed_; }

 private:
  // Asks for candles and follows a stream on a connection of its own.
  void ExpectItAnswers();

  int64_t closed_ = 0;
  int64_t descriptors_ = 0;  // of this process before
};

// A stream of kA whose events are looked at whole.
class EventReader {
 public:
  EventReader(v1::MarketData::Stub* stub, const v1::StreamCandlesRequest& request);
  ~EventReader();

  // False: the stream has ended.
  bool ReadOne();
  // Reads until this candle came, as such or among those that were left out.
  bool ReadUntil(int64_t open_s);
  bool ReadUntilSnapshotEnd();
  grpc::Status Finish();

  const std::set<int64_t>& finals() const { return finals_; }  // open times in seconds
  const std::vector<v1::Skipped>& skipped() const { return skipped_; }
  const std::string& token() const { return token_; }
  bool went_back() const { return went_back_; }  // the version of a candle

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamCandlesResponse>> reader_;
  std::set<int64_t> finals_;
  std::map<int64_t, int64_t> versions_;  // by open time
  std::vector<v1::Skipped> skipped_;
  std::string token_;
  int64_t newest_ = 0;
  bool snapshot_end_ = false;
  bool went_back_ = false;
  bool finished_ = false;
};

// Open file descriptors of a process.
int64_t Descriptors(int pid);

}  // namespace quantstream::query::testing
