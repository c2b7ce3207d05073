#include "tests/unit/query/trade_client.h"

#include <algorithm>

namespace quantstream::query::testing {

TradeClient::TradeClient(v1::MarketData::Stub* stub, const std::vector<std::string>& instruments,
                         std::chrono::seconds deadline) {
  v1::StreamTradesRequest request;
  for (const std::string& instrument : instruments) request.add_instruments(instrument);
  context_.set_deadline(std::chrono::system_clock::now() + deadline);
  reader_ = stub->StreamTrades(&context_, request);
}

TradeClient::~TradeClient() {
  if (finished_) return;
  context_.TryCancel();
  Finish();
}

bool TradeClient::ReadOne() {
  v1::StreamTradesResponse response;
  if (!reader_->Read(&response)) return false;
  ++messages_;
  if (response.skipped() > 0) words_.push_back("skipped " + std::to_string(response.skipped()));
  for (const v1::Trade& trade : response.trades()) {
    words_.push_back(trade.symbol() + " " + std::to_string(trade.trade_id()));
    last_ = trade;
  }
  return true;
}

std::vector<std::string> TradeClient::Next(size_t words) {
  while (words_.size() < words && ReadOne()) {
  }
  const auto taken = static_cast<ptrdiff_t>(std::min(words, words_.size()));
  std::vector<std::string> next(words_.begin(), words_.begin() + taken);
  words_.erase(words_.begin(), words_.begin() + taken);
  return next;
}

grpc::Status TradeClient::Finish() {
  while (ReadOne()) {
  }
  finished_ = true;
  return reader_->Finish();
}

}  // namespace quantstream::query::testing
