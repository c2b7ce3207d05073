#include "query/service/latest_call.h"

#include <grpcpp/server_context.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/service/errors.h"
#include "query/service/unary_call.h"

namespace quantstream::query {
namespace {

std::pair<std::string, std::string> PlaceOf(const v1::Candle& candle) {
  const std::string zone = candle.time_zone().empty() ? "" : "@" + candle.time_zone();
  const Interval interval{static_cast<int32_t>(candle.interval().seconds())};
  return {candle.instrument(), interval.ToString() + zone};
}

int64_t OpenTimeOf(const v1::Candle& candle) {
  return candle.open_time().seconds();
}

}  // namespace

grpc::ServerUnaryReactor* LatestCall::Start(ServiceParts* parts,
                                            grpc::CallbackServerContext* context,
                                            const v1::GetLatestRequest& request,
                                            v1::GetLatestResponse* response) {
  auto call = std::make_shared<LatestCall>(parts, context, response);
  call->self_ = call;
  auto query = Check(request, parts->limits.request);
  if (parts->draining) {
    call->End(ShuttingDown(parts->limits.reconnect_after));
  } else if (!query.ok()) {
    call->End(query.status());
  } else if (!parts->live) {
    call->End(WithRetryAfter(absl::UnavailableError("the live candles are not read yet"),
                             parts->limits.reconnect_after));
  } else {
    call->Begin(*std::move(query));
  }
  return call.get();
}

LatestCall::LatestCall(ServiceParts* parts, grpc::CallbackServerContext* context,
                       v1::GetLatestResponse* response)
    : SplicedCall(parts), context_(context), response_(response) {}

void LatestCall::Begin(StreamQuery query) {
  Open({});
  parts_->instruments.Resolve(
      query.instruments, [](size_t i) { return absl::StrCat("instruments[", i, "]"); },
      [this, self = shared_from_this(), query](Resolved instruments) {
        OnResolved(query, std::move(instruments));
      });
}

void LatestCall::OnResolved(const StreamQuery& query, Resolved instruments) {
  if (!instruments.ok()) return End(instruments.status());
  LegSpec like{.stream = {.series = {},
                          .start_time = {},
                          .last = query.history.last,
                          .closed_only = false,
                          .resume = {}}};
  {
    std::lock_guard lock(mutex_);
    std::set<Place> seen;
    for (const Instrument& instrument : *instruments) {
      for (const WindowGrid& grid : query.grids) {
        Place place{instrument.name, grid.ToString()};
        if (seen.insert(place).second) places_.push_back(std::move(place));
      }
    }
  }
  AddLegs(LegsOfAll(*instruments, query.grids, like));
}

void LatestCall::Pump() {
  std::unique_lock lock(mutex_);
  if (!ended_) TakeLocked();
  if (!ended_ || std::exchange(finished_, true)) return;
  lock.unlock();
  for (const Place& wanted : places_) {
    const auto newest = newest_.find(wanted);
    if (!end_status_.ok() || newest == newest_.end()) continue;
    *response_->add_candles() = std::move(newest->second);
  }
  absl::Status status = end_status_;
  if (status.ok()) status = FindPlace(parts_, context_, BytesHeld(*response_), &place_);
  parts_->metrics->CallEnded("GetLatest", status.code());
  Finish(ToGrpc(status));
}

void LatestCall::TakeLocked() {
  if (subscription_.Overflows(parts_->limits.subscription.queue_bytes_max)) {
    return EndLocked(absl::UnavailableError("the store does not answer as fast as candles come"));
  }
  while (!ended_) {
    const auto message = subscription_.Take(Clock::now());
    if (!message) return;
    if (const auto* batch = std::get_if<CandlesMessage>(&*message)) {
      for (const Update& update : batch->candles) {
        v1::Candle candle;
        candle.ParseFromString(update->message);
        const auto newest = newest_.try_emplace(PlaceOf(candle)).first;
        if (OpenTimeOf(newest->second) <= OpenTimeOf(candle)) newest->second = std::move(candle);
      }
    } else if (std::holds_alternative<SnapshotEndMessage>(*message)) {
      EndLocked(absl::OkStatus());
    }
  }
}

void LatestCall::OnCancel() {
  const auto self = shared_from_this();
  StopWork();
  End(absl::CancelledError("the client is gone"));
}

void LatestCall::OnDone() {
  StopWork();
  Unregister();
  if (place_) parts_->unread_answers.Remove(*place_);
  const auto last = std::exchange(self_, nullptr);
}

}  // namespace quantstream::query
