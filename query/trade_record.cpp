#include "query/trade_record.h"

#include "market/trade_codec.h"
#include "market/wire.h"

namespace quantstream::query {
namespace {

constexpr uint32_t kTradesTag = wire::Tag(4, wire::kBytes);  // TradeBatch.trades

bool CollectTrades(std::string_view bytes, std::vector<std::string_view>& messages) {
  wire::Reader reader(bytes);
  while (!reader.AtEnd()) {
    uint32_t tag = 0;
    if (!reader.ReadTag(tag)) return false;
    const bool trade = tag == kTradesTag;
    if (trade ? !reader.ReadBytes(messages.emplace_back()) : !reader.Skip(tag, 0)) return false;
  }
  return true;
}

}  // namespace

absl::Status DecodeTradeRecord(std::string_view bytes, TradeRecord& record) {
  record.messages.clear();
  if (absl::Status status = DecodeTradeBatch(bytes, record.batch); !status.ok()) return status;
  if (CollectTrades(bytes, record.messages) &&
      record.messages.size() == record.batch.trades.size()) {
    return absl::OkStatus();
  }
  record.messages.clear();
  return absl::InvalidArgumentError("not a TradeBatch: its trades cannot be told apart");
}

}  // namespace quantstream::query
