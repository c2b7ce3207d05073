// The bytes of one event of a stream. Candles are serialised already: they are put together, once
// for all streams that get the same, into memory that gRPC sends as it is.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string_view>

#include "query/stream_event.h"

namespace quantstream::query {

enum class Envelope {
  kStream,     // a StreamCandlesResponse
  kSubscribe,  // a SubscribeResponse with one as its event
};

// `token`: empty = none.
grpc::ByteBuffer StreamMessageBytes(const StreamMessage& message, std::string_view token,
                                    Envelope envelope);

}  // namespace quantstream::query
