// One line of a frame recording: what the venue needs to know of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ingest/simulator/venue_message.h"

namespace quantstream::simulator {

struct RecordedFrame {
  int64_t receive_time_us = 0;
  std::string text{};                 // the frame itself
  std::string stream{};               // "btcusdt@depth@100ms"; empty: an answer to a request
  std::string symbol{};               // "BTCUSDT"; of trades only
  std::optional<VenueTrade> trade{};  // its symbol index is not set
};

// Parses `1723161254087896568 {"stream":"btcusdt@trade","data":{"e":"trade",...}}`.
absl::StatusOr<RecordedFrame> ParseRecordedFrame(std::string_view line);

}  // namespace quantstream::simulator
