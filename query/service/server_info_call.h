// GetServerInfo: version, limits, intervals, venues, retention.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::v1 {
class GetServerInfoRequest;
class GetServerInfoResponse;
}  // namespace quantstream::v1

namespace quantstream::query {

grpc::ServerUnaryReactor* StartGetServerInfo(ServiceParts* parts,
                                             grpc::CallbackServerContext* context,
                                             const v1::GetServerInfoRequest& request,
                                             v1::GetServerInfoResponse* response);

}  // namespace quantstream::query
