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

void CandleStream::Pump() {
  std::unique_lock lock(mutex_);
  if (finished_) return;
  if (!ended_ && subscription_ && subscription_->overflowed()) {
    parts_->metrics->ClientTooSlow();
    EndLocked(Exhausted("SLOW_CLIENT", "the client reads more slowly than candles come"));
  }
  if (writing_) {
    // A client that does not even take the last message is cut off. The context is there as long as
    // a write is not done.
    if (ended_ && Clock::now() >= ended_at_ + parts_->limits.end_wait_max) context_->TryCancel();
    return;
  }
  if (ended_) {
    finished_ = true;
    lock.unlock();
    parts_->metrics->CallEnded("StreamCandles", end_status_.code());
    return Finish(ToGrpc(end_status_));
  }
  const auto message = NextLocked();
  lock.unlock();
  if (!message) return;
  const grpc::Slice slice(StreamMessageBytes(*message));
  buffer_ = grpc::ByteBuffer(&slice, 1);
  StartWrite(&buffer_);
}

std::optional<StreamMessage> CandleStream::NextLocked() {
  if (!subscription_) return std::nullopt;
  auto message = subscription_->Take(Clock::now());
  if (!message) {
    ReleaseSnapshotLocked();
    return std::nullopt;
  }
  writing_ = true;
  const auto* batch = std::get_if<CandlesMessage>(&*message);
  parts_->metrics->MessageSent(batch == nullptr ? 0 : static_cast<int64_t>(batch->candles.size()));
  parts_->metrics->CandlesConflated(subscription_->conflated() - conflated_);
  conflated_ = subscription_->conflated();
  return message;
}

void CandleStream::OnWriteDone(bool ok) {
  const auto self = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) EndLocked(absl::CancelledError("the client is gone"));
  }
  Pump();
}

void CandleStream::OnCancel() {
  const auto self = shared_from_this();
  StopWork();
  End(absl::CancelledError("the client is gone"));
}

void CandleStream::Drain() {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (subscription_) {
      subscription_->OnDraining(parts_->limits.reconnect_after);
    } else {
      EndLocked(ShuttingDown(parts_->limits.reconnect_after));
    }
  }
  Pump();
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
