#include "ingest/recording.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace quantstream::ingest {
namespace {

// Lines that are looked at to find a file's format.
constexpr size_t kFirstLinesMax = 200;
constexpr std::string_view kSymbolHeader = "symbol,seq,trade_id,ts_ms,price,qty";

size_t DigitsAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[end]))) ++end;
  return end - at;
}

int64_t ToNumber(std::string_view digits) {
  int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

size_t Columns(std::string_view line) {
  return static_cast<size_t>(std::count(line.begin(), line.end(), ',')) + 1;
}

// Where the frame begins in `1626992742.334986: {…}`, and the time; 0 when the line does not look
// so.
size_t SplitSeconds(std::string_view line, EventTime* time) {
  const size_t whole = DigitsAt(line, 0);
  if (whole == 0 || whole > 11) return 0;
  size_t at = whole;
  int64_t micros = 0;
  if (at < line.size() && line[at] == '.') {
    const size_t decimals = DigitsAt(line, ++at);
    for (size_t i = 0; i < 6; ++i) micros = micros * 10 + (i < decimals ? line[at + i] - '0' : 0);
    at += decimals;
  }
  if (line.substr(at, 2) != ": ") return 0;
  *time = EventTime{ToNumber(line.substr(0, whole)) * 1'000'000 + micros};
  return at + 2;
}

// The same for `1723161254087896568 {…}`.
size_t SplitNanoseconds(std::string_view line, EventTime* time) {
  const size_t digits = DigitsAt(line, 0);
  if (digits < 18 || digits > 19 || line.substr(digits, 1) != " ") return 0;
  *time = EventTime{ToNumber(line.substr(0, digits)) / 1000};
  return digits + 1;
}

bool IsClientLine(std::string_view line) {
  return line.starts_with("ws://") || line.starts_with("wss://");
}

// `krakenJPY.csv.gz` is BTC against JPY: all of bitcoincharts is.
absl::StatusOr<std::string> BitcoinSymbol(const std::string& name) {
  const std::string stem = name.substr(0, name.find('.'));
  if (stem.size() >= 4) {
    const std::string currency = stem.substr(stem.size() - 3);
    const bool upper = std::all_of(currency.begin(), currency.end(), [](char c) {
      return absl::ascii_isupper(static_cast<unsigned char>(c));
    });
    if (upper) return "BTC-" + currency;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": the name does not end with a currency; give replay_symbol"));
}

struct TickerAndDay {
  std::string ticker;
  std::string day;  // yyyymmdd
};

// `20131007_spy_Trade_Tick.csv` or `spy_20131007_trade.zip`.
absl::StatusOr<TickerAndDay> StockName(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (c == '_' || c == '.') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.size() >= 2) {
    const bool day_first = words[0].size() == 8 && DigitsAt(words[0], 0) == 8;
    const std::string& day = day_first ? words[0] : words[1];
    const std::string& ticker = day_first ? words[1] : words[0];
    if (day.size() == 8 && DigitsAt(day, 0) == 8 && !ticker.empty()) {
      return TickerAndDay{absl::AsciiStrToUpper(ticker), day};
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": the name does not tell ticker and day (20131007_spy_…)"));
}

absl::StatusOr<std::unique_ptr<CsvTrades>> MakeRows(RecordingFormat format, const std::string& name,
                                                    std::string symbol, SymbolTable& symbols) {
  if (format == RecordingFormat::kSymbolRows) return MakeSymbolRows(symbols);
  if (format == RecordingFormat::kBitcoinchartsRows) {
    if (symbol.empty()) {
      auto found = BitcoinSymbol(name);
      if (!found.ok()) return found.status();
      symbol = *std::move(found);
    }
    return MakeBitcoinchartsRows(symbols.venue(), std::move(symbol));
  }
  auto stock = StockName(name);
  if (!stock.ok()) return stock.status();
  const auto midnight = NewYorkMidnight(stock->day);
  if (!midnight.ok()) return midnight.status();
  return MakeStockTickRows(symbols.venue(), symbol.empty() ? stock->ticker : std::move(symbol),
                           *midnight);
}

}  // namespace

