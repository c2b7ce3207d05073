// A venue's spelling of its symbols to ours: `BTCUSDT` -> `BTC-USDT`. Which instruments are asked
// for, and no others.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"

namespace quantstream::ingest {

struct Symbol {
  std::string canonical;  // BTC-USDT
  std::string base;       // BTC; empty where there is no base and quote
  std::string quote;      // USDT
};

class SymbolTable {
 public:
  static constexpr size_t kSymbolsMax = 100'000;

  // `instruments` are canonical (`BTC-USDT`, `AAPL`) or in the venue's spelling. With `accept_any`,
  // symbols beyond them are taken too: split by the quotes that are known, or escaped.
  // InvalidArgument names an instrument that is not legal or given twice.
  static absl::StatusOr<SymbolTable> Make(std::string venue,
                                          const std::vector<std::string>& instruments,
                                          bool accept_any);

  // nullptr: nobody asked for it. The answer lives as long as the table.
  const Symbol* Find(std::string_view venue_symbol);

  const std::string& venue() const { return venue_; }
  // Those given to Make, in that order.
  const std::vector<const Symbol*>& instruments() const { return instruments_; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Spellings = std::unordered_map<std::string, const Symbol*, TextHash, std::equal_to<>>;

  SymbolTable(std::string venue, bool accept_any);
  const Symbol* Learn(std::string_view venue_symbol);

  std::string venue_;
  bool accept_any_;
  std::deque<Symbol> symbols_;
  std::vector<const Symbol*> instruments_;
  Spellings by_key_;  // SpellingKey -> symbol
  Spellings seen_;    // the venue's spelling -> symbol or nullptr
};

// `XRPETH` -> XRP and ETH, by the longest quote that is known; no base and quote when none fits.
Symbol SplitSymbol(std::string_view venue_symbol);

}  // namespace quantstream::ingest
