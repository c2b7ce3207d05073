// The whole service on a free port, with a store and a live side that tests move by hand, and real
// gRPC clients.
#pragma once

#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "quantstream/v1/market_data.grpc.pb.h"
#include "query/fanout.h"
#include "query/metrics.h"
#include "query/server.h"
#include "query/trade_fanout.h"
#include "tests/unit/query/fake_history.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {

inline constexpr char kA[] = "venue:AAA-USD";
inline constexpr char kB[] = "venue:BBB-USD";

// A stream as a client has it.
class StreamClient {
 public:
  StreamClient(v1::MarketData::Stub* stub, const v1::StreamCandlesRequest& request,
               std::chrono::seconds deadline = std::chrono::seconds(30));
  ~StreamClient();

  // The next events as words: "AAA-USD 10 v5 FINAL", "end", "discontinuity", "draining"; Progress
  // is passed over. Stops early when the stream ends.
  std::vector<std::string> Next(size_t words);
  // Reads to the end, and how it ended.
  grpc::Status Finish();
  void Cancel() { context_.TryCancel(); }
  std::optional<int64_t> watermark_s() const { return watermark_s_; }
  // Reads until a message carries a token; what else comes is kept for Next.
  std::string NextToken();
  // Reads until a Progress with a watermark comes.
  bool WaitForWatermark();

 private:
  bool ReadOne();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamCandlesResponse>> reader_;
  std::vector<std::string> words_;
  std::optional<int64_t> watermark_s_;
  std::string token_;
  bool finished_ = false;
};

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  virtual void Adjust(ServerOptions*) {}
  // Again, with other options.
  void StartServer();

  std::unique_ptr<v1::MarketData::Stub> Connect();
  v1::StreamCandlesRequest StreamOf(const std::string& instrument, int32_t last = 100) const;
  // Waits until so many streams listen to the live side.
  bool WaitForSubscribers(int64_t count);

  Recent recent_;
  FakeHistory history_;
  Fanout fanout_{{.progress_interval = std::chrono::milliseconds(20)}};
  TradeFanout trades_;
  Metrics metrics_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::MarketData::Stub> stub_;
};

// The detail of this type in an error, if it has one.
template <typename Detail>
std::optional<Detail> DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : details.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

}  // namespace quantstream::query::testing
