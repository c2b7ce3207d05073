#include "ingest/symbols.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "market/instrument.h"

namespace quantstream::ingest {
namespace {

// Longer ones first where one ends with another.
constexpr std::array<std::string_view, 32> kQuotes = {
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USDS", "EURI", "BIDR", "IDRT", "BVND",
    "BKRW",  "AEUR", "USD",  "EUR",  "GBP",  "JPY",  "TRY",  "BRL",  "AUD",  "CAD",  "CHF",
    "RUB",   "UAH",  "ZAR",  "PLN",  "NGN",  "ARS",  "BTC",  "ETH",  "BNB",  "XBT"};

Symbol WithParts(std::string base, std::string quote) {
  Symbol symbol{.canonical = base + "-" + quote, .base = "", .quote = ""};
  symbol.base = std::move(base);
  symbol.quote = std::move(quote);
  return symbol;
}

bool IsPlain(std::string_view text) {
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) return false;
  }
  return !text.empty();
}

Symbol FromConfigured(const std::string& canonical) {
  const size_t dash = canonical.find('-');
  if (dash == std::string::npos) {
    const Symbol split = SplitSymbol(canonical);
    return split.base.empty() ? Symbol{.canonical = canonical, .base = "", .quote = ""} : split;
  }
  return WithParts(canonical.substr(0, dash), canonical.substr(dash + 1));
}

}  // namespace

Symbol SplitSymbol(std::string_view venue_symbol) {
  const std::string key = SpellingKey(venue_symbol);
  if (IsPlain(key)) {
    for (const std::string_view quote : kQuotes) {
      if (key.size() > quote.size() && key.ends_with(quote)) {
        return WithParts(key.substr(0, key.size() - quote.size()), std::string(quote));
      }
    }
  }
  return {.canonical = EscapeSymbol(venue_symbol), .base = "", .quote = ""};
}

SymbolTable::SymbolTable(std::string venue, bool accept_any)
    : venue_(std::move(venue)), accept_any_(accept_any) {}

absl::StatusOr<SymbolTable> SymbolTable::Make(std::string venue,
                                              const std::vector<std::string>& instruments,
                                              bool accept_any) {
  SymbolTable table(std::move(venue), accept_any);
  for (const std::string& instrument : instruments) {
    const auto name = InstrumentName::Parse(table.venue_ + ":" + instrument);
    if (!name.ok()) return name.status();
    const Symbol* symbol = &table.symbols_.emplace_back(FromConfigured(instrument));
    if (!table.by_key_.emplace(SpellingKey(instrument), symbol).second) {
      return absl::InvalidArgumentError(absl::StrCat("instrument ", instrument, " is given twice"));
    }
    table.instruments_.push_back(symbol);
  }
  return table;
}

const Symbol* SymbolTable::Find(std::string_view venue_symbol) {
  const auto found = seen_.find(venue_symbol);
  return found != seen_.end() ? found->second : Learn(venue_symbol);
}

const Symbol* SymbolTable::Learn(std::string_view venue_symbol) {
  const auto known = by_key_.find(SpellingKey(venue_symbol));
  const Symbol* symbol = known != by_key_.end() ? known->second : nullptr;
  if (seen_.size() >= kSymbolsMax) return symbol;
  if (symbol == nullptr && accept_any_ && !venue_symbol.empty()) {
    symbol = &symbols_.emplace_back(SplitSymbol(venue_symbol));
  }
  seen_.emplace(std::string(venue_symbol), symbol);
  return symbol;
}

}  // namespace quantstream::ingest
