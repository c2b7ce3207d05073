// GetCandles: a page of stored candles, out of the memory of the newest ones or out of the store.
// Candles are serialised already; here their bytes are only strung together.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::query {

grpc::ServerUnaryReactor* StartGetCandles(ServiceParts* parts,
                                          grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer& request,
                                          grpc::ByteBuffer* response);

}  // namespace quantstream::query
