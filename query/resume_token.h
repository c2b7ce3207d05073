// Where a stream stopped, as text that any replica understands and nobody else can make: signed
// with a key that all replicas share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "query/places.h"
#include "query/splice.h"

namespace quantstream::query {

struct ResumeToken {
  uint64_t fingerprint = 0;     // of what the stream is of
  int64_t issued_at_s = 0;      // wall clock, seconds since the Unix epoch
  Resume resume;                // what was sent
  Places::Positions positions;  // of topic `candles`: up to where messages were handled
};

// Signs with HMAC-SHA-256, cut to 16 bytes. Thread-safe.
class TokenKey {
 public:
  TokenKey() = default;
  explicit TokenKey(std::string secret) : secret_(std::move(secret)) {}

  // Text of base64url; about 40 bytes, 15 more for each partition and interval,
  // 30 more for each merged one.
  std::string Encode(const ResumeToken& token) const;
  // INVALID_ARGUMENT: truncated, changed, or signed with another key.
  absl::StatusOr<ResumeToken> Decode(std::string_view text) const;

 private:
  std::string Signed(std::string bytes) const;
  std::string Sign(std::string_view bytes) const;

  std::string secret_;
};

}  // namespace quantstream::query
