#include "market/interval.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace quantstream {
namespace {

struct Unit {
  char name;
  int32_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};

// Seconds, or 0 when the text is no interval.
int32_t SecondsOf(std::string_view text) {
  if (text.size() < 2 || text[0] == '0') return 0;
  int64_t number = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + (c - '0');
    if (number > Interval::kSecondsMax) return 0;
  }
  for (const Unit& unit : kUnits) {
    if (text.back() != unit.name) continue;
    const int64_t seconds = number * unit.seconds;
    return seconds <= Interval::kSecondsMax ? static_cast<int32_t>(seconds) : 0;
  }
  return 0;
}

}  // namespace

absl::StatusOr<Interval> Interval::Parse(std::string_view text) {
  const int32_t seconds = SecondsOf(text);
  if (seconds == 0) {
    return absl::InvalidArgumentError(
        "an interval is a whole number and one of s, m, h, d, from 1s to 1d: 1s, 5m, 1h");
  }
  return Interval{seconds};
}

std::string Interval::ToString() const {
  for (const Unit& unit : kUnits) {
    if (seconds % unit.seconds == 0) {
      return absl::StrCat(seconds / unit.seconds, std::string(1, unit.name));
    }
  }
  return absl::StrCat(seconds, "s");
}

}  // namespace quantstream
