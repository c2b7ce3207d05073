// Where the next page begins, as a text that any replica understands and nobody else can make.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "query/token_key.h"

namespace quantstream::query {

// Of the pages of one request. Copyable, cheap.
class PageTokens {
 public:
  PageTokens() = default;
  // `fingerprint` stands for the other fields of the request: the same for every page.
  PageTokens(TokenKey key, uint64_t fingerprint)
      : key_(std::move(key)), fingerprint_(fingerprint) {}

  std::string Encode(std::string_view position) const;
  // The position. INVALID_ARGUMENT: truncated, changed, of another key, or of another request.
  absl::StatusOr<std::string> Decode(std::string_view token) const;

 private:
  TokenKey key_;
  uint64_t fingerprint_ = 0;
};

// FNV-1a of the parts and of their lengths.
class Fingerprint {
 public:
  Fingerprint& Add(std::string_view part);
  Fingerprint& Add(int64_t number);
  uint64_t value() const { return hash_; }

 private:
  void AddByte(unsigned char byte);
  uint64_t hash_ = 14695981039346656037ULL;
};

// How positions hold numbers: 8 bytes each. Decoding gives false when the size is another.
std::string PackNumbers(int64_t first, int64_t second);
bool UnpackNumbers(std::string_view bytes, int64_t* first, int64_t* second);

}  // namespace quantstream::query
