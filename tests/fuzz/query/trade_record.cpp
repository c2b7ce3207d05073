// A record of topic `trades` of any bytes: what is taken, protobuf takes in the same pieces, and
// what a listener gets of it, its protobuf takes.
#include "query/trade_record.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdlib>

#include "market/trade_codec.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/trade_fanout.h"

namespace {

namespace v1 = quantstream::v1;
using namespace quantstream::query;

struct Listener final : TradeListener {
  void Send() override {}
};

void Must(bool holds) {
  if (!holds) std::abort();
}

void MustBeThePieces(const std::string& bytes, const TradeRecord& record) {
  v1::TradeBatch parsed;
  Must(parsed.ParseFromString(bytes));
  Must(static_cast<size_t>(parsed.trades_size()) == record.messages.size());
  for (int i = 0; i < parsed.trades_size(); ++i) {
    v1::Trade trade;
    Must(trade.ParseFromString(std::string(record.messages[static_cast<size_t>(i)])));
    Must(trade.SerializeAsString() == parsed.trades(i).SerializeAsString());
  }
}

void MustBeHeard(const TradeRecord& record) {
  if (record.batch.trades.empty()) return;
  const quantstream::Trade& first = record.batch.trades.front();
  const std::string name = std::string(first.venue) + ":" + std::string(first.symbol);
  TradeFanout fanout({.queue_bytes_max = 64 << 20, .message_bytes_max = 64 << 20});
  const auto listener = std::make_shared<Listener>();
  fanout.Add(listener, {{name, 0}});
  fanout.OnStarted(0);
  Must(std::holds_alternative<TradesBegun>(*fanout.Take(listener.get())));
  fanout.OnRecord(0, record);
  const auto message = std::get<TradeMessage>(*fanout.Take(listener.get()));
  std::string fields;
  for (const SharedTrades& chunk : message.chunks) fields += chunk->fields;
  v1::StreamTradesResponse response;
  Must(response.ParseFromString(fields));
  Must(response.trades_size() > 0 && message.skipped == 0);
  for (const v1::Trade& trade : response.trades()) {
    Must(trade.venue() + ":" + trade.symbol() == name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silencer;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  TradeRecord record;
  quantstream::TradeBatch batch;
  const bool taken = DecodeTradeRecord(bytes, record).ok();
  Must(taken == DecodeTradeBatch(bytes, batch).ok());
  if (!taken) return 0;
  MustBeThePieces(bytes, record);
  MustBeHeard(record);
  return 0;
}
