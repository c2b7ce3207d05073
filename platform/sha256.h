// SHA-256 of bytes that are in memory.
#pragma once

#include <string>
#include <string_view>

namespace quantstream {

// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace quantstream
