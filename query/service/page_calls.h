// GetCandles and ListInstruments: one read, one answer.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "query/service/parts.h"

namespace quantstream::v1 {
class GetCandlesResponse;
class ListInstrumentsResponse;
}  // namespace quantstream::v1

namespace quantstream::query {

grpc::ServerUnaryReactor* StartGetCandles(ServiceParts* parts, const v1::GetCandlesRequest& request,
                                          v1::GetCandlesResponse* response);

grpc::ServerUnaryReactor* StartListInstruments(ServiceParts* parts,
                                               const v1::ListInstrumentsRequest& request,
                                               v1::ListInstrumentsResponse* response);

}  // namespace quantstream::query
