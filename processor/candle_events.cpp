#include "processor/candle_events.h"

#include <bit>
#include <cstring>

#include "processor/packing.h"

namespace quantstream::processor {

namespace {

constexpr uint64_t kVarint = 0;
constexpr uint64_t kFixed64 = 1;
constexpr uint64_t kLength = 2;

void Tag(uint64_t field, uint64_t wire_type, std::string& out) {
  Packer(out).Number(field << 3 | wire_type);
}

void Bytes(uint64_t field, std::string_view bytes, std::string& out) {
  Tag(field, kLength, out);
  Packer(out).Text(bytes);
}

void Int64(uint64_t field, int64_t value, std::string& out) {
  if (value == 0) return;
  Tag(field, kVarint, out);
  Packer(out).Number(static_cast<uint64_t>(value));
}

void Fixed64(uint64_t field, int64_t value, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  if (value == 0) return;
  Tag(field, kFixed64, out);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

// CandleEvent{epoch = 1, closed = 2 | open = 3 | progress = 4}.
std::string Event(Epoch epoch, uint64_t field, std::string_view body) {
  std::string event;
  event.reserve(body.size() + 24);
  Int64(1, epoch.value, event);
  Bytes(field, body, event);
  return event;
}

}  // namespace

void ClosedCandlesWriter::Add(const CandleKey& key, const Candle& candle) {
  scratch_.clear();
  EncodeCandle(key, candle, scratch_);
  Bytes(1, scratch_, candles_);
}

std::string ClosedCandlesWriter::Take(bool all) {
  if (candles_.empty() || (!all && candles_.size() < kEventBytesMax)) return {};
  std::string event = Event(epoch_, 2, candles_);
  candles_.clear();
  return event;
}

std::string OpenCandlesEvent(Epoch epoch, std::string_view instrument,
                             const std::vector<OpenCandle>& candles) {
  std::string body, candle_bytes;
  Bytes(1, instrument, body);
  for (const OpenCandle& open : candles) {
    candle_bytes.clear();
    EncodeCandle(open.key, open.candle, candle_bytes);
    Bytes(2, candle_bytes, body);
  }
  return Event(epoch, 3, body);
}

std::string ProgressEvent(Epoch epoch,
                          const std::vector<std::pair<std::string, EventTime>>& closed_until,
                          int64_t next_version) {
  std::string body, venue_bytes;
  for (const auto& [venue, time] : closed_until) {
    venue_bytes.clear();
    Bytes(1, venue, venue_bytes);
    Fixed64(2, time.us, venue_bytes);
    Bytes(1, venue_bytes, body);
  }
  Int64(2, next_version, body);
  return Event(epoch, 4, body);
}

}  // namespace quantstream::processor
