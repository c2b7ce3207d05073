#include "query/service/stream.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/slice.h>

#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/errors.h"
#include "query/service/stream_message.h"

namespace quantstream::query {
namespace {

absl::StatusOr<StreamQuery> Parse(const grpc::ByteBuffer& bytes, const RequestLimits& limits) {
  std::vector<grpc::Slice> slices;
  std::string joined;
  if (!bytes.Dump(&slices).ok()) return absl::InternalError("the request cannot be read");
  for (const grpc::Slice& slice : slices) {
    joined.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  v1::StreamCandlesRequest request;
  if (!request.ParseFromString(joined)) {
    return InvalidRequest({{"", "is not a quantstream.v1.StreamCandlesRequest"}});
  }
  return Check(request, limits);
}

}  // namespace

std::shared_ptr<CandleStream> CandleStream::Start(ServiceParts* parts,
                                                  grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer& request,
                                                  std::function<void(CandleStream*)> on_done) {
  auto stream = std::make_shared<CandleStream>(parts, context, std::move(on_done));
  stream->self_ = stream;
  parts->metrics->StreamOpened();
  const bool room = ++parts->streams <= parts->limits.streams_max;
  auto query = Parse(request, parts->limits.request);
  if (parts->draining) {
    stream->End(ShuttingDown(parts->limits.reconnect_after));
  } else if (!query.ok()) {
    stream->End(query.status());
  } else if (!room) {
    stream->End(Exhausted("STREAMS_MAX", "too many streams are open on this server"));
  } else if (!parts->live) {
    stream->End(WithRetryAfter(absl::UnavailableError("the live candles are not read yet"),
                               parts->limits.reconnect_after));
  } else {
    stream->Begin(*std::move(query));
  }
  return stream;
}

CandleStream::CandleStream(ServiceParts* parts, grpc::CallbackServerContext* context,
                           std::function<void(CandleStream*)> on_done)
    : SplicedCall(parts), context_(context), on_done_(std::move(on_done)) {}

CandleStream::~CandleStream() = default;

void CandleStream::PumpLocked() {
  if (finished_) return;
  if (!ended_ && subscription_ && subscription_->overflowed()) {
    parts_->metrics->ClientTooSlow();
    return FailLocked(Exhausted("SLOW_CLIENT", "the client reads more slowly than candles come"));
  }
  if (writing_) {
    // A client that does not even take the last message is cut off.
    if (ended_ && Clock::now() >= end_by_) context_->TryCancel();
    return;
  }
  if (ended_) return FinishLocked();
  if (!subscription_) return;
  const auto message = subscription_->Take(Clock::now());
  if (message) return WriteLocked(*message);
  ReleaseSnapshotLocked();
}

void CandleStream::WriteLocked(const StreamMessage& message) {
  const auto* batch = std::get_if<CandlesMessage>(&message);
  parts_->metrics->MessageSent(batch == nullptr ? 0 : static_cast<int64_t>(batch->candles.size()));
  parts_->metrics->CandlesConflated(subscription_->conflated() - conflated_);
  conflated_ = subscription_->conflated();
  const std::string bytes = StreamMessageBytes(message);
  const grpc::Slice slice(bytes);
  buffer_ = grpc::ByteBuffer(&slice, 1);
  writing_ = true;
  StartWrite(&buffer_);
}

void CandleStream::FailLocked(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  end_status_ = status;
  end_by_ = Clock::now() + parts_->limits.end_wait_max;
  subscription_.reset();
  ReleaseSnapshotLocked();
  if (!writing_) FinishLocked();
}

void CandleStream::FinishLocked() {
  if (std::exchange(finished_, true)) return;
  parts_->metrics->CallEnded("StreamCandles", end_status_.code());
  Finish(ToGrpc(end_status_));
}

void CandleStream::OnWriteDone(bool ok) {
  const auto self = shared_from_this();
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) FailLocked(absl::CancelledError("the client is gone"));
  PumpLocked();
}

void CandleStream::OnCancel() {
  const auto self = shared_from_this();
  StopWork();
  std::lock_guard lock(mutex_);
  FailLocked(absl::CancelledError("the client is gone"));
}

void CandleStream::Drain() {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  if (!subscription_) return FailLocked(ShuttingDown(parts_->limits.reconnect_after));
  subscription_->OnDraining(parts_->limits.reconnect_after);
  PumpLocked();
}

void CandleStream::End(const absl::Status& status) {
  const auto self = shared_from_this();
  std::lock_guard lock(mutex_);
  FailLocked(status);
}

void CandleStream::OnDone() {
  StopWork();
  Unregister();
  parts_->metrics->StreamClosed();
  --parts_->streams;
  on_done_(this);
  const auto last = std::exchange(self_, nullptr);
}

}  // namespace quantstream::query
