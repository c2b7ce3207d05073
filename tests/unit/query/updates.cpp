#include "tests/unit/query/updates.h"

#include <utility>

#include "quantstream/v1/candle.pb.h"

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
