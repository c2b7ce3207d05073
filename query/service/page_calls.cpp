#include "query/service/page_calls.h"

#include <memory>
#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/candle_page.h"
#include "query/service/merged_page.h"
#include "query/service/unary_call.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

class GetCandlesCall final : public UnaryCall {
 public:
  GetCandlesCall(ServiceParts* parts, v1::GetCandlesResponse* response)
      : UnaryCall(parts, "GetCandles"), response_(response) {}

  void Begin(const v1::GetCandlesRequest& request) {
    auto query = Check(request, parts_->limits.request);
    if (!query.ok()) return End(query.status());
    query_ = *std::move(query);
    parts_->instruments.Resolve(
        {query_.instrument}, [](size_t) { return "instrument"; },
        [this, self = shared_from_this()](auto instruments) {
          OnResolved(std::move(instruments));
        });
  }

 private:
  void OnResolved(absl::StatusOr<std::vector<Instrument>> instruments) {
    if (cancellation_->cancelled()) return;  // nothing that the call shares is sure to be there
    if (!instruments.ok()) return End(instruments.status());
    if (query_.grid.merged()) return ReadParts(instruments->front());
    const Series series{instruments->front().name, query_.interval};
    if (query_.with_partial) {
      open_ = parts_->fanout->Look({{series, instruments->front().partition}}).open;
    }
    request_ = PageRequestFor(query_, series, instruments->front().partition);
    parts_->history->ReadPage(
        request_, cancellation_,
        [this, self = shared_from_this()](auto page) { OnPage(std::move(page)); });
  }

  // An interval that is not stored. What is closed and what is open is looked at before it is read.
  void ReadParts(const Instrument& instrument) {
    const StreamSeries parts{{instrument.name, query_.grid.part()}, instrument.partition};
    LiveState live = parts_->fanout->Look({parts});
    open_ = std::move(live.open);
    const int64_t committed = live.committed[instrument.partition];
    const auto clock = parts_->fanout->ClosedUntil(instrument.partition, instrument.venue);
    const PageRequest request =
        PartsRequest(query_, parts, parts_->limits.request.snapshot_candles_max);
    parts_->history->ReadPage(
        request, cancellation_,
        [this, request, committed, clock, self = shared_from_this()](auto page) {
          if (!page.ok()) return End(page.status());
          // A store that lags may lack parts of windows that the clock has passed.
          const auto closed_until = page->next_version >= committed ? clock : std::nullopt;
          if (auto status = CheckRange(query_, *page); !status.ok()) return End(status);
          Answer(CutMergedPage(query_, request, *page, open_, closed_until));
        });
  }

  void OnPage(absl::StatusOr<Page> page) {
    if (!page.ok()) return End(page.status());
    absl::Status status = CheckRange(query_, *page);
    if (status.ok()) status = FillWindows(query_, parts_->limits.request, request_, &*page);
    if (!status.ok()) return End(status);
    Answer(CutPage(query_, *std::move(page), std::move(open_)));
  }

  void Answer(const CandlePage& cut) {
    if (!Claim()) return;
    for (const Update& update : cut.candles) {
      response_->add_candles()->ParseFromString(update->message);
    }
    response_->set_next_page_token(cut.next_page_token);
    Send(absl::OkStatus());
  }

  v1::GetCandlesResponse* const response_;
  CandlesQuery query_;
  PageRequest request_;
  std::vector<Update> open_;
};

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
      response_->set_next_page_token(EncodePageToken(query_.fingerprint, listed.back().name));
    }
    Send(absl::OkStatus());
  }

  v1::ListInstrumentsResponse* const response_;
  ListInstrumentsQuery query_;
};

}  // namespace

grpc::ServerUnaryReactor* StartGetCandles(ServiceParts* parts, const v1::GetCandlesRequest& request,
                                          v1::GetCandlesResponse* response) {
  return StartCall<GetCandlesCall>(parts, request, response);
}

grpc::ServerUnaryReactor* StartListInstruments(ServiceParts* parts,
                                               const v1::ListInstrumentsRequest& request,
                                               v1::ListInstrumentsResponse* response) {
  return StartCall<ListInstrumentsCall>(parts, request, response);
}

}  // namespace quantstream::query
