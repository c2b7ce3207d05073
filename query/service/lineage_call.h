// GetCandleLineage: the records and late trades that a stored candle was made of.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::v1 {
class GetCandleLineageRequest;
class GetCandleLineageResponse;
}  // namespace quantstream::v1

namespace quantstream::query {

// NOT_FOUND: the window has no closed candle.
grpc::ServerUnaryReactor* StartGetCandleLineage(ServiceParts* parts,
                                                grpc::CallbackServerContext* context,
                                                const v1::GetCandleLineageRequest& request,
                                                v1::GetCandleLineageResponse* response);

}  // namespace quantstream::query
