// Events of a stream as bytes of quantstream.v1.StreamCandlesResponse. Candles are serialised once
// for all streams; here their bytes are only strung together.
#pragma once

#include <string>

#include "query/subscription.h"

namespace quantstream::query {

std::string StreamMessageBytes(const StreamMessage& message);

}  // namespace quantstream::query
