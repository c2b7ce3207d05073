#include "processor/trade_record.h"

#include "absl/strings/str_cat.h"
#include "market/trade_codec.h"

namespace quantstream::processor {

absl::Status DecodeTradeRecord(std::string_view bytes, TradeBatch& batch) {
  batch.Clear();
  if (bytes.size() > kRecordBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("too long: ", bytes.size(), " bytes, at most ", kRecordBytesMax, " are read"));
  }
  if (absl::Status decoded = DecodeTradeBatch(bytes, batch); !decoded.ok()) return decoded;
  // To protobuf, no bytes at all are a batch as well.
  if (!batch.node.empty()) return absl::OkStatus();
  batch.Clear();
  return absl::InvalidArgumentError("node is empty: no ingest node wrote this record");
}

}  // namespace quantstream::processor
