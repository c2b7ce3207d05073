#include "tests/unit/query/updates.h"

#include <utility>

#include "quantstream/v1/candle.pb.h"
#include "query/candle_message.h"

namespace quantstream::query::testing {

Update Candle(const std::string& instrument, int32_t interval_s, int64_t open_s, CandleState state,
              int64_t version, int32_t partition) {
  v1::Candle message;
  message.set_instrument(instrument);
  message.mutable_interval()->set_seconds(interval_s);
  message.mutable_open_time()->set_seconds(open_s);
  message.set_state(static_cast<v1::CandleState>(state));
  message.set_version(version);
  return std::make_shared<CandleUpdate>(
      CandleUpdate{.key = {instrument, Interval{interval_s}, EventTime{open_s * 1'000'000}},
                   .state = state,
                   .version = version,
                   .partition = partition,
                   .message = message.SerializeAsString()});
}

Update Final(const std::string& instrument, int64_t open_s, int64_t version) {
  return Candle(instrument, 1, open_s, CandleState::kFinal, version);
}
Update Revised(const std::string& instrument, int64_t open_s, int64_t version) {
  return Candle(instrument, 1, open_s, CandleState::kRevised, version);
}
Update Partial(const std::string& instrument, int64_t open_s, int64_t version) {
  return Candle(instrument, 1, open_s, CandleState::kPartial, version);
}

Update Part(const std::string& instrument, int32_t interval_s, int64_t open_s, CandleState state,
            int64_t version, int64_t price) {
  Trade trade;
  trade.price = Decimal(price, 0);
  trade.quantity = Decimal(1, 0);
  trade.venue_time = EventTime{open_s * 1'000'000};
  trade.id = static_cast<uint64_t>(open_s) + 1;
  quantstream::Candle candle;
  candle.values.returns = LogReturnSums{};
  AppendPane(candle.values, OfTrade(trade, {trade.venue_time, trade.id}));
  candle.state = state;
  candle.revision = state == CandleState::kRevised ? 1 : 0;
  candle.version = version;
  candle.lineage = OffsetSpan{Offset{version}, Offset{version}};
  return UpdateOf({{instrument, Interval{interval_s}, trade.venue_time}, candle});
}

Update UpdateOf(const KeyedCandle& candle, int32_t partition) {
  std::string scaled;
  EncodeCandle(candle.key, candle.candle, scaled);
  return MakeUpdate(candle, partition, std::move(scaled));
}

TailEvent ClosedOf(std::vector<Update> candles, int64_t epoch) {
  const int32_t partition = candles.front()->partition;
  return {partition, epoch, ClosedEvent{std::move(candles)}};
}
TailEvent OpenOf(std::vector<Update> candles, int64_t epoch) {
  const int32_t partition = candles.front()->partition;
  std::string instrument = candles.front()->key.instrument;
  return {partition, epoch, OpenEvent{std::move(instrument), std::move(candles)}};
}
TailEvent ProgressOf(int64_t next_version, int64_t closed_until_s, int64_t epoch,
                     int32_t partition) {
  return {partition, epoch,
          ProgressEvent{{{"venue", EventTime{closed_until_s * 1'000'000}}}, next_version}};
}

std::string Text(const Update& update) {
  constexpr const char* kStates[] = {"", "PARTIAL", "FINAL", "REVISED"};
  return update->key.instrument.substr(update->key.instrument.find(':') + 1) + " " +
         std::to_string(update->key.open_time.us / 1'000'000) + " v" +
         std::to_string(update->version) + " " + kStates[static_cast<int>(update->state)];
}

std::vector<std::string> Texts(const std::vector<Update>& updates) {
  std::vector<std::string> texts;
  for (const Update& update : updates) texts.push_back(Text(update));
  return texts;
}

}  // namespace quantstream::query::testing
