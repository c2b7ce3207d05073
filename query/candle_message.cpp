#include "query/candle_message.h"

#include <array>
#include <bit>
#include <utility>

#include "market/wire.h"

namespace quantstream::query {
namespace {

using wire::Writer;

// google.protobuf.Timestamp, and Duration: fields 1 and 2 are alike.
void WriteTime(uint32_t field, EventTime time, Writer* out) {
  const EventTime second = WindowStart(time, Interval{1});
  char* begin = out->BeginMessage(field);
  const int64_t seconds = second.us / kMicrosecondsPerSecond;
  if (seconds != 0) out->Varint(1, static_cast<uint64_t>(seconds));
  const int64_t nanos = (time.us - second.us) * 1000;
  if (nanos != 0) out->Varint(2, static_cast<uint64_t>(nanos));
  out->EndMessage(begin);
}

void WriteNumber(uint32_t field, uint64_t value, Writer* out) {
  if (value != 0) out->Varint(field, value);
}

std::string TradeId(const EdgeTrade& trade) {
  return trade.key.id != 0 ? std::to_string(trade.key.id) : trade.text_id;
}

void WriteTradeId(uint32_t field, const EdgeTrade& trade, Writer* out) {
  const std::string id = TradeId(trade);
  if (!id.empty()) out->Bytes(field, id);
}

// Fields 5 to 14.
void WriteValues(const CandleValues& values, Writer* out) {
  out->Bytes(5, values.open().ToString());
  out->Bytes(6, values.high.ToString());
  out->Bytes(7, values.low.ToString());
  out->Bytes(8, values.close().ToString());
  out->Bytes(9, values.volume.ToString());
  out->Bytes(10, values.quote_volume.ToString());
  if (values.buy_volume) out->Bytes(11, values.buy_volume->ToString());
  out->Bytes(12, values.Vwap());
  WriteNumber(13, values.trade_count, out);
  const auto volatility =
      values.returns ? values.returns->StandardDeviation() : std::optional<double>();
  if (volatility) out->Fixed64(14, std::bit_cast<uint64_t>(*volatility));
}

void WriteLineage(const OffsetSpan& lineage, int32_t partition, Writer* out) {
  char* begin = out->BeginMessage(23);
  WriteNumber(1, static_cast<uint64_t>(partition), out);
  WriteNumber(2, static_cast<uint64_t>(lineage.first.value), out);
  WriteNumber(3, static_cast<uint64_t>(lineage.last.value), out);
  out->EndMessage(begin);
}

void WriteCandle(const KeyedCandle& keyed, int32_t partition, const CandleWindow& window,
                 Writer* out) {
  const auto& [key, candle] = keyed;
  const CandleValues& values = candle.values;
  out->Bytes(1, key.instrument);
  WriteTime(2, EventTime{key.interval.us()}, out);
  WriteTime(3, key.open_time, out);
  WriteTime(4, window.close_time, out);
  WriteValues(values, out);
  WriteNumber(15, static_cast<uint64_t>(candle.state), out);
  WriteNumber(16, candle.revision, out);
  WriteNumber(17, static_cast<uint64_t>(candle.version), out);
  WriteNumber(18, static_cast<uint64_t>(candle.completeness), out);
  WriteTradeId(19, values.first, out);
  WriteTradeId(20, values.last, out);
  WriteTime(21, values.first.key.time, out);
  WriteTime(22, values.last.key.time, out);
  if (candle.lineage) WriteLineage(*candle.lineage, partition, out);
  if (!window.time_zone.empty()) out->Bytes(25, window.time_zone);
}

// All that is not the candle's own text: 4 prices of 21 characters, 3 sums of 79 and a vwap of 98,
// 5 times, 2 ids, the lineage and 6 numbers, with tags and lengths.
constexpr size_t kNumbersRoom = 4 * 23 + 3 * 81 + 100 + 5 * 20 + 2 * 22 + 36 + 6 * 12;

// Of bytes that were decoded before: they are right.
std::string MessageOfScaled(const void* of) {
  const auto* update = static_cast<const CandleUpdate*>(of);
  const auto candle = DecodeCandle(update->scaled);
  return candle.ok() ? CandleMessage(*candle, update->partition) : std::string();
}

}  // namespace

// As protobuf writes it, by hand: this is the larger part of what a candle costs.
std::string CandleMessage(const KeyedCandle& keyed, int32_t partition) {
  return CandleMessage(keyed, partition, {keyed.key.close_time(), ""});
}

std::string CandleMessage(const KeyedCandle& keyed, int32_t partition, const CandleWindow& window) {
  const CandleValues& values = keyed.candle.values;
  const size_t room = kNumbersRoom + keyed.key.instrument.size() + values.first.text_id.size() +
                      values.last.text_id.size() + window.time_zone.size() + 4 * 10;
  std::array<char, 1024> buffer;
  std::string large(room > buffer.size() ? room : 0, '\0');
  char* const begin = large.empty() ? buffer.data() : large.data();
  Writer out(begin);
  WriteCandle(keyed, partition, window, &out);
  return std::string(begin, out.position());
}

Update MakeUpdate(const KeyedCandle& candle, int32_t partition, std::string scaled) {
  const bool lazy = !scaled.empty();
  auto update = std::make_shared<CandleUpdate>();
  update->key = candle.key;
  update->state = candle.candle.state;
  update->version = candle.candle.version;
  update->partition = partition;
  update->scaled = std::move(scaled);
  // The text is as long as the bytes, nearly.
  update->message =
      lazy ? LazyText(MessageOfScaled, update.get(), static_cast<int64_t>(update->scaled.size()))
           : LazyText(CandleMessage(candle, partition));
  return update;
}

}  // namespace quantstream::query
