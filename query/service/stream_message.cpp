#include "query/service/stream_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>

#include <string>
#include <vector>

#include "quantstream/v1/market_data.pb.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

using google::protobuf::io::CodedOutputStream;

// Length-delimited fields: StreamCandlesResponse.candles and CandleBatch.candles are field 1,
// StreamCandlesResponse.resume_token is field 7, SubscribeResponse.event field 2.
constexpr uint8_t kCandles = 0x0a;
constexpr uint8_t kToken = 0x3a;
constexpr uint8_t kEvent = 0x12;
constexpr size_t kSharedBytesMin = 1024;

size_t FieldSize(size_t length) {
  return length == 0 ? 0 : 1 + CodedOutputStream::VarintSize64(length) + length;
}

// Writes into memory of the size that was computed before.
class Writer {
 public:
  explicit Writer(size_t size)
      : slice_(grpc_slice_malloc(size)), at_(GRPC_SLICE_START_PTR(slice_)) {}

  void Head(uint8_t tag, size_t length) {
    *at_++ = tag;
    at_ = CodedOutputStream::WriteVarint64ToArray(length, at_);
  }
  void Bytes(std::string_view bytes) {
    std::copy(bytes.begin(), bytes.end(), at_);
    at_ += bytes.size();
  }
  void Field(uint8_t tag, std::string_view bytes) {
    if (bytes.empty()) return;
    Head(tag, bytes.size());
    Bytes(bytes);
  }
  grpc::Slice Finish() { return grpc::Slice(slice_, grpc::Slice::STEAL_REF); }

 private:
  grpc_slice slice_;
  uint8_t* at_;
};

// candles { candles {...} candles {...} }: the part of a response that many streams get alike.
size_t CandlesBytes(const CandlesMessage& batch) {
  size_t bytes = 0;
  for (const Update& update : batch.candles) bytes += FieldSize(update->message.size());
  return bytes;
}

void WriteCandles(const CandlesMessage& batch, size_t bytes, Writer* writer) {
  writer->Head(kCandles, bytes);
  for (const Update& update : batch.candles) writer->Field(kCandles, update->message);
}

// Streams that want the same get the same candles one after the other: the newest of each thread
// are kept, and their bytes are shared.
class NewestCandles {
 public:
  const grpc::Slice& Get(const CandlesMessage& batch, size_t bytes) {
    if (batch.candles != candles_) {
      Writer writer(FieldSize(bytes));
      WriteCandles(batch, bytes, &writer);
      slice_ = writer.Finish();
      candles_ = batch.candles;
    }
    return slice_;
  }

 private:
  std::vector<Update> candles_;
  grpc::Slice slice_;
};

// Few bytes are copied faster than they are shared.
grpc::ByteBuffer SmallBatch(const CandlesMessage& batch, size_t candles, std::string_view token,
                            Envelope envelope) {
  const size_t response = FieldSize(candles) + FieldSize(token.size());
  const bool wrapped = envelope == Envelope::kSubscribe;
  Writer writer(wrapped ? FieldSize(response) : response);
  if (wrapped) writer.Head(kEvent, response);
  WriteCandles(batch, candles, &writer);
  writer.Field(kToken, token);
  const grpc::Slice slice = writer.Finish();
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer BatchBytes(const CandlesMessage& batch, std::string_view token,
                            Envelope envelope) {
  const size_t candles = CandlesBytes(batch);
  if (candles < kSharedBytesMin) return SmallBatch(batch, candles, token, envelope);
  thread_local NewestCandles newest;
  const size_t response = FieldSize(candles) + FieldSize(token.size());
  std::vector<grpc::Slice> slices;
  slices.reserve(3);
  if (envelope == Envelope::kSubscribe) {
    Writer head(FieldSize(response) - response);
    head.Head(kEvent, response);
    slices.push_back(head.Finish());
  }
  slices.push_back(newest.Get(batch, candles));
  if (!token.empty()) {
    Writer tail(FieldSize(token.size()));
    tail.Field(kToken, token);
    slices.push_back(tail.Finish());
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

void Fill(const ProgressMessage& progress, v1::StreamCandlesResponse* response) {
  auto* out = response->mutable_progress();
  if (progress.watermark) SetTime(*progress.watermark, out->mutable_watermark());
  out->set_live_feed_trouble(progress.trouble);
}

void Fill(const SkippedMessage& skipped, v1::StreamCandlesResponse* response) {
  auto* out = response->mutable_skipped();
  out->set_count(static_cast<uint64_t>(skipped.count));
  SetTime(skipped.first, out->mutable_first_open_time());
  SetTime(skipped.last, out->mutable_last_open_time());
  const auto add = [&](const std::string& instrument, const std::string& interval,
                       const SkippedRange& range) {
    auto* fetch = out->add_fetch();
    fetch->set_instrument(instrument);
    fetch->set_interval(interval);
    SetTime(range.first, fetch->mutable_start_time());
    SetTime(EventTime{range.last.us + 1}, fetch->mutable_end_time());
  };
  for (const auto& [series, range] : skipped.closed) {
    add(series.instrument, series.interval.ToString(), range);
  }
  for (const auto& [place, range] : skipped.merged) add(place.first, place.second, range);
}

v1::StreamCandlesResponse ResponseOf(const StreamMessage& message) {
  v1::StreamCandlesResponse response;
  if (const auto* progress = std::get_if<ProgressMessage>(&message)) {
    Fill(*progress, &response);
  } else if (const auto* discontinuity = std::get_if<DiscontinuityMessage>(&message)) {
    response.mutable_discontinuity()->set_reason(discontinuity->reason);
  } else if (const auto* skipped = std::get_if<SkippedMessage>(&message)) {
    Fill(*skipped, &response);
  } else if (const auto* draining = std::get_if<DrainingMessage>(&message)) {
    SetDuration(draining->reconnect_after, response.mutable_draining()->mutable_reconnect_after());
  } else {
    response.mutable_snapshot_end();
  }
  return response;
}

grpc::ByteBuffer BytesOf(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

grpc::ByteBuffer StreamMessageBytes(const StreamMessage& message, std::string_view token,
                                    Envelope envelope) {
  if (const auto* batch = std::get_if<CandlesMessage>(&message)) {
    return BatchBytes(*batch, token, envelope);
  }
  if (const auto* notice = std::get_if<NoticeMessage>(&message)) return BytesOf(notice->bytes);
  v1::StreamCandlesResponse response = ResponseOf(message);
  response.set_resume_token(std::string(token));
  if (envelope == Envelope::kStream) return BytesOf(response.SerializeAsString());
  v1::SubscribeResponse wrapped;
  *wrapped.mutable_event() = std::move(response);
  return BytesOf(wrapped.SerializeAsString());
}

}  // namespace quantstream::query
