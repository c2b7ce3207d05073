// What clients get to keep and bring back: text that any replica opens and nobody else can make.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace quantstream::query {

// Signs with HMAC-SHA-256, cut to 16 bytes. All replicas have the same secret: the database's.
// Thread-safe.
class TokenKey {
 public:
  TokenKey() = default;
  explicit TokenKey(std::string secret) : secret_(std::move(secret)) {}

  // Text of base64url. Not secret: whoever has it can read the bytes.
  std::string Seal(std::string bytes) const;
  // The bytes. Absent: truncated, changed in any character, signed with another key, or more than
  // `text_bytes_max`.
  std::optional<std::string> Open(std::string_view text, size_t text_bytes_max) const;

 private:
  std::string Sign(std::string_view bytes) const;

  std::string secret_;
};

}  // namespace quantstream::query
