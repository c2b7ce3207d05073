// Where a stream stopped, as text that any replica understands and nobody else can make.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "query/places.h"
#include "query/splice.h"
#include "query/token_key.h"

namespace quantstream::query {

struct ResumeToken {
  uint64_t fingerprint = 0;     // of what the stream is of
  int64_t issued_at_s = 0;      // wall clock, seconds since the Unix epoch
  Resume resume;                // what was sent
  Places::Positions positions;  // of topic `candles`: up to where messages were handled
};

// Text that TokenKey signs; about 40 bytes, 15 more for each partition and interval, 30 more for
// each merged one.
std::string EncodeResumeToken(const TokenKey& key, const ResumeToken& token);
// INVALID_ARGUMENT: truncated, changed, or signed with another key.
absl::StatusOr<ResumeToken> DecodeResumeToken(const TokenKey& key, std::string_view text);

}  // namespace quantstream::query
