#include "ingest/simulator/recording.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ingest/simulator/frame_text.h"
#include "ingest/simulator/lines.h"
#include "ingest/simulator/recorded_frame.h"
#include "platform/status.h"

namespace quantstream::simulator {
namespace {

constexpr std::string_view kCsvHeader = "symbol,seq,trade_id,ts_ms,price,qty";
constexpr int64_t kDayMs = 86'400'000;

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

absl::StatusOr<VenueTrade> ParseCsvTrade(const std::vector<std::string>& fields) {
  VenueTrade trade;
  if (!absl::SimpleAtoi(fields[2], &trade.id)) return absl::InvalidArgumentError("trade_id");
  if (!absl::SimpleAtoi(fields[3], &trade.time_ms)) return absl::InvalidArgumentError("ts_ms");
  const absl::StatusOr<Decimal> price = Decimal::Parse(fields[4]);
  if (!price.ok()) return Annotate(price.status(), "price");
  const absl::StatusOr<Decimal> quantity = Decimal::Parse(fields[5]);
  if (!quantity.ok()) return Annotate(quantity.status(), "qty");
  trade.price = *price;
  trade.quantity = *quantity;
  return trade;
}

}  // namespace

absl::StatusOr<Recording> Recording::Load(const RecordingOptions& options) {
  Recording recording(options.speed);
  for (const std::string& path : options.files) {
    if (absl::Status status = recording.ReadFile(path); !status.ok()) return status;
  }
  if (recording.items_.empty()) return absl::InvalidArgumentError("the recordings are empty");
  std::stable_sort(recording.items_.begin(), recording.items_.end(),
                   [](const Item& a, const Item& b) { return a.time_us < b.time_us; });
  if (options.shift_to_today) recording.Shift(options.now_us);
  return recording;
}

absl::Status Recording::ReadFile(const std::string& path) {
  absl::StatusOr<LineReader> reader = LineReader::Open(path);
  if (!reader.ok()) return reader.status();
  std::string line;
  int64_t number = 0;
  bool csv = false;
  while (reader->Next(&line)) {
    if (++number == 1 && line == kCsvHeader) {
      csv = true;
      continue;
    }
    absl::Status status = csv ? AddCsvLine(line) : AddFrameLine(line);
    if (items_.size() > kMessagesMax) status = absl::ResourceExhaustedError("too many messages");
    if (!status.ok()) return Annotate(status, absl::StrCat(path, ":", number));
  }
  return reader->status();
}

absl::Status Recording::AddCsvLine(std::string_view line) {
  const std::vector<std::string> fields = absl::StrSplit(View(line), ',');
  if (fields.size() != 6 || fields[0].empty()) {
    return absl::InvalidArgumentError("a line has six fields");
  }
  absl::StatusOr<VenueTrade> trade = ParseCsvTrade(fields);
  if (!trade.ok()) return trade.status();
  trade->symbol = Symbol(fields[0]);
  VenueMessage message{.stream = Stream(TradeStreamName(fields[0])), .trade = *trade};
  items_.push_back({trade->time_ms * 1000, std::move(message)});
  return absl::OkStatus();
}

absl::Status Recording::AddFrameLine(std::string_view line) {
  absl::StatusOr<RecordedFrame> frame = ParseRecordedFrame(line);
  if (!frame.ok()) return frame.status();
  if (frame->stream.empty()) return absl::OkStatus();
  VenueMessage message{.stream = Stream(frame->stream), .trade = frame->trade};
  if (message.trade) message.trade->symbol = Symbol(frame->symbol);
  message.recorded_text = frame->text;
  items_.push_back({frame->receive_time_us, std::move(message)});
  return absl::OkStatus();
}

uint32_t Recording::Symbol(std::string_view name) {
  const auto [found, added] =
      symbol_index_.try_emplace(std::string(name), static_cast<uint32_t>(symbols_.size()));
  if (added) symbols_.push_back(SplitSymbol(name));
  return found->second;
}

uint32_t Recording::Stream(std::string_view name) {
  const auto [found, added] =
      stream_index_.try_emplace(std::string(name), static_cast<uint32_t>(streams_.size()));
  if (added) streams_.push_back(std::string(name));
  return found->second;
}

// A symbol's ids move by as many as the recording has of them, once a day: played on two days in a
// row, they go on without a gap; played twice on one day, the trades are the same ones.
void Recording::Shift(int64_t now_us) {
  const int64_t days = (now_us / 1000 - items_.front().time_us / 1000) / kDayMs;
  if (days <= 0) return;
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> ids;  // symbol -> least, greatest
  for (const Item& item : items_) {
    if (!item.message.trade) continue;
    const VenueTrade& trade = *item.message.trade;
    auto& [least, greatest] = ids.try_emplace(trade.symbol, trade.id, trade.id).first->second;
    least = std::min(least, trade.id);
    greatest = std::max(greatest, trade.id);
  }
  for (Item& item : items_) {
    item.time_us += days * kDayMs * 1000;
    if (item.message.trade) {
      VenueTrade& trade = *item.message.trade;
      const auto& [least, greatest] = ids.at(trade.symbol);
      trade.id += static_cast<uint64_t>(days) * (greatest - least + 1);
      trade.time_ms += days * kDayMs;
      item.message.recorded_text.clear();
    } else {
      item.message.recorded_text = ShiftTimes(item.message.recorded_text, days * kDayMs);
    }
  }
}

bool Recording::TakeDue(int64_t now_us, VenueMessage* message) {
  if (finished()) return false;
  if (played_from_us_ < 0) played_from_us_ = now_us;
  const double elapsed_us = static_cast<double>(items_[next_].time_us - items_.front().time_us);
  if (speed_ > 0 && elapsed_us > static_cast<double>(now_us - played_from_us_) * speed_) {
    return false;
  }
  *message = std::move(items_[next_++].message);
  return true;
}

std::string ShiftTimes(std::string_view frame, int64_t delta_ms) {
  std::string out;
  while (!frame.empty()) {
    const size_t e = std::min(frame.find("\"E\":"), frame.find("\"T\":"));
    const size_t digits = e == std::string_view::npos ? frame.size() : e + 4;
    out.append(frame.substr(0, digits));
    frame.remove_prefix(digits);
    const size_t length = std::min(frame.find_first_not_of("0123456789"), frame.size());
    int64_t time = 0;
    if (length > 0 && absl::SimpleAtoi(View(frame.substr(0, length)), &time)) {
      AppendInteger(time + delta_ms, &out);
      frame.remove_prefix(length);
    }
  }
  return out;
}

VenueSymbol SplitSymbol(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kQuotes = {
      "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "USD", "JPY", "TRY"};
  for (const std::string_view quote : kQuotes) {
    if (name.size() > quote.size() && name.ends_with(quote)) {
      return {.base = std::string(name.substr(0, name.size() - quote.size())),
              .quote = std::string(quote)};
    }
  }
  return {.base = std::string(name), .quote = {}};
}

}  // namespace quantstream::simulator
