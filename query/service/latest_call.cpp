#include "query/service/latest_call.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/errors.h"

namespace quantstream::query {

grpc::ServerUnaryReactor* LatestCall::Start(ServiceParts* parts,
                                            const v1::GetLatestRequest& request,
                                            v1::GetLatestResponse* response) {
  auto call = std::make_shared<LatestCall>(parts, response);
  call->self_ = call;
  auto query = Check(request, parts->limits.request);
  if (parts->draining) {
    call->Fail(ShuttingDown(parts->limits.reconnect_after));
  } else if (!query.ok()) {
    call->Fail(query.status());
  } else if (!parts->live) {
    call->Fail(WithRetryAfter(absl::UnavailableError("the live candles are not read yet"),
                              parts->limits.reconnect_after));
  } else {
    call->Begin(*std::move(query));
  }
  return call.get();
}

LatestCall::LatestCall(ServiceParts* parts, v1::GetLatestResponse* response)
    : SplicedCall(parts), response_(response) {}

void LatestCall::PumpLocked() {
  if (!ended_ && subscription_ && subscription_->overflowed()) {
    return FailLocked(absl::UnavailableError("the store does not answer as fast as candles come"));
  }
  while (!ended_ && subscription_) {
    const auto message = subscription_->Take(Clock::now());
    if (!message) return;
    if (const auto* batch = std::get_if<CandlesMessage>(&*message)) {
      for (const Update& update : batch->candles) {
        Update& newest = newest_[SeriesOf(update->key)];
        if (!newest || newest->key.open_time <= update->key.open_time) newest = update;
      }
    } else if (std::holds_alternative<SnapshotEndMessage>(*message)) {
      AnswerLocked();
    }
  }
}

void LatestCall::AnswerLocked() {
  for (const StreamSeries& wanted : series_) {
    const auto newest = newest_.find(wanted.series);
    if (newest != newest_.end()) response_->add_candles()->ParseFromString(newest->second->message);
  }
  FailLocked(absl::OkStatus());
}

void LatestCall::FailLocked(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  ReleaseSnapshotLocked();
  parts_->metrics->CallEnded("GetLatest", status.code());
  Finish(ToGrpc(status));
}

void LatestCall::Fail(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  FailLocked(status);
}

void LatestCall::OnCancel() {
  const auto self = shared_from_this();
  StopWork();
  Fail(absl::CancelledError("the client is gone"));
}

void LatestCall::OnDone() {
  StopWork();
  Unregister();
  const auto last = std::exchange(self_, nullptr);
}

}  // namespace quantstream::query
