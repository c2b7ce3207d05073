#include "query/event_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "market/candle_codec.h"
#include "quantstream/v1/candle_event.pb.h"
#include "query/candle_message.h"

namespace quantstream::query {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("CandleEvent: ", std::string(what)));
}

// Calls `field(number, bytes)` for each length-delimited field and `number(number, value)` for each
// varint; the candles stay bytes, for the codec that the processor writes them with.
template <typename OnBytes, typename OnNumber>
absl::Status Walk(std::string_view message, OnBytes on_bytes, OnNumber on_number) {
  const auto* data = reinterpret_cast<const uint8_t*>(message.data());
  CodedInputStream in(data, static_cast<int>(message.size()));
  while (const uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const auto type = WireFormatLite::GetTagWireType(tag);
    if (type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      uint32_t size = 0;
      if (!in.ReadVarint32(&size)) return Malformed("a length is cut off");
      const auto at = static_cast<size_t>(in.CurrentPosition());
      if (size > message.size() - at) return Malformed("a field is longer than its message");
      if (absl::Status status = on_bytes(number, message.substr(at, size)); !status.ok()) {
        return status;
      }
      in.Skip(static_cast<int>(size));
    } else if (type == WireFormatLite::WIRETYPE_VARINT) {
      uint64_t value = 0;
      if (!in.ReadVarint64(&value)) return Malformed("a number is cut off");
      on_number(number, value);
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return Malformed("a field is malformed");
    }
  }
  const bool whole = static_cast<size_t>(in.CurrentPosition()) == message.size();
  return whole ? absl::OkStatus() : Malformed("a field is malformed");
}

absl::Status Walk(std::string_view message,
                  const std::function<absl::Status(int, std::string_view)>& on_bytes) {
  return Walk(message, on_bytes, [](int, uint64_t) {});
}

absl::Status AppendCandle(std::string_view bytes, int32_t partition, bool closed,
                          std::vector<Update>* candles) {
  const auto candle = DecodeCandle(bytes);
  if (!candle.ok()) return candle.status();
  if ((candle->candle.state != CandleState::kPartial) != closed) {
    return Malformed(closed ? "closed: a candle is PARTIAL" : "open: a candle is not PARTIAL");
  }
  candles->push_back(MakeUpdate(*candle, partition, std::string(bytes)));
  return absl::OkStatus();
}

absl::StatusOr<ClosedEvent> DecodeClosed(int32_t partition, std::string_view bytes) {
  ClosedEvent closed;
  absl::Status status = Walk(bytes, [&](int number, std::string_view field) {
    return number == 1 ? AppendCandle(field, partition, true, &closed.candles) : absl::OkStatus();
  });
  if (!status.ok()) return status;
  return closed;
}

absl::StatusOr<OpenEvent> DecodeOpen(int32_t partition, std::string_view bytes) {
  OpenEvent open;
  absl::Status status = Walk(bytes, [&](int number, std::string_view field) {
    if (number == 1) open.instrument = std::string(field);
    return number == 2 ? AppendCandle(field, partition, false, &open.candles) : absl::OkStatus();
  });
  if (!status.ok()) return status;
  for (const Update& update : open.candles) {
    if (update->key.instrument != open.instrument) {
      return Malformed("open: a candle is of another instrument");
    }
  }
  return open;
}

absl::StatusOr<ProgressEvent> DecodeProgress(std::string_view bytes) {
  v1::Progress message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("progress is malformed");
  }
  if (message.next_version() < 0) return Malformed("progress.next_version is negative");
  ProgressEvent progress;
  progress.next_version = message.next_version();
  for (const v1::VenueProgress& venue : message.venues()) {
    progress.venues.push_back({venue.venue(), EventTime{venue.closed_until_us()}});
  }
  return progress;
}

template <typename T>
absl::Status Keep(absl::StatusOr<T> body, TailEvent* event) {
  if (!body.ok()) return body.status();
  event->body = *std::move(body);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TailEvent> DecodeEvent(int32_t partition, std::string_view record) {
  TailEvent event;
  event.partition = partition;
  bool known = false;
  absl::Status status = Walk(
      record,
      [&](int number, std::string_view bytes) {
        known |= number >= 2 && number <= 4;
        if (number == 2) return Keep(DecodeClosed(partition, bytes), &event);
        if (number == 3) return Keep(DecodeOpen(partition, bytes), &event);
        if (number == 4) return Keep(DecodeProgress(bytes), &event);
        return absl::OkStatus();
      },
      [&](int number, uint64_t value) {
        if (number == 1) event.epoch = static_cast<int64_t>(value);
      });
  if (!status.ok()) return status;
  if (!known) return absl::UnimplementedError("CandleEvent: no event that this version knows");
  return event;
}

}  // namespace quantstream::query
