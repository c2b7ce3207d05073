// ListInstruments: a page of the instruments that have traded.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::v1 {
class ListInstrumentsRequest;
class ListInstrumentsResponse;
}  // namespace quantstream::v1

namespace quantstream::query {

grpc::ServerUnaryReactor* StartListInstruments(ServiceParts* parts,
                                               grpc::CallbackServerContext* context,
                                               const v1::ListInstrumentsRequest& request,
                                               v1::ListInstrumentsResponse* response);

}  // namespace quantstream::query
