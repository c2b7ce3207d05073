// Bytes of a record of topic `candles` (quantstream.v1.CandleEvent) -> TailEvent. Topics hold what
// somebody wrote: every field is checked.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "query/io.h"

namespace quantstream::query {

// INVALID_ARGUMENT names the field that is missing, malformed or out of place. UNIMPLEMENTED: an
// event of a newer version.
absl::StatusOr<TailEvent> DecodeEvent(int32_t partition, std::string_view record);

}  // namespace quantstream::query
