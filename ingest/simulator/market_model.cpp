#include "ingest/simulator/market_model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "ingest/simulator/frame_text.h"

namespace quantstream::simulator {
namespace {

// Where the prices of well-known currencies begin, so that a demonstration looks like a market: in
// hundredths.
constexpr std::pair<std::string_view, int64_t> kKnownPrices[] = {
    {"BTC-USDT", 6'183'763}, {"ETH-USDT", 268'381}, {"SOL-USDT", 15'012},
    {"BNB-USDT", 51'240},    {"LTC-USDT", 6'145},   {"AVAX-USDT", 2'467}};

std::optional<int64_t> KnownPrice(std::string_view name) {
  for (const auto& [known, hundredths] : kKnownPrices) {
    if (known == name) return hundredths;
  }
  return std::nullopt;
}

}  // namespace

MarketModel::MarketModel(const MarketOptions& options)
    : random_(options.seed),
      mean_wait_us_(1e6 / options.trades_per_s),
      next_us_(static_cast<double>(options.start_us)) {
  const auto first_id = static_cast<uint64_t>(std::max<int64_t>(options.start_us, 0)) + 1;
  double total = 0;
  for (const std::string& name : options.instruments) {
    AddInstrument(name, first_id);
    total += 1 / std::pow(static_cast<double>(symbols_.size()), options.skew);
    cumulative_weight_.push_back(total);
  }
}

// Base prices are spread over six orders of magnitude, each with about five digits, as on a real
// venue.
void MarketModel::AddInstrument(const std::string& name, uint64_t first_id) {
  const size_t dash = name.find('-');
  VenueSymbol symbol{.base = name.substr(0, dash),
                     .quote = dash == std::string::npos ? "" : name.substr(dash + 1)};
  symbol.price_places = 2 + static_cast<int>(random_.Below(5));
  symbol.quantity_places = 5;
  Book book;
  book.anchor = 20'000 + static_cast<int64_t>(random_.Below(6'000'000));
  if (const std::optional<int64_t> hundredths = KnownPrice(name)) {
    book.anchor = *hundredths;
    symbol.price_places = 2;
  }
  book.ticks = book.anchor;
  book.lot = 100 + static_cast<int64_t>(random_.Below(100'000));
  book.next_id = first_id;
  streams_.push_back(TradeStreamName(symbol.Name()));
  symbols_.push_back(std::move(symbol));
  books_.push_back(book);
}

uint32_t MarketModel::PickInstrument() {
  const double point = random_.Fraction() * cumulative_weight_.back();
  const auto found =
      std::upper_bound(cumulative_weight_.begin(), cumulative_weight_.end() - 1, point);
  return static_cast<uint32_t>(found - cumulative_weight_.begin());
}

VenueTrade MarketModel::MakeTrade(uint32_t symbol) {
  Book& book = books_[symbol];
  const uint64_t bits = random_.Next();
  // Most trades repeat the price; the rest move it by a few ticks either way.
  if ((bits & 3) == 0) {
    const auto step = 1 + static_cast<int64_t>((bits >> 2) & 7);
    book.ticks += (bits & 32) != 0 ? step : -step;
    book.ticks = std::clamp(book.ticks, book.anchor / 2, book.anchor * 2);
  }
  // Quantities have a long tail: a lot times a power of two.
  const int64_t quantity = 1 + ((book.lot * static_cast<int64_t>(1 + ((bits >> 8) & 255)) >> 8)
                                << std::countr_zero((bits >> 16) | 64));
  return {.symbol = symbol,
          .id = book.next_id++,
          .time_ms = static_cast<int64_t>(next_us_) / 1000,
          .price = {book.ticks, static_cast<uint8_t>(symbols_[symbol].price_places)},
          .quantity = {quantity, static_cast<uint8_t>(symbols_[symbol].quantity_places)},
          .buyer_is_maker = (bits & 64) != 0};
}

bool MarketModel::TakeDue(int64_t now_us, VenueMessage* message) {
  const auto now = static_cast<double>(now_us);
  if (next_us_ > now) return false;
  if (now - next_us_ > kBehindMaxUs) {
    left_out_us_ += static_cast<int64_t>(now - next_us_);
    next_us_ = now;
  }
  const uint32_t symbol = PickInstrument();
  message->stream = symbol;
  message->trade = MakeTrade(symbol);
  message->recorded_text.clear();
  next_us_ += random_.Wait(mean_wait_us_);
  return true;
}

}  // namespace quantstream::simulator
