// Numbers that must not mix: venue time, Kafka offsets, owner epochs, versions. Not a clock.
#pragma once

#include <compare>
#include <cstdint>

namespace quantstream {

// A moment: microseconds since the Unix epoch.
struct EventTime {
  int64_t us = 0;
  auto operator<=>(const EventTime&) const = default;
};

inline constexpr int64_t kMicrosecondsPerSecond = 1'000'000;

// The last moment of the year 9999: no trade is later, so that a window's end and a moment's text
// (ISO 8601, google.protobuf.Timestamp) always exist.
inline constexpr EventTime kTimeMax{253'402'300'799'999'999};

// Offset of a record in one partition of topic `trades`.
struct Offset {
  int64_t value = 0;
  auto operator<=>(const Offset&) const = default;
};

// Who owns a partition: grows by one with each take-over.
struct Epoch {
  int64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

// Where a trade stands in its partition: the record, and its index within the record.
struct Place {
  Offset offset;
  uint32_t index = 0;
  auto operator<=>(const Place&) const = default;
};

// Newest input record a candle reflects: generation x 2^48 + offset. REQUIRES: 0 <= offset < 2^48.
inline constexpr int64_t VersionOf(int64_t generation, Offset offset) {
  return (generation << 48) + offset.value;
}
inline constexpr Offset OffsetOf(int64_t version) {
  return Offset{version & ((int64_t{1} << 48) - 1)};
}
inline constexpr int64_t GenerationOf(int64_t version) {
  return version >> 48;
}

}  // namespace quantstream
