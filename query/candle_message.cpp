#include "query/candle_message.h"

#include <utility>

#include "quantstream/v1/candle.pb.h"

namespace quantstream::query {
namespace {

void SetTime(EventTime time, google::protobuf::Timestamp* out) {
  const EventTime second = WindowStart(time, Interval{1});
  out->set_seconds(second.us / kMicrosecondsPerSecond);
  out->set_nanos(static_cast<int32_t>(time.us - second.us) * 1000);
}

std::string TradeId(const EdgeTrade& trade) {
  return trade.key.id != 0 ? std::to_string(trade.key.id) : trade.text_id;
}

void SetValues(const CandleValues& values, v1::Candle* out) {
  out->set_open(values.open().ToString());
  out->set_high(values.high.ToString());
  out->set_low(values.low.ToString());
  out->set_close(values.close().ToString());
  out->set_volume(values.volume.ToString());
  out->set_quote_volume(values.quote_volume.ToString());
  if (values.buy_volume) out->set_buy_volume(values.buy_volume->ToString());
  out->set_vwap(values.Vwap());
  out->set_trade_count(values.trade_count);
  const auto volatility =
      values.returns ? values.returns->StandardDeviation() : std::optional<double>();
  if (volatility) out->set_volatility(*volatility);
  if (const std::string id = TradeId(values.first); !id.empty()) out->set_first_trade_id(id);
  if (const std::string id = TradeId(values.last); !id.empty()) out->set_last_trade_id(id);
  SetTime(values.first.key.time, out->mutable_first_trade_time());
  SetTime(values.last.key.time, out->mutable_last_trade_time());
}

}  // namespace

std::string CandleMessage(const KeyedCandle& keyed, int32_t partition) {
  const Candle& candle = keyed.candle;
  v1::Candle out;
  out.set_instrument(keyed.key.instrument);
  out.mutable_interval()->set_seconds(keyed.key.interval.seconds);
  SetTime(keyed.key.open_time, out.mutable_open_time());
  SetTime(keyed.key.close_time(), out.mutable_close_time());
  SetValues(candle.values, &out);
  out.set_state(static_cast<v1::CandleState>(candle.state));
  out.set_revision(candle.revision);
  out.set_version(candle.version);
  out.set_completeness(static_cast<v1::Completeness>(candle.completeness));
  if (candle.lineage) {
    out.mutable_lineage()->set_partition(partition);
    out.mutable_lineage()->set_first_offset(candle.lineage->first.value);
    out.mutable_lineage()->set_last_offset(candle.lineage->last.value);
  }
  return out.SerializeAsString();
}

Update MakeUpdate(const KeyedCandle& candle, int32_t partition, std::string scaled) {
  return std::make_shared<CandleUpdate>(CandleUpdate{.key = candle.key,
                                                     .state = candle.candle.state,
                                                     .version = candle.candle.version,
                                                     .partition = partition,
                                                     .message = CandleMessage(candle, partition),
                                                     .scaled = std::move(scaled)});
}

}  // namespace quantstream::query
