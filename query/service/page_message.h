// A page of candles as the bytes of quantstream.v1.GetCandlesResponse.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "query/service/candle_page.h"

namespace quantstream::query {

// One slice, allocated once.
grpc::ByteBuffer PageMessage(const CandlePage& page);

}  // namespace quantstream::query
