#include "query/service/list_instruments_call.h"

#include <memory>
#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/unary_call.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

class ListInstrumentsCall final : public UnaryCall {
 public:
  ListInstrumentsCall(ServiceParts* parts, v1::ListInstrumentsResponse* response)
      : UnaryCall(parts, "ListInstruments"), response_(response) {}

  void Begin(const v1::ListInstrumentsRequest& request) {
    auto query = Check(request, parts_->limits.request);
    if (!query.ok()) return End(query.status());
    query_ = *std::move(query);
    parts_->instruments.Fresh(
        [this, self = shared_from_this()](auto directory) { OnDirectory(std::move(directory)); });
  }

 private:
  void OnDirectory(absl::StatusOr<KnownInstruments::Directory> directory) {
    if (!directory.ok()) return End(directory.status());
    const auto size = static_cast<size_t>(query_.page_size);
    auto listed = (*directory)->List(query_.venue, query_.filter, query_.after, size + 1);
    const bool more = listed.size() > size;
    if (more) listed.resize(size);
    if (!Claim()) return;
    for (const Instrument& instrument : listed) {
      auto* out = response_->add_instruments();
      out->set_name(instrument.name);
      out->set_venue(instrument.venue);
      out->set_symbol(instrument.symbol);
      out->set_partition(instrument.partition);
      SetTime(instrument.first_seen, out->mutable_first_seen_time());
    }
    if (more) {
      response_->set_next_page_token(query_.pages.Encode(listed.back().name));
    }
    SendAnswer(BytesHeld(*response_));
  }

  v1::ListInstrumentsResponse* const response_;
  ListInstrumentsQuery query_;
};

}  // namespace

grpc::ServerUnaryReactor* StartListInstruments(ServiceParts* parts,
                                               grpc::CallbackServerContext* context,
                                               const v1::ListInstrumentsRequest& request,
                                               v1::ListInstrumentsResponse* response) {
  return StartCall<ListInstrumentsCall>(parts, context, request, response);
}

}  // namespace quantstream::query
