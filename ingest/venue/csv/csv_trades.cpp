#include "ingest/venue/csv/csv_trades.h"

#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "market/decimal.h"

namespace quantstream::ingest {
namespace {

// Splits a row into `columns`; false when there are more or fewer.
bool Split(std::string_view row, std::span<std::string_view> columns) {
  if (row.ends_with('\r')) row.remove_suffix(1);
  for (size_t i = 0; i + 1 < columns.size(); ++i) {
    const size_t comma = row.find(',');
    if (comma == std::string_view::npos) return false;
    columns[i] = row.substr(0, comma);
    row.remove_prefix(comma + 1);
  }
  columns.back() = row;
  return row.find(',') == std::string_view::npos;
}

template <typename Integer>
std::optional<Integer> ParseInteger(std::string_view text) {
  Integer value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

// Above zero and before the year 5138.
std::optional<EventTime> TimeFrom(std::optional<int64_t> number, int64_t unit_us) {
  constexpr int64_t kTimeMaxUs = 100'000'000'000'000'000;
  if (!number.has_value() || *number <= 0 || *number >= kTimeMaxUs / unit_us) return std::nullopt;
  return EventTime{*number * unit_us};
}

// What the formats share: columns in, one trade out.
class Rows : public CsvTrades {
 public:
  const DecodedFrame& Decode(std::string_view row) final {
    frame_.trades.clear();
    frame_.kind = FrameKind::kTrades;
    frame_.reason = Fill(row, frame_.trades.emplace_back());
    if (!frame_.reason.empty()) {
      frame_.kind = FrameKind::kBad;
      frame_.trades.clear();
    } else if (frame_.trades.front().symbol.empty()) {
      frame_.kind = FrameKind::kIgnored;
      frame_.trades.clear();
    }
    return frame_;
  }

 protected:
  // Empty, or why the row is refused. A trade without a symbol is one that nobody asked for.
  virtual std::string_view Fill(std::string_view row, Trade& trade) const = 0;

  static std::string_view FillNumbers(std::string_view price, std::string_view quantity,
                                      std::optional<EventTime> time, Trade& trade) {
    if (!time.has_value()) return RefusalName(Refusal::kTime);
    const auto parsed_price = Decimal::Parse(price);
    if (!parsed_price.ok()) return RefusalName(Refusal::kPrice);
    const auto parsed_quantity = Decimal::Parse(quantity);
    if (!parsed_quantity.ok()) return RefusalName(Refusal::kQuantity);
    trade.venue_time = *time;
    trade.receive_time = *time;
    trade.price = *parsed_price;
    trade.quantity = *parsed_quantity;
    return {};
  }

 private:
  DecodedFrame frame_;
};

// XRPETH,0,13519807,1570752011620,0.00141342,23.0
class SymbolRows final : public Rows {
 public:
  explicit SymbolRows(SymbolTable& symbols) : symbols_(symbols) {}

  std::optional<EventTime> TimeOf(std::string_view row) const override {
    std::array<std::string_view, 6> columns;
    if (!Split(row, columns)) return std::nullopt;
    return TimeFrom(ParseInteger<int64_t>(columns[3]), 1000);
  }

 protected:
  std::string_view Fill(std::string_view row, Trade& trade) const override {
    std::array<std::string_view, 6> columns;
    if (!Split(row, columns)) return kMalformed;
    const auto id = ParseInteger<uint64_t>(columns[2]);
    if (!id.has_value()) return kWrongType;
    trade.id = *id;
    trade.venue = symbols_.venue();
    const Symbol* symbol = symbols_.Find(columns[0]);
    if (symbol != nullptr) trade.symbol = symbol->canonical;
    return FillNumbers(columns[4], columns[5], TimeFrom(ParseInteger<int64_t>(columns[3]), 1000),
                       trade);
  }

 private:
  SymbolTable& symbols_;
};

// 1497169386,320000.000000000000,0.003289260000
class BitcoinchartsRows final : public Rows {
 public:
  BitcoinchartsRows(std::string venue, std::string symbol)
      : venue_(std::move(venue)), symbol_(std::move(symbol)) {}

  std::optional<EventTime> TimeOf(std::string_view row) const override {
    return TimeFrom(ParseInteger<int64_t>(row.substr(0, row.find(','))), 1'000'000);
  }

 protected:
  std::string_view Fill(std::string_view row, Trade& trade) const override {
    std::array<std::string_view, 3> columns;
    if (!Split(row, columns)) return kMalformed;
    trade.venue = venue_;
    trade.symbol = symbol_;
    return FillNumbers(columns[1], columns[2], TimeOf(row), trade);
  }

 private:
  std::string venue_;
  std::string symbol_;
};

// 14400464,1674100,100,P,20002000,0
class StockTickRows final : public Rows {
 public:
  StockTickRows(std::string venue, std::string symbol, EventTime midnight)
      : venue_(std::move(venue)), symbol_(std::move(symbol)), midnight_(midnight) {}

  std::optional<EventTime> TimeOf(std::string_view row) const override {
    constexpr int64_t kDayMs = 25 * 3600 * 1000;  // the longest one
    const auto ms = ParseInteger<int64_t>(row.substr(0, row.find(',')));
    if (!ms.has_value() || *ms < 0 || *ms >= kDayMs) return std::nullopt;
    return EventTime{midnight_.us + *ms * 1000};
  }

 protected:
  std::string_view Fill(std::string_view row, Trade& trade) const override {
    std::array<std::string_view, 6> columns;
    if (!Split(row, columns)) return kMalformed;
    trade.venue = venue_;
    trade.symbol = symbol_;
    const auto reason = FillNumbers(columns[1], columns[2], TimeOf(row), trade);
    if (!reason.empty()) return reason;
    if (trade.price.scale > Decimal::kScaleMax - 4) return RefusalName(Refusal::kPrice);
    trade.price.scale = static_cast<uint8_t>(trade.price.scale + 4);
    trade.price = trade.price.Canonical();
    return {};
  }

 private:
  std::string venue_;
  std::string symbol_;
  EventTime midnight_;
};

}  // namespace

std::unique_ptr<CsvTrades> MakeSymbolRows(SymbolTable& symbols) {
  return std::make_unique<SymbolRows>(symbols);
}

std::unique_ptr<CsvTrades> MakeBitcoinchartsRows(std::string venue, std::string symbol) {
  return std::make_unique<BitcoinchartsRows>(std::move(venue), std::move(symbol));
}

std::unique_ptr<CsvTrades> MakeStockTickRows(std::string venue, std::string symbol,
                                             EventTime midnight) {
  return std::make_unique<StockTickRows>(std::move(venue), std::move(symbol), midnight);
}

absl::StatusOr<EventTime> NewYorkMidnight(std::string_view yyyymmdd) {
  const auto day = ParseInteger<int32_t>(yyyymmdd);
  if (!day.has_value() || yyyymmdd.size() != 8) {
    return absl::InvalidArgumentError(absl::StrCat("not a day: ", std::string(yyyymmdd)));
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone("America/New_York", &zone)) {
    return absl::NotFoundError("time zone America/New_York is not installed (package tzdata)");
  }
  const absl::CivilDay civil(*day / 10000, *day / 100 % 100, *day % 100);
  return EventTime{absl::ToUnixMicros(absl::FromCivil(civil, zone))};
}

}  // namespace quantstream::ingest
