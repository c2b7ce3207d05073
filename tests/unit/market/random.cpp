#include "tests/unit/market/random.h"

namespace quantstream::test {

int Random::Between(int least, int most) {
  return least + static_cast<int>(Below(static_cast<uint64_t>(most - least) + 1));
}

std::string Random::Bytes(size_t length) {
  std::string bytes(length, '\0');
  for (char& byte : bytes) byte = static_cast<char>(Bits());
  return bytes;
}

std::string Random::TextOf(std::string_view alphabet, size_t length) {
  std::string text(length, '\0');
  for (char& c : text) c = alphabet[static_cast<size_t>(Below(alphabet.size()))];
  return text;
}

Decimal Random::Positive() {
  const int64_t mantissa = static_cast<int64_t>(AnyWidth() >> 1);
  return Decimal{mantissa == 0 ? 1 : mantissa, static_cast<uint8_t>(Below(19))};
}

Decimal Random::Price() {
  const int places = Between(0, 4);
  const int64_t unit = PowerOfTen(places);
  return Decimal{100 * unit + static_cast<int64_t>(Below(static_cast<uint64_t>(unit * 3))),
                 static_cast<uint8_t>(places)};
}

Decimal Random::Quantity() {
  return Decimal{1 + static_cast<int64_t>(Below(1'000'000)), static_cast<uint8_t>(Below(9))};
}

Trade LegalTrade(Random& random, uint64_t id, int64_t time_us) {
  Trade trade;
  trade.venue = "binance";
  trade.symbol = "BTC-USDT";
  trade.price = random.Price();
  trade.quantity = random.Quantity();
  trade.venue_time = EventTime{time_us};
  trade.receive_time = EventTime{time_us + static_cast<int64_t>(random.Below(100'000))};
  trade.aggressor_side = random.OneIn(2) ? Side::kBuy : Side::kSell;
  trade.source = TradeSource::kLive;
  trade.id = id;
  return trade;
}

}  // namespace quantstream::test
