#include "tests/unit/query/trade_batches.h"

#include <gtest/gtest.h>

namespace quantstream::query::testing {

v1::Trade TradeOf(const std::string& instrument, uint64_t id) {
  const size_t colon = instrument.find(':');
  v1::Trade trade;
  trade.set_venue(instrument.substr(0, colon));
  trade.set_symbol(instrument.substr(colon + 1));
  trade.set_price_mantissa(100'000 + static_cast<int64_t>(id));
  trade.set_price_scale(2);
  trade.set_quantity_mantissa(5);
  trade.set_venue_time_us(1'700'006'400'000'000 + static_cast<int64_t>(id));
  trade.set_receive_time_us(trade.venue_time_us() + 1'000);
  trade.set_aggressor_side(id % 2 == 0 ? v1::SIDE_BUY : v1::SIDE_SELL);
  trade.set_trade_id(id);
  trade.set_source(v1::TRADE_SOURCE_LIVE);
  return trade;
}

v1::TradeBatch BatchOf(uint64_t sequence, const std::vector<v1::Trade>& trades,
                       const std::string& node, uint64_t session) {
  v1::TradeBatch batch;
  batch.set_node(node);
  batch.set_session(session);
  batch.set_sequence(sequence);
  for (const v1::Trade& trade : trades) *batch.add_trades() = trade;
  return batch;
}

DecodedBatch::DecodedBatch(const v1::TradeBatch& batch) : bytes_(batch.SerializeAsString()) {
  const absl::Status status = DecodeTradeRecord(bytes_, record_);
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace quantstream::query::testing
