// Subscribe as a client has it, in words.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {

inline v1::SubscriptionItem Item(const std::string& instrument,
                                 const std::string& interval = "1s", int32_t min_update_ms = 0) {
  v1::SubscriptionItem item;
  item.set_instrument(instrument);
  item.set_interval(interval);
  item.set_min_update_ms(min_update_ms);
  return item;
}

inline v1::SubscribeRequest Adding(const std::vector<v1::SubscriptionItem>& items,
                                   int32_t last = 100) {
  v1::SubscribeRequest request;
  for (const auto& item : items) *request.add_add() = item;
  request.set_last(last);
  return request;
}

inline v1::SubscribeRequest Removing(const std::vector<v1::SubscriptionItem>& items) {
  v1::SubscribeRequest request;
  for (const auto& item : items) *request.add_remove() = item;
  return request;
}

// A Subscribe stream as a client has it.
class SubscribeClient {
 public:
  explicit SubscribeClient(v1::MarketData::Stub* stub) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = stub->Subscribe(&context_);
  }
  ~SubscribeClient() {
    if (finished_) return;
    context_.TryCancel();
    Finish();
  }

  void Send(const v1::SubscribeRequest& request) { ASSERT_TRUE(stream_->Write(request)); }

  void SayAll() { ASSERT_TRUE(stream_->WritesDone()); }

  // The next events as words: statuses as "AAA-USD 1s ok" or "AAA-USD 1s 5", else as StreamClient.
  std::vector<std::string> Next(size_t words) {
    while (words_.size() < words && ReadOne()) {
    }
    const size_t taken = std::min(words, words_.size());
    std::vector<std::string> next(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(taken));
    words_.erase(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(taken));
    return next;
  }
  // Reads until a message carries a token.
  std::string NextToken() {
    token_.clear();
    while (token_.empty() && ReadOne()) {
    }
    return token_;
  }
  grpc::Status Finish() {
    while (ReadOne()) {
    }
    finished_ = true;
    return stream_->Finish();
  }
  const std::vector<v1::SubscriptionStatus>& statuses() const { return statuses_; }

 private:
  bool ReadOne() {
    v1::SubscribeResponse response;
    if (!stream_->Read(&response)) return false;
    for (const auto& status : response.statuses()) {
      statuses_.push_back(status);
      const std::string& name = status.item().instrument();
      words_.push_back(name.substr(name.find(':') + 1) + " " + status.item().interval() + " " +
                       (status.code() == 0 ? "ok" : std::to_string(status.code())));
    }
    const v1::StreamCandlesResponse& event = response.event();
    for (const v1::Candle& candle : event.candles().candles()) {
      const std::string& name = candle.instrument();
      words_.push_back(name.substr(name.find(':') + 1) + " " +
                       std::to_string(candle.open_time().seconds()) + " v" +
                       std::to_string(candle.version()) + " " +
                       v1::CandleState_Name(candle.state()).substr(13));
    }
    if (event.has_snapshot_end()) words_.push_back("end");
    if (event.has_discontinuity()) words_.push_back("discontinuity");
    if (event.has_draining()) words_.push_back("draining");
    if (!event.resume_token().empty()) token_ = event.resume_token();
    return true;
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SubscribeRequest, v1::SubscribeResponse>> stream_;
  std::vector<std::string> words_;
  std::vector<v1::SubscriptionStatus> statuses_;
  std::string token_;
  bool finished_ = false;
};

}  // namespace quantstream::query::testing