std::optional<RecordingFormat> FormatOf(std::string_view line) {
  EventTime ignored;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line == kSymbolHeader) return RecordingFormat::kSymbolRows;
  if (IsClientLine(line)) return RecordingFormat::kFramesSeconds;
  if (SplitNanoseconds(line, &ignored) > 0) return RecordingFormat::kFramesNanoseconds;
  if (SplitSeconds(line, &ignored) > 0) return RecordingFormat::kFramesSeconds;
  if (line.starts_with('{') || line.starts_with('[')) return RecordingFormat::kFramesBare;
  const size_t digits = DigitsAt(line, 0);
  if (digits == 0 || digits >= line.size() || line[digits] != ',') return std::nullopt;
  if (Columns(line) == 3) return RecordingFormat::kBitcoinchartsRows;
  // Bars have six columns too, but a fourth that is a number.
  size_t fourth = 0;
  for (int i = 0; i < 3 && fourth != std::string_view::npos; ++i)
    fourth = line.find(',', fourth) + 1;
  const bool exchange = Columns(line) == 6 && fourth < line.size() &&
                        absl::ascii_isalpha(static_cast<unsigned char>(line[fourth]));
  return exchange ? std::optional(RecordingFormat::kStockTickRows) : std::nullopt;
}

Recording::Recording(std::unique_ptr<LineReader> reader, RecordingFormat format)
    : reader_(std::move(reader)), format_(format) {}

absl::StatusOr<std::unique_ptr<Recording>> Recording::Open(const RecordingOptions& options,
                                                           SymbolTable& symbols) {
  auto reader = LineReader::Open(options.path);
  if (!reader.ok()) return reader.status();
  std::vector<std::string> first_lines;
  std::optional<RecordingFormat> format;
  std::string_view line;
  while (!format.has_value() && first_lines.size() < kFirstLinesMax && (*reader)->Next(&line)) {
    first_lines.emplace_back(line);
    format = FormatOf(line);
  }
  if (!format.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, ": neither frames nor trades in a format that is known"));
  }
  std::unique_ptr<Recording> recording(new Recording(*std::move(reader), *format));
  recording->first_lines_ = std::move(first_lines);
  const bool frames = *format <= RecordingFormat::kFramesBare;
  if (frames) {
    recording->decoder_ = options.make_decoder();
    return recording;
  }
  auto rows = MakeRows(*format, recording->reader_->name(), options.symbol, symbols);
  if (!rows.ok()) return rows.status();
  recording->rows_ = rows->get();
  recording->decoder_ = *std::move(rows);
  return recording;
}

bool Recording::NextLine(std::string_view* line) {
  while (true) {
    if (first_line_ < first_lines_.size()) {
      *line = first_lines_[first_line_++];
    } else if (!reader_->Next(line)) {
      return false;
    }
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (!line->empty()) return true;
  }
}

// False: the line is no frame, only what the client sent.
bool Recording::Split(std::string_view line, RecordedFrame* frame) {
  size_t begin = 0;
  if (format_ == RecordingFormat::kFramesSeconds) {
    if (IsClientLine(line)) return false;
    begin = SplitSeconds(line, &last_time_);
  } else if (format_ == RecordingFormat::kFramesNanoseconds) {
    begin = SplitNanoseconds(line, &last_time_);
  }
  *frame = {last_time_, line.substr(begin)};
  return true;
}

bool Recording::Next(RecordedFrame* frame) {
  if (csv()) return NextRow(frame);
  std::string_view line;
  while (NextLine(&line)) {
    if (Split(line, frame)) return true;
  }
  return false;
}

void Recording::LoadRows() {
  sorted_.clear();
  next_row_ = 0;
  bool in_order = true;
  std::string_view line;
  while (sorted_.size() < kSortedRows && NextLine(&line)) {
    if (line == kSymbolHeader) continue;
    const EventTime time = rows_->TimeOf(line).value_or(last_time_);
    in_order = in_order && time >= last_time_;
    last_time_ = time;
    sorted_.push_back({time, std::string(line)});
  }
  const auto earlier = [](const Row& a, const Row& b) { return a.time < b.time; };
  if (!in_order) std::stable_sort(sorted_.begin(), sorted_.end(), earlier);
}

bool Recording::NextRow(RecordedFrame* frame) {
  if (next_row_ == sorted_.size()) LoadRows();
  if (sorted_.empty()) return false;
  const Row& row = sorted_[next_row_++];
  *frame = {row.time, row.text};
  return true;
}

}  // namespace quantstream::ingest
