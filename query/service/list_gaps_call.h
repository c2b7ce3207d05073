// ListGaps: what is known to be missing, and what was found since.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::v1 {
class ListGapsRequest;
class ListGapsResponse;
}  // namespace quantstream::v1

namespace quantstream::query {

// Of an instrument: its own gaps, and those of its venue and partition that concern it.
grpc::ServerUnaryReactor* StartListGaps(ServiceParts* parts,
                                        grpc::CallbackServerContext* context,
                                        const v1::ListGapsRequest& request,
                                        v1::ListGapsResponse* response);

}  // namespace quantstream::query
