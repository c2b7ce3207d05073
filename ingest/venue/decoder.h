// What a frame says: trades, an answer to a request of ours, a notice, nothing for us, or nothing
// at all that is legal.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "market/time.h"
#include "market/trade.h"

namespace quantstream::ingest {

enum class FrameKind : uint8_t {
  kTrades,          // `trades` holds them
  kIgnored,         // legal, but of a stream that nobody asked for
  kAcknowledged,    // the request `request_id` was accepted
  kRequestRefused,  // the request `request_id` (0 = the venue does not say which) was refused,
                    // `reason` says why
  kShutdownNotice,  // the venue is going to close this connection soon
  kBad,             // refused: `reason` is the metric's label
};

// Text points into the decoder; all is valid until its next Decode.
struct DecodedFrame {
  FrameKind kind = FrameKind::kIgnored;
  std::vector<Trade> trades;
  uint64_t request_id = 0;
  std::string_view reason;
};

// Reasons for kBad that are not a Refusal of market/trade.h.
inline constexpr std::string_view kMalformed = "malformed";
inline constexpr std::string_view kTruncated = "truncated";
inline constexpr std::string_view kOversized = "oversized";
inline constexpr std::string_view kBinary = "binary";
inline constexpr std::string_view kNotUtf8 = "not_utf8";
inline constexpr std::string_view kWrongType = "wrong_type";
inline constexpr std::string_view kMissingField = "missing_field";

// Makes trades of frames. Has no I/O and never throws; of hostile bytes it says kBad. One id, one
// content: what it makes of a trade depends on the frame alone.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Trades come without receive_time and source, which the caller knows.
  virtual const DecodedFrame& Decode(std::string_view frame) = 0;
};

}  // namespace quantstream::ingest
