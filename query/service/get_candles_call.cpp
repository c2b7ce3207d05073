#include "query/service/get_candles_call.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <chrono>
#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/candle_page.h"
#include "query/service/merged_fill.h"
#include "query/service/merged_page.h"
#include "query/service/page_message.h"
#include "query/service/unary_call.h"

namespace quantstream::query {
namespace {

absl::StatusOr<CandlesQuery> Parse(grpc::ByteBuffer bytes, const RequestLimits& limits) {
  v1::GetCandlesRequest request;
  grpc::ProtoBufferReader reader(&bytes);
  if (!request.ParseFromZeroCopyStream(&reader)) {
    return InvalidRequest({{"", "is not a quantstream.v1.GetCandlesRequest"}});
  }
  return Check(request, limits);
}

class GetCandlesCall final : public UnaryCall {
 public:
  GetCandlesCall(ServiceParts* parts, grpc::ByteBuffer* response)
      : UnaryCall(parts, "GetCandles"), recent_(parts->recent), response_(response) {}

  void Begin(const grpc::ByteBuffer& request) {
    auto query = Parse(request, parts_->limits.request);
    if (!query.ok()) return End(query.status());
    query_ = *std::move(query);
    Resolve(query_.instrument, [this](const Instrument& instrument) { ReadCandles(instrument); });
  }

 private:
  void ReadCandles(const Instrument& instrument) {
    if (query_.grid.merged()) return ReadParts(instrument);
    const Series series{instrument.name, query_.interval};
    if (query_.with_partial) {
      open_ = parts_->fanout->Look({{series, instrument.partition}}).open;
    }
    request_ = PageRequestFor(query_, series, instrument.partition);
    if (recent_ == nullptr || request_.for_fill || request_.with_scaled) return Read();
    auto page = recent_->Find(request_, Clock::now());
    parts_->metrics->RecentAsked(page.has_value());
    if (page) return OnPage(*std::move(page));
    read_ = request_;
    ticket_ = recent_->Begin(&read_, Clock::now());
    parts_->history->ReadPage(read_, cancellation_, [this, self = shared_from_this()](auto read) {
      OnRead(std::move(read));
    });
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
          auto status = CheckRange(query_, *page);
          if (status.ok()) status = CheckMergedFill(query_, parts_->limits.request, *page);
          if (!status.ok()) return End(status);
          Answer(CutMergedPage(query_, request, *page, open_, closed_until));
        });
  }

  // What was read may be more than what was asked for: then it is looked for again.
  void OnRead(absl::StatusOr<Page> page) {
    recent_->End(ticket_, read_, page.ok() ? &*page : nullptr, Clock::now());
    if (ticket_ == 0 || !page.ok()) return OnPage(std::move(page));
    if (cancellation_->cancelled()) return;
    auto kept = PageWithin(request_, read_, *std::move(page));
    if (!kept) return Read();
    OnPage(*std::move(kept));
  }

  void Read() {
    parts_->history->ReadPage(
        request_, cancellation_, [this, self = shared_from_this()](auto page) {
          if (recent_ != nullptr) {
            recent_->End(0, request_, page.ok() ? &*page : nullptr, Clock::now());
          }
          OnPage(std::move(page));
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
    *response_ = PageMessage(cut);
    SendAnswer(static_cast<int64_t>(response_->Length()));
  }

  using Clock = std::chrono::steady_clock;

  Recent* const recent_;  // null: none is kept. Outlives the store's threads
  grpc::ByteBuffer* const response_;
  CandlesQuery query_;
  PageRequest request_;  // what is asked for
  PageRequest read_;     // what is read for it
  Recent::Ticket ticket_ = 0;
  std::vector<Update> open_;
};

}  // namespace

grpc::ServerUnaryReactor* StartGetCandles(ServiceParts* parts,
                                          grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer& request,
                                          grpc::ByteBuffer* response) {
  return StartCall<GetCandlesCall>(parts, context, request, response);
}

}  // namespace quantstream::query
