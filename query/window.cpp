#include "query/window.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace quantstream::query {
namespace {

constexpr char kLegal[] =
    "; legal: 1s to 1d (7s, 45m, 4h), or a day of a time zone (1d@America/New_York)";
constexpr size_t kZoneBytesMax = 64;
constexpr EventTime kYearOne{-62'135'596'800'000'000};
// A day of a time zone is at most so much longer than 24 hours, but where the date line moved.
constexpr int64_t kLongerDaySeconds = 2 * 3600;

absl::Status Wrong(std::string_view text, std::string_view what, std::string_view legal = kLegal) {
  const std::string shown = absl::CHexEscape(std::string(text.substr(0, 40)));
  return absl::InvalidArgumentError(
      absl::StrCat("'", shown, "' ", std::string(what), std::string(legal)));
}

EventTime FromAbsl(absl::Time time) {
  return EventTime{absl::ToUnixMicros(time)};
}

// The first moment of a day: its first midnight where clocks show two, the jump where they skip it.
absl::Time DayStart(absl::CivilDay day, absl::TimeZone zone) {
  const auto midnight = zone.At(absl::CivilSecond(day));
  return midnight.kind == absl::TimeZone::TimeInfo::SKIPPED ? midnight.trans : midnight.pre;
}

// The day whose window holds `time`. Clocks that go back over midnight show the day before again;
// of a day that is skipped, nothing is left.
absl::CivilDay DayOf(absl::Time time, absl::TimeZone zone) {
  absl::CivilDay day(zone.At(time).cs);
  while (DayStart(day + 1, zone) <= time) ++day;
  while (DayStart(day, zone) > time) --day;
  return day;
}

// The greatest number of seconds that divides every start of a day from 1970 to 2100: between two
// changes of the clock all days begin alike, so those beside a change tell.
int64_t CommonSeconds(absl::TimeZone zone) {
  int64_t common = Interval::kSecondsMax;
  const auto take = [&](absl::CivilDay day) {
    common = std::gcd(common, absl::ToUnixSeconds(DayStart(day, zone)));
  };
  absl::CivilDay day(1970, 1, 2);
  take(day);
  absl::TimeZone::CivilTransition change;
  absl::Time time = DayStart(day, zone);
  while (zone.NextTransition(time, &change) && change.to.year() <= 2100) {
    for (const absl::CivilSecond side : {change.from, change.to}) {
      day = absl::CivilDay(side);
      for (const int beside : {-1, 0, 1}) take(day + beside);
    }
    time = zone.At(change.to).trans;
  }
  return common;
}

// CommonSeconds of each zone that was asked for: some 600 names have a file. Thread-safe.
class ZoneDays {
 public:
  int64_t CommonSecondsOf(absl::TimeZone zone) {
    std::lock_guard lock(mutex_);
    const auto [at, is_new] = known_.try_emplace(zone.name(), 0);
    if (is_new) {
      ++reckoned_;
      at->second = CommonSeconds(zone);
    }
    return at->second;
  }
  int64_t reckoned() const {
    std::lock_guard lock(mutex_);
    return reckoned_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> known_;  // guarded by mutex_, as below
  int64_t reckoned_ = 0;
};

ZoneDays& Zones() {
  static ZoneDays zones;
  return zones;
}

std::optional<Interval> LargestThatDivides(int64_t seconds, const std::vector<Interval>& stored) {
  std::optional<Interval> largest;
  for (const Interval interval : stored) {
    if (seconds % interval.seconds == 0) largest = std::max(largest, std::optional(interval));
  }
  return largest;
}

bool IsZoneName(std::string_view name) {
  const bool characters = std::ranges::all_of(name, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '+' || c == '-' ||
           c == '/';
  });
  return characters && !name.empty() && name.size() <= kZoneBytesMax && name.front() != '/' &&
         name.back() != '/' && name.find("//") == std::string_view::npos &&
         !name.starts_with("right/") && !name.starts_with("posix/") && name != "localtime" &&
         name != "posixrules";
}

// absl keeps every name that it was asked for, also those that are none, for ever: it is asked for
// names with a file in the database only.
std::optional<absl::TimeZone> FindZone(std::string_view name) {
  if (!IsZoneName(name)) return std::nullopt;
  const char* directory = std::getenv("TZDIR");
  const std::string path = absl::StrCat(
      directory != nullptr && *directory != '\0' ? directory : "/usr/share/zoneinfo", "/",
      std::string(name));
  struct stat file{};
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(std::string(name), &zone)) return std::nullopt;
  return zone;
}

}  // namespace

absl::StatusOr<WindowGrid> WindowGrid::Parse(std::string_view text,
                                             const std::vector<Interval>& stored) {
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat("is missing", kLegal));
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    return ParseZoneDay(text.substr(0, at), text.substr(at + 1), stored);
  }
  const auto length = Interval::Parse(text);
  if (!length.ok()) {
    return Wrong(text, "is not a whole number of s, m, h or d, from 1s to 1d");
  }
  const auto part = LargestThatDivides(length->seconds, stored);
  if (!part) {
    return Wrong(text, "is not a whole multiple of a stored interval",
                 absl::StrCat("; the smallest is ", std::ranges::min(stored).ToString()));
  }
  return WindowGrid(*length, *part, std::nullopt);
}

absl::StatusOr<WindowGrid> WindowGrid::ParseZoneDay(std::string_view length, std::string_view zone,
                                                    const std::vector<Interval>& stored) {
  if (length != "1d") {
    return Wrong(absl::StrCat(std::string(length), "@"), "is not a day of a time zone",
                 "; legal: 1d@ and a name of the IANA time-zone database, such as 1d@Asia/Kolkata");
  }
  const auto found = FindZone(zone);
  if (!found) {
    return Wrong(zone, "is not a time zone",
                 "; legal: a name of the IANA time-zone database, such as 1d@Asia/Kolkata");
  }
  const int64_t common = Zones().CommonSecondsOf(*found);
  const auto part = LargestThatDivides(common, stored);
  if (!part) {
    return Wrong(zone, absl::StrCat("has days that begin at whole multiples of ", common,
                                    "s only, which no stored interval divides"),
                 absl::StrCat("; the smallest is ", std::ranges::min(stored).ToString()));
  }
  return WindowGrid(Interval{Interval::kSecondsMax}, *part, *found);
}

int64_t WindowGrid::zones_reckoned() {
  return Zones().reckoned();
}

std::string WindowGrid::ToString() const {
  return zone_ ? absl::StrCat(length_.ToString(), "@", zone_->name()) : length_.ToString();
}

EventTime WindowGrid::Start(EventTime time) const {
  if (!zone_) return WindowStart(time, length_);
  return FromAbsl(DayStart(DayOf(absl::FromUnixMicros(time.us), *zone_), *zone_));
}

EventTime WindowGrid::FirstFrom(EventTime time) const {
  if (time < kYearOne || time > kTimeMax) return time;
  const EventTime start = Start(time);
  return start == time ? start : End(start);
}

int64_t WindowGrid::parts_max() const {
  const int64_t longest = length_.seconds + (zone_ ? kLongerDaySeconds : 0);
  return (longest + part_.seconds - 1) / part_.seconds;
}

EventTime WindowGrid::End(EventTime start) const {
  if (!zone_) return EventTime{start.us + length_.us()};
  const absl::Time begin = absl::FromUnixMicros(start.us);
  absl::CivilDay day(zone_->At(begin).cs);
  while (DayStart(day, *zone_) <= begin) ++day;
  return FromAbsl(DayStart(day, *zone_));
}

}  // namespace quantstream::query
