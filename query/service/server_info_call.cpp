#include "query/service/server_info_call.h"

#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/unary_call.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

void FillLimits(const ServiceLimits& limits, v1::ServerLimits* out) {
  const ServerInfo& info = limits.info;
  const RequestLimits& request = limits.request;
  out->set_request_bytes_max(info.request_bytes_max);
  out->set_metadata_bytes_max(info.metadata_bytes_max);
  out->set_connections_max(info.connections_max);
  out->set_streams_per_connection_max(info.streams_per_connection_max);
  out->set_streams_max(limits.streams_max);
  out->set_subscriptions_per_stream_max(request.subscriptions_max);
  out->set_page_size_max(request.page_max);
  out->set_history_candles_max(request.snapshot_candles_max);
  out->set_filled_candles_max(request.filled_candles_max);
  out->set_history_reads_max(info.history_reads_max);
  out->set_history_waiting_max(info.history_waiting_max);
  SetDuration(info.history_statement_max, out->mutable_history_statement_max());
  out->set_queue_bytes_max(limits.subscription.queue_bytes_max);
  out->set_queues_bytes_max(limits.queues_bytes_max);
  if (limits.stream_age_max.count() > 0) {
    SetDuration(limits.stream_age_max, out->mutable_stream_age_max());
  }
}

class ServerInfoCall final : public UnaryCall {
 public:
  ServerInfoCall(ServiceParts* parts, v1::GetServerInfoResponse* response)
      : UnaryCall(parts, "GetServerInfo"), response_(response) {}

  void Begin(const v1::GetServerInfoRequest&) {
    parts_->instruments.Fresh(
        [this, self = shared_from_this()](auto directory) { OnDirectory(std::move(directory)); });
  }

 private:
  void OnDirectory(absl::StatusOr<KnownInstruments::Directory> directory) {
    if (!directory.ok()) return End(directory.status());
    if (!Claim()) return;
    const ServiceLimits& limits = parts_->limits;
    response_->set_version(QUANTSTREAM_VERSION);
    for (const Interval interval : limits.request.intervals) {
      response_->add_intervals(interval.ToString());
      auto* retention = response_->add_retention();
      retention->set_interval(interval.ToString());
      const auto kept = limits.info.retention.find(interval);
      if (kept == limits.info.retention.end()) continue;
      SetDuration(kept->second, retention->mutable_retention());
    }
    for (const std::string& venue : (*directory)->venues()) response_->add_venues(venue);
    FillLimits(limits, response_->mutable_limits());
    SetDuration(limits.info.resume_token_age_max, response_->mutable_resume_token_age_max());
    SendAnswer(BytesHeld(*response_));
  }

  v1::GetServerInfoResponse* const response_;
};

}  // namespace

grpc::ServerUnaryReactor* StartGetServerInfo(ServiceParts* parts,
                                             grpc::CallbackServerContext* context,
                                             const v1::GetServerInfoRequest& request,
                                             v1::GetServerInfoResponse* response) {
  return StartCall<ServerInfoCall>(parts, context, request, response);
}

}  // namespace quantstream::query
