#include "ingest/simulator/frame_text.h"

#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace quantstream::simulator {
namespace {

constexpr int kPlaces = 8;  // Binance writes every price and quantity with eight

// a x b as a decimal with the scales added, which 128 bits hold.
std::string Product(const Decimal& a, const Decimal& b) {
  auto rest =
      static_cast<unsigned __int128>(a.mantissa) * static_cast<unsigned __int128>(b.mantissa);
  const int scale = a.scale + b.scale;
  std::string digits;
  for (int place = 0; rest > 0 || place <= scale; ++place) {
    if (place == scale && scale > 0) digits.push_back('.');
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  return {digits.rbegin(), digits.rend()};
}

}  // namespace

std::string TradeStreamName(std::string_view symbol) {
  return absl::AsciiStrToLower(std::string(symbol) + "@trade");
}

void AppendInteger(int64_t value, std::string* out) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out->append(buffer, end);
}

void AppendFixed(const Decimal& value, int places, std::string* out) {
  char digits[24];
  const uint64_t magnitude = value.mantissa < 0 ? 0 - static_cast<uint64_t>(value.mantissa)
                                                : static_cast<uint64_t>(value.mantissa);
  const auto end = std::to_chars(digits, digits + sizeof digits, magnitude).ptr;
  const int length = static_cast<int>(end - digits);
  const int whole = length - value.scale;
  if (value.mantissa < 0) out->push_back('-');
  if (whole > 0) {
    out->append(digits, static_cast<size_t>(whole));
  } else {
    out->push_back('0');
  }
  if (value.scale == 0 && places == 0) return;
  out->push_back('.');
  if (whole < 0) out->append(static_cast<size_t>(-whole), '0');
  const int from = whole > 0 ? whole : 0;
  out->append(digits + from, static_cast<size_t>(length - from));
  if (places > value.scale) out->append(static_cast<size_t>(places - value.scale), '0');
}

void AppendTradeText(std::string_view stream, std::string_view symbol, const VenueTrade& trade,
                     TimeUnit unit, std::string* out) {
  const int64_t time = unit == TimeUnit::kMicroseconds ? trade.time_ms * 1000 : trade.time_ms;
  out->append(R"({"stream":")").append(stream).append(R"(","data":{"e":"trade","E":)");
  AppendInteger(time, out);
  out->append(R"(,"s":")").append(symbol).append(R"(","t":)");
  AppendInteger(static_cast<int64_t>(trade.id), out);
  out->append(R"(,"p":")");
  AppendFixed(trade.price, kPlaces, out);
  out->append(R"(","q":")");
  AppendFixed(trade.quantity, kPlaces, out);
  out->append(R"(","T":)");
  AppendInteger(time, out);
  out->append(trade.buyer_is_maker ? R"(,"m":true,"M":true}})" : R"(,"m":false,"M":true}})");
}

void AppendRestTrade(const VenueTrade& trade, std::string* out) {
  out->append(R"({"id":)");
  AppendInteger(static_cast<int64_t>(trade.id), out);
  out->append(R"(,"price":")");
  AppendFixed(trade.price, kPlaces, out);
  out->append(R"(","qty":")");
  AppendFixed(trade.quantity, kPlaces, out);
  out->append(R"(","quoteQty":")").append(Product(trade.price, trade.quantity));
  out->append(R"(","time":)");
  AppendInteger(trade.time_ms, out);
  out->append(trade.buyer_is_maker ? R"(,"isBuyerMaker":true,"isBestMatch":true})"
                                   : R"(,"isBuyerMaker":false,"isBestMatch":true})");
}

std::string ServerShutdownText(int64_t now_ms) {
  return absl::StrCat(R"({"e":"serverShutdown","E":)", now_ms, "}");
}

void AppendTextFrame(std::string_view payload, std::string* out) {
  const size_t size = payload.size();
  out->push_back(static_cast<char>(0x81));  // final fragment, text
  int length_bytes = 0;
  if (size < 126) {
    out->push_back(static_cast<char>(size));
  } else if (size < 65536) {
    out->push_back(126);
    length_bytes = 2;
  } else {
    out->push_back(127);
    length_bytes = 8;
  }
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((size >> shift) & 0xff));
  }
  out->append(payload);
}

}  // namespace quantstream::simulator
