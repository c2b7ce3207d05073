// StreamTrades as a client has it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "quantstream/v1/market_data.grpc.pb.h"

namespace quantstream::query::testing {

class TradeClient {
 public:
  TradeClient(v1::MarketData::Stub* stub, const std::vector<std::string>& instruments,
              std::chrono::seconds deadline = std::chrono::seconds(60));
  ~TradeClient();

  // Until the server says that the trades are being read.
  void WaitUntilItBegins() { reader_->WaitForInitialMetadata(); }
  // The next ones as words: "AAA-USD 17", "skipped 3". Stops early when the stream ends.
  std::vector<std::string> Next(size_t words);
  // Reads to the end, and how it ended.
  grpc::Status Finish();
  void Cancel() { context_.TryCancel(); }

  const v1::Trade& last() const { return last_; }
  int messages() const { return messages_; }

 private:
  bool ReadOne();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamTradesResponse>> reader_;
  std::vector<std::string> words_;
  v1::Trade last_;
  int messages_ = 0;
  bool finished_ = false;
};

}  // namespace quantstream::query::testing
