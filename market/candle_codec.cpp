#include "market/candle_codec.h"

#include <array>
#include <bit>

#include "market/wide_integer.h"
#include "market/wire.h"

namespace quantstream {
namespace {

using wire::Writer;

// Shortest two's complement, big endian, nothing for zero. Returns how many bytes were written
// to the end of `bytes`.
template <size_t N>
std::string_view ShortestBytes(const wide::Limbs<N>& limbs, std::array<char, 8 * N>& bytes) {
  const uint64_t sign = limbs[N - 1] >> 63 != 0 ? ~uint64_t{0} : 0;
  size_t used = N;
  while (used > 0 && limbs[used - 1] == sign) --used;
  if (used == 0) {
    bytes.back() = static_cast<char>(sign);
    return std::string_view(bytes.data() + 8 * N - 1, sign == 0 ? 0 : 1);
  }
  for (size_t i = 0; i < used; ++i) {
    const uint64_t swapped = __builtin_bswap64(limbs[i]);
    std::memcpy(bytes.data() + 8 * (N - 1 - i), &swapped, 8);
  }
  const int bits = 64 - std::countl_zero(limbs[used - 1] ^ sign);
  size_t size = 8 * (used - 1) + static_cast<size_t>(bits) / 8 + 1;  // with room for the sign
  if (size > 8 * used && used < N) bytes[8 * (N - used) - 1] = static_cast<char>(sign);
  return std::string_view(bytes.data() + 8 * N - size, size);
}

template <size_t N>
void WriteInteger(uint32_t field, const wide::Limbs<N>& limbs, Writer& writer) {
  std::array<char, 8 * N> bytes;
  const std::string_view shortest = ShortestBytes<N>(limbs, bytes);
  if (!shortest.empty()) writer.Bytes(field, shortest);
}

wide::Limbs<2> LimbsOf(__int128 value) {
  return {static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 64)};
}

void WriteDecimal(uint32_t field, const Decimal& value, Writer& writer) {
  char* begin = writer.BeginMessage(field);
  if (value.mantissa != 0) writer.Varint(1, wire::ZigZagEncode(value.mantissa));
  if (value.scale != 0) writer.Varint(2, value.scale);
  writer.EndMessage(begin);
}

void WriteEdge(uint32_t field, const EdgeTrade& edge, Writer& writer) {
  const OrderKey& key = edge.key;
  char* begin = writer.BeginMessage(field);
  WriteDecimal(1, edge.price, writer);
  if (key.time.us != 0) writer.Fixed64(2, key.time.us);
  if (key.id != 0) writer.Varint(3, key.id);
  if (!edge.text_id.empty()) writer.Bytes(4, edge.text_id);
  if (key.receive_time.us != 0) writer.Fixed64(5, key.receive_time.us);
  if (!key.node.empty()) writer.Bytes(6, key.node);
  if (key.session != 0) writer.Fixed64(7, key.session);
  if (key.sequence != 0) writer.Varint(8, key.sequence);
  if (key.index != 0) writer.Varint(9, key.index);
  writer.EndMessage(begin);
}

void WriteReturns(const LogReturnSums& returns, Writer& writer) {
  char* begin = writer.BeginMessage(12);
  if (returns.count != 0) writer.Varint(1, static_cast<uint64_t>(returns.count));
  WriteInteger(2, LimbsOf(returns.sum), writer);
  WriteInteger(3, LimbsOf(returns.sum_of_squares), writer);
  writer.EndMessage(begin);
}

void WriteValues(const CandleValues& values, Writer& writer) {
  WriteEdge(4, values.first, writer);
  WriteEdge(5, values.last, writer);
  WriteDecimal(6, values.high, writer);
  WriteDecimal(7, values.low, writer);
  WriteInteger(8, values.volume.limbs(), writer);
  WriteInteger(9, values.quote_volume.limbs(), writer);
  if (values.buy_volume.has_value()) {
    std::array<char, 32> bytes;
    writer.Bytes(10, ShortestBytes<4>(values.buy_volume->limbs(), bytes));
  }
  if (values.trade_count != 0) writer.Varint(11, values.trade_count);
  if (values.returns.has_value()) WriteReturns(*values.returns, writer);
  WriteDecimal(13, values.first_pane_close, writer);
}

// All that is not text: 2 edges, 3 decimals, 3 sums, the returns and 9 numbers with their tags.
constexpr size_t kNumbersRoom = 2 * 80 + 3 * 16 + 3 * 35 + 48 + 9 * 12;

size_t RoomFor(const CandleKey& key, const CandleValues& values) {
  size_t room = kNumbersRoom + key.instrument.size() + 6;
  for (const EdgeTrade* edge : {&values.first, &values.last}) {
    room += edge->text_id.size() + edge->key.node.size() + 3 * 6;
  }
  return room;
}

}  // namespace

void EncodeCandle(const CandleKey& key, const Candle& candle, std::string& out) {
  const size_t size = out.size();
  out.resize(size + RoomFor(key, candle.values));
  Writer writer(out.data() + size);
  if (!key.instrument.empty()) writer.Bytes(1, key.instrument);
  if (key.interval.seconds != 0) writer.Varint(2, static_cast<uint32_t>(key.interval.seconds));
  if (key.open_time.us != 0) writer.Fixed64(3, key.open_time.us);
  WriteValues(candle.values, writer);
  writer.Varint(14, static_cast<uint64_t>(candle.state));
  if (candle.revision != 0) writer.Varint(15, candle.revision);
  if (candle.version != 0) writer.Varint(16, static_cast<uint64_t>(candle.version));
  writer.Varint(17, static_cast<uint64_t>(candle.completeness));
  if (candle.lineage.has_value()) {
    writer.Varint(18, static_cast<uint64_t>(candle.lineage->first.value));
    writer.Varint(19, static_cast<uint64_t>(candle.lineage->last.value));
  }
  out.resize(static_cast<size_t>(writer.position() - out.data()));
}

}  // namespace quantstream
