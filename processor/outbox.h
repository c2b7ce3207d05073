// The payload of an outbox row: messages for topics `candles` and `dead-letter`, one after the
// other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "market/time.h"

namespace quantstream::processor {

// What could not be used, and why. Of bytes over 64 KiB the first 64 KiB are kept.
struct DeadLetter {
  static constexpr size_t kBytesMax = 64 * 1024;

  std::string reason;       // header `reason`
  Offset offset;            // of its record in topic `trades`
  uint64_t length = 0;      // of the original bytes
  std::string bytes;        // the whole record, or a TradeBatch with the one trade concerned
  std::string sha256 = {};  // of the original bytes, in hexadecimal; empty when `bytes` is they
};

struct OutboxMessage {
  enum Kind : uint8_t { kCandleEvent = 1, kDeadLetter = 2 };
  Kind kind = kCandleEvent;
  std::string candle_event;  // bytes of a quantstream.v1.CandleEvent, below 1 MiB
  DeadLetter dead_letter;
};

void AppendCandleEvent(std::string_view candle_event, std::string& payload);
void AppendDeadLetter(const DeadLetter& letter, std::string& payload);

// Messages in their order. DataLoss when the bytes are not such a payload.
absl::StatusOr<std::vector<OutboxMessage>> UnpackOutbox(std::string_view payload);

}  // namespace quantstream::processor
