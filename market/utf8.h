// Is this text? UTF-8 as protobuf and PostgreSQL take it: shortest forms, no surrogates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quantstream {

// Length of the valid sequence that `text` begins with, 0 where it begins with none (or is empty).
size_t Utf8SequenceLength(std::string_view text);

// For IsValidUtf8: whether all of `text` is valid, whatever its length.
bool IsValidUtf8OfAnyLength(std::string_view text);

// Up to 16 bytes, all below 0x80: the names that stand in every trade.
inline bool IsShortAscii(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080U;
  const char* at = text.data();
  const size_t size = text.size();
  uint64_t first = 0;
  uint64_t last = 0;
  if (size > 16) return false;
  if (size >= 8) {
    std::memcpy(&first, at, 8);
    std::memcpy(&last, at + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + size - 4, 4);
  } else {
    for (size_t i = 0; i < size; ++i) first |= static_cast<uint8_t>(at[i]);
  }
  return ((first | last) & kHighBits) == 0;
}

// Whether all of `text` is valid; empty text is.
inline bool IsValidUtf8(std::string_view text) {
  return IsShortAscii(text) || IsValidUtf8OfAnyLength(text);
}

// Whether `sequence`, one valid sequence, is a control character: C0, DEL, C1.
bool IsControl(std::string_view sequence);

// At most `bytes_max` bytes of valid UTF-8 without control characters; may be empty.
bool IsPlainText(std::string_view text, size_t bytes_max);

}  // namespace quantstream
