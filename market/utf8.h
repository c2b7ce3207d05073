// Is this text? UTF-8 as protobuf and PostgreSQL take it: shortest forms, no surrogates.
#pragma once

#include <cstddef>
#include <string_view>

namespace quantstream {

// Length of the valid sequence that `text` begins with, 0 where it begins with none (or is empty).
size_t Utf8SequenceLength(std::string_view text);

// Whether all of `text` is valid; empty text is.
bool IsValidUtf8(std::string_view text);

// Whether `sequence`, one valid sequence, is a control character: C0, DEL, C1.
bool IsControl(std::string_view sequence);

// At most `bytes_max` bytes of valid UTF-8 without control characters; may be empty.
bool IsPlainText(std::string_view text, size_t bytes_max);

}  // namespace quantstream
