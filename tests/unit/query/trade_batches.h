// Records of topic `trades`, made by protobuf's own code.
#pragma once

#include <string>
#include <vector>

#include "quantstream/v1/trade.pb.h"
#include "query/trade_record.h"

namespace quantstream::query::testing {

// A trade of `venue:symbol`; what else is in it follows from the id.
v1::Trade TradeOf(const std::string& instrument, uint64_t id);

// The record `sequence` of one node's session.
v1::TradeBatch BatchOf(uint64_t sequence, const std::vector<v1::Trade>& trades,
                       const std::string& node = "node-1", uint64_t session = 7);

// Decoded; holds the bytes that the record points into.
class DecodedBatch {
 public:
  explicit DecodedBatch(const v1::TradeBatch& batch);
  DecodedBatch(const DecodedBatch&) = delete;
  const TradeRecord& record() const { return record_; }

 private:
  std::string bytes_;
  TradeRecord record_;
};

}  // namespace quantstream::query::testing
