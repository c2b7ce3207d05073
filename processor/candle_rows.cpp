#include "processor/candle_rows.h"

#include <cassert>
#include <string>

#include "market/trade_codec.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

void AppendDecimal(const Decimal& value, postgres::CopyRows& rows) {
  Decimal canonical = value.Canonical();
  rows.Numeric(canonical.mantissa, canonical.scale);
}

void AppendSum(const ExactSum& sum, postgres::CopyRows& rows) {
  rows.Numeric(sum.ToString());
}

void AppendTradeId(const EdgeTrade& trade, postgres::CopyRows& rows) {
  if (trade.key.id != 0) {
    rows.Text(std::to_string(trade.key.id));
  } else if (!trade.text_id.empty()) {
    rows.Text(trade.text_id);
  } else {
    rows.Null();
  }
}

void AppendValues(const CandleValues& values, postgres::CopyRows& rows) {
  AppendDecimal(values.open(), rows);
  AppendDecimal(values.high, rows);
  AppendDecimal(values.low, rows);
  AppendDecimal(values.close(), rows);
  AppendSum(values.volume, rows);
  AppendSum(values.quote_volume, rows);
  if (values.buy_volume.has_value()) {
    AppendSum(*values.buy_volume, rows);
  } else {
    rows.Null();
  }
  rows.Numeric(values.Vwap());
  rows.Int8(static_cast<int64_t>(values.trade_count));
  std::optional<double> volatility;
  if (values.returns.has_value()) {
    volatility = values.returns->StandardDeviation();
  }
  if (volatility.has_value()) {
    rows.Double(*volatility);
  } else {
    rows.Null();
  }
}

void AppendLineage(const std::optional<OffsetSpan>& lineage, postgres::CopyRows& rows) {
  if (lineage.has_value()) {
    rows.Int8(lineage->first.value);
    rows.Int8(lineage->last.value);
  } else {
    rows.Null();
    rows.Null();
  }
}

}  // namespace

void AppendCandleRow(int32_t instrument_id, const CandleKey& key, const Candle& candle,
                     postgres::CopyRows& rows) {
  assert(candle.state != CandleState::kPartial);
  rows.StartRow();
  rows.Int4(instrument_id);
  rows.Int4(key.interval.seconds);
  rows.TimestampTz(key.open_time.us);
  AppendValues(candle.values, rows);
  rows.Int2(static_cast<int16_t>(candle.state));
  rows.Int8(static_cast<int64_t>(candle.revision));
  rows.Int8(candle.version);
  rows.Int2(static_cast<int16_t>(candle.completeness));
  AppendTradeId(candle.values.first, rows);
  AppendTradeId(candle.values.last, rows);
  rows.TimestampTz(candle.values.first.key.time.us);
  rows.TimestampTz(candle.values.last.key.time.us);
  AppendLineage(candle.lineage, rows);
  std::string merge;
  EncodeCandle(key, candle, merge);
  rows.Bytea(merge);
}

absl::Status AppendLateTradeRow(int32_t instrument_id, const LateTradeRow& late,
                                postgres::CopyRows& rows) {
  TradeBatch batch;
  absl::Status decoded = DecodeTradeBatch(late.batch, batch);
  if (!decoded.ok() || batch.trades.size() != 1) {
    return absl::InternalError("a late trade is not a batch of one: " + Message(decoded));
  }
  const Trade& trade = batch.trades.front();
  rows.StartRow();
  rows.Int4(instrument_id);
  rows.TimestampTz(late.open_time.us);
  rows.Int8(late.version);
  rows.Int4(static_cast<int32_t>(late.index));
  rows.TimestampTz(trade.venue_time.us);
  if (trade.id != 0 || !trade.text_id.empty()) {
    rows.Text(trade.id != 0 ? std::to_string(trade.id) : std::string(trade.text_id));
  } else {
    rows.Null();
  }
  rows.Numeric(trade.price.mantissa, trade.price.scale);
  rows.Numeric(trade.quantity.mantissa, trade.quantity.scale);
  rows.Bytea(late.batch);
  return absl::OkStatus();
}

}  // namespace quantstream::processor
