#include "market/instrument.h"

#include <array>

#include "absl/status/status.h"
#include "market/precondition.h"
#include "market/utf8.h"

namespace quantstream {
namespace {

constexpr size_t kVenueMax = 32;
constexpr size_t kSymbolMax = 64;

constexpr std::array<bool, 256> kIsVenueCharacter = [] {
  std::array<bool, 256> legal{};
  for (char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789_-")) {
    legal[static_cast<uint8_t>(c)] = true;
  }
  return legal;
}();

void AppendEscaped(char byte, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const uint8_t value = static_cast<uint8_t>(byte);
  out += '%';
  out += kHex[value >> 4];
  out += kHex[value & 15];
}

uint32_t LittleEndian32(const char* bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// MurmurHash2 of 32 bits with the seed of Kafka's Java client.
uint32_t Murmur2(std::string_view data) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMix = 0x5bd1e995;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(data.size());
  for (; data.size() >= 4; data.remove_prefix(4)) {
    uint32_t word = LittleEndian32(data.data()) * kMix;
    word = (word ^ word >> 24) * kMix;
    hash = hash * kMix ^ word;
  }
  if (!data.empty()) {
    for (size_t i = data.size(); i-- > 0;) {
      hash ^= static_cast<uint32_t>(static_cast<uint8_t>(data[i])) << (8 * i);
    }
    hash *= kMix;
  }
  hash = (hash ^ hash >> 13) * kMix;
  return hash ^ hash >> 15;
}

}  // namespace

bool IsLegalVenue(std::string_view venue) {
  if (venue.empty() || venue.size() > kVenueMax) return false;
  for (char c : venue) {
    if (!kIsVenueCharacter[static_cast<uint8_t>(c)]) return false;
  }
  return true;
}

bool IsLegalSymbol(std::string_view symbol) {
  return !symbol.empty() && symbol.find(':') == std::string_view::npos &&
         IsPlainText(symbol, kSymbolMax);
}

absl::StatusOr<InstrumentName> InstrumentName::Parse(std::string_view name) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) {
    return absl::InvalidArgumentError("an instrument is venue:symbol, as in binance:BTC-USDT");
  }
  const std::string_view venue = name.substr(0, colon);
  const std::string_view symbol = name.substr(colon + 1);
  if (!IsLegalVenue(venue)) {
    return absl::InvalidArgumentError("the venue is 1 to 32 of a-z, 0-9, _ and -");
  }
  if (!IsLegalSymbol(symbol)) {
    return absl::InvalidArgumentError(
        "the symbol is 1 to 64 bytes of UTF-8 without control characters and `:`");
  }
  return InstrumentName{std::string(venue), std::string(symbol)};
}

std::string InstrumentName::ToString() const {
  return venue + ":" + symbol;
}

std::string EscapeSymbol(std::string_view venue_symbol) {
  std::string escaped;
  while (!venue_symbol.empty()) {
    const char first = venue_symbol[0];
    const size_t length = Utf8SequenceLength(venue_symbol);
    const std::string_view sequence = venue_symbol.substr(0, length == 0 ? 1 : length);
    if (length == 0 || first == ':' || first == '%' || IsControl(sequence)) {
      for (char byte : sequence) AppendEscaped(byte, escaped);
    } else {
      escaped += sequence;
    }
    venue_symbol.remove_prefix(sequence.size());
  }
  return escaped;
}

std::string SpellingKey(std::string_view text) {
  std::string key;
  key.reserve(text.size());
  for (char c : text) {
    if (c == '-' || c == '/' || c == '_' || c == ' ') continue;
    key += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return key;
}

int32_t PartitionOf(std::string_view instrument_name, int32_t partitions) {
  Precondition(partitions > 0, "PartitionOf: partitions above zero");
  return static_cast<int32_t>(Murmur2(instrument_name) & 0x7FFF'FFFF) % partitions;
}

}  // namespace quantstream
