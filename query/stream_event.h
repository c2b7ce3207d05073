// The events of a stream, before they are bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

struct CandlesMessage {
  std::vector<Update> candles;
};
struct SnapshotEndMessage {};
struct ProgressMessage {
  std::optional<EventTime> watermark;
  std::string trouble;  // of the live feed; empty: none
};
struct DiscontinuityMessage {
  std::string reason;
};

// Closed candles that were left out of one series.
struct SkippedRange {
  int64_t count = 0;
  EventTime first;  // open_time
  EventTime last;
};
struct SkippedMessage {
  int64_t count = 0;  // states, of open candles, too
  EventTime first;    // open_time
  EventTime last;
  std::map<Series, SkippedRange> closed;
  // Of merged intervals: by instrument and the interval's text.
  std::map<std::pair<std::string, std::string>, SkippedRange> merged;
};

struct DrainingMessage {
  std::chrono::milliseconds reconnect_after{0};
};
// Answers to a request on the stream: serialised, not looked into here.
struct NoticeMessage {
  std::string bytes;
};
using StreamMessage =
    std::variant<CandlesMessage, SnapshotEndMessage, ProgressMessage, DiscontinuityMessage,
                 SkippedMessage, DrainingMessage, NoticeMessage>;

}  // namespace quantstream::query
