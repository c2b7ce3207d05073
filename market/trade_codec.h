// Bytes of a TradeBatch <-> TradeBatch: our own decoder for the hot path, equal to protobuf's on
// every input.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "market/trade.h"

namespace quantstream {

// Decodes ordinary protobuf (quantstream.v1.TradeBatch) into `batch`, whose text points into
// `bytes`. Unknown fields are passed over, the last of a repeated scalar counts, as protobuf does.
// InvalidArgument when protobuf would refuse the bytes (truncated, bad wire type or tag, text that
// is not UTF-8), when a trade's numbers do not fit Trade (scale above 255), and when there are more
// trades or heartbeats than a reader takes. Allocates nothing once `batch` has grown.
absl::Status DecodeTradeBatch(std::string_view bytes, TradeBatch& batch);

// Appends the batch to `out` as ordinary protobuf.
void EncodeTradeBatch(const TradeBatch& batch, std::string& out);

// Bytes that EncodeTradeBatch needs for one trade, for batch limits; never too few.
size_t EncodedSizeMax(const Trade& trade);

}  // namespace quantstream
