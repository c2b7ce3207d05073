// What clients may ask for as an interval: a stored one, a whole multiple of the base interval, or
// a day of a time zone; and the windows that time is cut into by it. No state but what
// is known of zones. Reads the time-zone database of the machine (tzdata), nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "market/interval.h"
#include "market/time.h"

namespace quantstream::query {

// Windows tile time: each begins where the one before it ends. Of a fixed length they are aligned
// to the Unix epoch; a day of a time zone lasts from its first midnight to the next day's, 23 to 25
// hours where clocks change.
class WindowGrid {
 public:
  // `7s`, `45m`, `4h`, `1d`, `1d@America/New_York`, merged from the largest of the `stored`
  // intervals (of market/interval.h) that all of its windows begin and end with. INVALID_ARGUMENT
  // says what is legal, to follow a field's name. REQUIRES: `stored` is not empty.
  static absl::StatusOr<WindowGrid> Parse(std::string_view text,
                                          const std::vector<Interval>& stored);
  // A stored interval itself.
  explicit WindowGrid(Interval stored) : length_(stored), part_(stored) {}

  // False: it is stored, there is nothing to merge.
  bool merged() const { return zone_.has_value() || length_ != part_; }
  // The stored interval that it is merged from. Of a time zone the one that fits all of its days
  // from 1970 to 2100.
  Interval part() const { return part_; }
  // Of a day in a time zone: 1 day, however long it lasts.
  Interval length() const { return length_; }
  // Empty where the windows are of a fixed length.
  std::string time_zone() const { return zone_ ? zone_->name() : ""; }
  // As Parse takes it; equal grids have equal texts.
  std::string ToString() const;

  // Start of the window that holds `time`. REQUIRES, here and below: within the years 1 to 9999.
  EventTime Start(EventTime time) const;
  // End of the window that begins at `start`, exclusive. REQUIRES: `start` is a window's start.
  EventTime End(EventTime start) const;

  // Start of the first window that begins at or after `time`; a time outside those years stays.
  EventTime FirstFrom(EventTime time) const;
  // Most parts that a window can have.
  int64_t parts_max() const;

  // Test-only: zones whose days were reckoned, each once.
  static int64_t zones_reckoned();

  bool operator==(const WindowGrid& other) const = default;

 private:
  WindowGrid(Interval length, Interval part, std::optional<absl::TimeZone> zone)
      : length_(length), part_(part), zone_(zone) {}
  static absl::StatusOr<WindowGrid> ParseZoneDay(std::string_view length, std::string_view zone,
                                                 const std::vector<Interval>& stored);

  Interval length_;
  Interval part_;
  std::optional<absl::TimeZone> zone_;
};

}  // namespace quantstream::query
