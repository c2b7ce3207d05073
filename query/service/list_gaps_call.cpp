#include "query/service/list_gaps_call.h"

#include <limits>
#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/audit_requests.h"
#include "query/service/unary_call.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

constexpr EventTime kNoTime{std::numeric_limits<int64_t>::min()};  // stands before all others

void Fill(const Gap& gap, v1::Gap* out) {
  out->set_instrument(gap.instrument);
  out->set_venue(gap.venue);
  out->set_partition(gap.partition);
  out->set_cause(static_cast<v1::GapCause>(gap.cause));
  if (gap.first_trade_id) out->set_first_trade_id(*gap.first_trade_id);
  if (gap.last_trade_id) out->set_last_trade_id(*gap.last_trade_id);
  if (gap.from_time) SetTime(*gap.from_time, out->mutable_start_time());
  if (gap.until_time) SetTime(*gap.until_time, out->mutable_end_time());
  if (gap.first_offset) out->set_first_offset(*gap.first_offset);
  if (gap.last_offset) out->set_last_offset(*gap.last_offset);
  out->set_opened_version(gap.opened_version);
  if (gap.closed_version) out->set_closed_version(*gap.closed_version);
}

class ListGapsCall final : public UnaryCall {
 public:
  ListGapsCall(ServiceParts* parts, v1::ListGapsResponse* response)
      : UnaryCall(parts, "ListGaps"), response_(response) {}

  void Begin(const v1::ListGapsRequest& request) {
    auto query = Check(request, parts_->limits.request);
    if (!query.ok()) return End(query.status());
    query_ = *std::move(query);
    if (query_.instrument.empty()) return Read(std::nullopt);
    Resolve(query_.instrument, [this](const Instrument& of) {
      Read(GapsOf{.instrument = of.name, .venue = of.venue, .partition = of.partition});
    });
  }

 private:
  void Read(std::optional<GapsOf> of) {
    parts_->history->ReadGaps(
        {.of = std::move(of),
         .from = query_.from,
         .to = query_.to,
         .open_only = query_.open_only,
         .after = query_.after,
         .gaps_max = query_.page_size + 1},
        cancellation_, [this, self = shared_from_this()](auto gaps) { OnGaps(std::move(gaps)); });
  }

  void OnGaps(absl::StatusOr<std::vector<Gap>> gaps) {
    if (!gaps.ok()) return End(gaps.status());
    if (!Claim()) return;
    const auto size = static_cast<size_t>(query_.page_size);
    const bool more = gaps->size() > size;
    if (more) gaps->resize(size);
    for (const Gap& gap : *gaps) Fill(gap, response_->add_gaps());
    if (more) {
      const Gap& last = gaps->back();
      response_->set_next_page_token(
          NextPageToken(query_, last.from_time.value_or(kNoTime), last.id));
    }
    SendAnswer(BytesHeld(*response_));
  }

  v1::ListGapsResponse* const response_;
  GapsQuery query_;
};

}  // namespace

grpc::ServerUnaryReactor* StartListGaps(ServiceParts* parts,
                                        grpc::CallbackServerContext* context,
                                        const v1::ListGapsRequest& request,
                                        v1::ListGapsResponse* response) {
  return StartCall<ListGapsCall>(parts, context, request, response);
}

}  // namespace quantstream::query
