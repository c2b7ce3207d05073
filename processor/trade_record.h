// A record of topic `trades` as the fold may take it, or why not. The same answer wherever a record
// is read: when it is folded, recovered or read again.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "market/trade.h"

namespace quantstream::processor {

// What a record holds at most; ingest writes 64 KiB. The broker's limit is one of compressed bytes.
inline constexpr size_t kRecordBytesMax = 1 << 20;

// Decodes `bytes` into `batch`, whose text points into them. InvalidArgument: a bad record, to
// topic `dead-letter` with the message as its reason.
absl::Status DecodeTradeRecord(std::string_view bytes, TradeBatch& batch);

}  // namespace quantstream::processor
