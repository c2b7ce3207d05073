#include "query/service/lineage_call.h"

#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/audit_requests.h"
#include "query/service/unary_call.h"
#include "query/timestamps.h"

namespace quantstream::query {
namespace {

std::string TradeId(const EdgeTrade& trade) {
  return trade.key.id != 0 ? std::to_string(trade.key.id) : trade.text_id;
}

void FillCandle(const Candle& candle, int32_t partition, v1::GetCandleLineageResponse* out) {
  if (candle.lineage) {
    out->mutable_lineage()->set_partition(partition);
    out->mutable_lineage()->set_first_offset(candle.lineage->first.value);
    out->mutable_lineage()->set_last_offset(candle.lineage->last.value);
  }
  const EdgeTrade& first = candle.values.first;
  const EdgeTrade& last = candle.values.last;
  if (std::string id = TradeId(first); !id.empty()) out->set_first_trade_id(std::move(id));
  if (std::string id = TradeId(last); !id.empty()) out->set_last_trade_id(std::move(id));
  SetTime(first.key.time, out->mutable_first_trade_time());
  SetTime(last.key.time, out->mutable_last_trade_time());
  out->set_version(candle.version);
  out->set_revision(candle.revision);
}

absl::Status FillLateTrade(const LateTrade& late, v1::LateTrade* out) {
  v1::TradeBatch batch;
  if (!batch.ParseFromString(late.batch) || batch.trades_size() != 1) {
    return absl::DataLossError("late_trades.batch is no TradeBatch of one trade");
  }
  out->set_offset(OffsetOf(late.version).value);
  out->set_index(late.index);
  *out->mutable_trade() = std::move(*batch.mutable_trades(0));
  return absl::OkStatus();
}

class LineageCall final : public UnaryCall {
 public:
  LineageCall(ServiceParts* parts, v1::GetCandleLineageResponse* response)
      : UnaryCall(parts, "GetCandleLineage"), response_(response) {}

  void Begin(const v1::GetCandleLineageRequest& request) {
    auto query = Check(request, parts_->limits.request);
    if (!query.ok()) return End(query.status());
    query_ = *std::move(query);
    Resolve(query_.instrument, [this](Instrument instrument) { Read(std::move(instrument)); });
  }

 private:
  void Read(Instrument instrument) {
    instrument_ = std::move(instrument);
    parts_->history->ReadLineage({.instrument = instrument_.name,
                                  .interval = query_.interval,
                                  .open_time = query_.open_time},
                                 cancellation_, [this, self = shared_from_this()](auto lineage) {
                                   OnLineage(std::move(lineage));
                                 });
  }

  void OnLineage(absl::StatusOr<StoredLineage> lineage) {
    if (!lineage.ok()) return End(lineage.status());
    if (!lineage->candle) {
      return End(CandleNotFound(instrument_.name, query_.interval, query_.open_time));
    }
    v1::GetCandleLineageResponse filled;
    FillCandle(lineage->candle->candle, instrument_.partition, &filled);
    filled.set_late_trade_count(static_cast<uint64_t>(lineage->late_trade_count));
    for (const LateTrade& late : lineage->late_trades) {
      const absl::Status status = FillLateTrade(late, filled.add_late_trades());
      if (!status.ok()) return End(status);
    }
    if (!Claim()) return;
    *response_ = std::move(filled);
    SendAnswer(BytesHeld(*response_));
  }

  v1::GetCandleLineageResponse* const response_;
  LineageQuery query_;
  Instrument instrument_;
};

}  // namespace

grpc::ServerUnaryReactor* StartGetCandleLineage(ServiceParts* parts,
                                                grpc::CallbackServerContext* context,
                                                const v1::GetCandleLineageRequest& request,
                                                v1::GetCandleLineageResponse* response) {
  return StartCall<LineageCall>(parts, context, request, response);
}

}  // namespace quantstream::query
