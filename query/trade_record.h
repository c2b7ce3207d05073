// Bytes of a record of topic `trades` (quantstream.v1.TradeBatch) -> its trades, each beside the
// very bytes that stand for it in the record: clients get these. Topics hold what somebody wrote:
// every field is checked.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "market/trade.h"

namespace quantstream::query {

// All views point into the record's bytes.
struct TradeRecord {
  TradeBatch batch;
  std::vector<std::string_view> messages;  // a quantstream.v1.Trade for each of batch.trades
};

// INVALID_ARGUMENT, as DecodeTradeBatch; every message is then of no use. Allocates nothing once
// `record` has grown.
absl::Status DecodeTradeRecord(std::string_view bytes, TradeRecord& record);

}  // namespace quantstream::query
