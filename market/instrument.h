// Names of instruments: `venue:BASE-QUOTE` or `venue:TICKER`, and other spellings of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quantstream {

// A checked name. Venue: 1 to 32 of a-z 0-9 _ -; symbol: 1 to 64 bytes of valid UTF-8 without
// control characters and `:`.
struct InstrumentName {
  std::string venue;
  std::string symbol;

  // Splits `venue:symbol`. InvalidArgument says what is legal.
  static absl::StatusOr<InstrumentName> Parse(std::string_view name);
  std::string ToString() const;
  bool operator==(const InstrumentName&) const = default;
};

// What Parse asks of the two parts.
bool IsLegalVenue(std::string_view venue);
bool IsLegalSymbol(std::string_view symbol);

// A venue's symbol that holds `:`, `%` or control characters, or has no base and quote,
// percent-escaped, as are bytes that are not UTF-8: `BINANCE:BTCUSDT` -> `BINANCE%3ABTCUSDT`.
std::string EscapeSymbol(std::string_view venue_symbol);

// What two spellings of one instrument share: upper case, without `-`, `/`, `_` and spaces:
// `btc-usdt` -> `BTCUSDT`.
std::string SpellingKey(std::string_view text);

// Partition of an instrument's name as Java clients compute it: murmur2(name) & 0x7fffffff mod
// partitions.
int32_t PartitionOf(std::string_view instrument_name, int32_t partitions);

}  // namespace quantstream
