// Where the next page begins, as an opaque text. Not a secret, and not trusted: what comes back is
// checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace quantstream::query {

// `fingerprint` stands for the other fields of the request, which must be the same for every page.
std::string EncodePageToken(uint64_t fingerprint, std::string_view position);

// The position. INVALID_ARGUMENT: no token of ours, or of another request.
absl::StatusOr<std::string> DecodePageToken(std::string_view token, uint64_t fingerprint);

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
