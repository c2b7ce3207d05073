// Which instruments there are, and which one a request means: by name, or by another spelling that
// names one only. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/io.h"

namespace quantstream::query {

// What a text means.
struct InstrumentMatch {
  std::optional<Instrument> found;
  std::vector<std::string> candidates;  // it names all of these
  std::vector<std::string> nearest;     // it names none; at most 3 that look like it
};

class InstrumentDirectory {
 public:
  InstrumentDirectory() = default;
  explicit InstrumentDirectory(std::vector<Instrument> instruments);

  // `binance:BTC-USDT`, `binance:btcusdt`, `BTC/USDT`.
  // `nearest`: also looks at every name for what is like it, where it names none.
  InstrumentMatch Find(std::string_view text, bool nearest = true) const;

  // In order of name, after `after`; `filter` whatever its case. An empty text = all.
  std::vector<Instrument> List(std::string_view venue, std::string_view filter,
                               std::string_view after, size_t instruments_max) const;
  // Of one venue, in order of name.
  std::vector<Instrument> OfVenue(std::string_view venue) const;
  // In order of name.
  std::vector<std::string> venues() const;
  // At most 3, the likest first; looks at all.
  std::vector<std::string> VenuesNear(std::string_view text) const;
  size_t size() const { return by_name_.size(); }

 private:
  std::vector<std::string> Nearest(std::string_view text) const;

  std::map<std::string, Instrument, std::less<>> by_name_;
  std::multimap<std::string, std::string, std::less<>> by_spelling_;  // SpellingKey(symbol) -> name
};

// Edit distance, or `bound` + 1 as soon as it is certain to be above `bound`.
int DistanceUpTo(std::string_view a, std::string_view b, int bound);

}  // namespace quantstream::query
