#include "query/service/stream_message.h"

#include <google/protobuf/io/coded_stream.h>

#include "market/interval.h"
#include "quantstream/v1/market_data.pb.h"

namespace quantstream::query {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr char kFirstField =
    0x0a;  // field 1, length-delimited: response.candles, and batch.candles

void AppendLength(size_t length, std::string* out) {
  uint8_t buffer[10];
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(length, buffer);
  out->append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}

// response { candles { candles { ... } candles { ... } } }
std::string BatchBytes(const CandlesMessage& batch) {
  size_t size = 0;
  for (const Update& update : batch.candles) {
    const size_t length = update->message.size();
    size += 1 + CodedOutputStream::VarintSize64(length) + length;
  }
  std::string bytes;
  bytes.reserve(size + 11);
  bytes.push_back(kFirstField);
  AppendLength(size, &bytes);
  for (const Update& update : batch.candles) {
    bytes.push_back(kFirstField);
    AppendLength(update->message.size(), &bytes);
    bytes.append(update->message);
  }
  return bytes;
}

}  // namespace

std::string StreamMessageBytes(const StreamMessage& message) {
  if (const auto* batch = std::get_if<CandlesMessage>(&message)) return BatchBytes(*batch);
  v1::StreamCandlesResponse response;
  if (const auto* progress = std::get_if<ProgressMessage>(&message)) {
    auto* out = response.mutable_progress();
    if (progress->watermark) {
      const EventTime second = WindowStart(*progress->watermark, Interval{1});
      out->mutable_watermark()->set_seconds(second.us / kMicrosecondsPerSecond);
      out->mutable_watermark()->set_nanos(
          static_cast<int32_t>(progress->watermark->us - second.us) * 1000);
    }
  } else if (const auto* discontinuity = std::get_if<DiscontinuityMessage>(&message)) {
    response.mutable_discontinuity()->set_reason(discontinuity->reason);
  } else if (const auto* draining = std::get_if<DrainingMessage>(&message)) {
    auto* after = response.mutable_draining()->mutable_reconnect_after();
    after->set_seconds(draining->reconnect_after.count() / 1000);
    after->set_nanos(static_cast<int32_t>(draining->reconnect_after.count() % 1000) * 1'000'000);
  } else {
    response.mutable_snapshot_end();
  }
  return response.SerializeAsString();
}

}  // namespace quantstream::query
