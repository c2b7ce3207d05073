#include "query/service/request_checker.h"

#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "market/instrument.h"
#include "platform/status.h"
#include "query/page_token.h"

namespace quantstream::query {
namespace {

constexpr int64_t kTimestampSecondsMin = -62'135'596'800;  // 0001-01-01
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;  // 9999-12-31

}  // namespace

void RequestChecker::Wrong(std::string_view field, std::string description) {
  violations_.push_back({std::string(field), std::move(description)});
}

void RequestChecker::Instrument(std::string_view field, const std::string& text) {
  if (text.empty()) {
    Wrong(field, "is missing; legal: venue:symbol, such as binance:BTC-USDT");
  } else if (text.size() > kNameBytesMax) {
    Wrong(field, absl::StrCat("is longer than ", kNameBytesMax, " bytes"));
  } else if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    Wrong(field, "holds control characters");
  } else if (text.find(':') != std::string::npos) {
    const auto name = InstrumentName::Parse(text);
    if (!name.ok()) Wrong(field, Message(name.status()));
  }
}

WindowGrid RequestChecker::Grid(std::string_view field, const std::string& text) {
  const auto grid = WindowGrid::Parse(text, limits_.intervals);
  if (grid.ok()) return *grid;
  Wrong(field, Message(grid.status()));
  return WindowGrid(limits_.intervals.front());
}

quantstream::Interval RequestChecker::StoredInterval(std::string_view field,
                                                     const std::string& text) {
  const auto interval = quantstream::Interval::Parse(text);
  if (interval.ok() &&
      std::ranges::find(limits_.intervals, *interval) != limits_.intervals.end()) {
    return *interval;
  }
  Wrong(field, text.empty()
                   ? absl::StrCat("is missing; legal: ", Legal())
                   : absl::StrCat("'", text.substr(0, 20), "' is not stored; legal: ", Legal()));
  return {};
}

EventTime RequestChecker::Time(std::string_view field, const google::protobuf::Timestamp& time,
                               EventTime otherwise) {
  if (time.seconds() < kTimestampSecondsMin || time.seconds() > kTimestampSecondsMax) {
    Wrong(field, "is outside the years 1 to 9999");
    return otherwise;
  }
  if (time.nanos() < 0 || time.nanos() > 999'999'999) {
    Wrong(field, "has nanos outside 0 to 999,999,999");
    return otherwise;
  }
  const int64_t rounded_up = (int64_t{time.nanos()} + 999) / 1000;
  return EventTime{time.seconds() * kMicrosecondsPerSecond + rounded_up};
}

int32_t RequestChecker::Number(std::string_view field, int32_t value, int32_t maximum) {
  if (value < 0 || value > maximum) {
    Wrong(field, absl::StrCat("is ", value, "; legal: 0 to ", maximum));
  }
  return value;
}

int32_t RequestChecker::PageSize(int32_t value) {
  const int32_t size = Number("page_size", value, limits_.page_max);
  return size == 0 ? limits_.page_default : size;
}

std::string RequestChecker::Position(const std::string& token, const PageTokens& pages) {
  if (token.empty()) return "";
  auto position = pages.Decode(token);
  if (position.ok() && !position->empty()) return *position;
  Wrong("page_token",
        position.ok() ? "is not a next_page_token of this service" : Message(position.status()));
  return "";
}

std::vector<std::string> RequestChecker::InstrumentList(std::vector<std::string> texts) {
  const auto maximum = static_cast<size_t>(limits_.instruments_max);
  if (texts.empty() || texts.size() > maximum) {
    Wrong("instruments", absl::StrCat("holds ", texts.size(), "; legal: 1 to ", maximum));
    return {};
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    Instrument(absl::StrCat("instruments[", i, "]"), texts[i]);
  }
  return texts;
}

std::vector<WindowGrid> RequestChecker::GridList(const std::vector<std::string>& texts) {
  const size_t maximum = std::max(kIntervalsMax, limits_.intervals.size());
  if (texts.empty() || texts.size() > maximum) {
    Wrong("intervals",
          absl::StrCat("holds ", texts.size(), "; legal: 1 to ", maximum, ", such as ", Legal()));
    return {};
  }
  std::vector<WindowGrid> grids;
  for (size_t i = 0; i < texts.size(); ++i) {
    auto grid = Grid(absl::StrCat("intervals[", i, "]"), texts[i]);
    if (std::ranges::find(grids, grid) == grids.end()) grids.push_back(std::move(grid));
  }
  return grids;
}

absl::Status RequestChecker::status() const {
  return violations_.empty() ? absl::OkStatus() : InvalidRequest(violations_);
}

std::string RequestChecker::Legal() const {
  return absl::StrJoin(
      limits_.intervals, " ",
      [](std::string* out, quantstream::Interval interval) { out->append(interval.ToString()); });
}

}  // namespace quantstream::query
