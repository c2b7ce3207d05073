// The bytes of one event of a stream. Candles are serialised already: they are put together, once,
// into memory that gRPC sends as it is.
#pragma once

#include <grpcpp/support/slice.h>

#include <string_view>

#include "query/stream_event.h"

namespace quantstream::query {

enum class Envelope {
  kStream,     // a StreamCandlesResponse
  kSubscribe,  // a SubscribeResponse with one as its event
};

// `token`: empty = none.
grpc::Slice StreamMessageSlice(const StreamMessage& message, std::string_view token,
                               Envelope envelope);

}  // namespace quantstream::query
