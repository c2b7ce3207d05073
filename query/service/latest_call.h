// GetLatest: a stream of the last candle, cut at SnapshotEnd: same snapshot, same rules.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <map>
#include <memory>

#include "query/service/spliced_call.h"

namespace quantstream::v1 {
class GetLatestResponse;
}

namespace quantstream::query {

class LatestCall final : public SplicedCall, public grpc::ServerUnaryReactor {
 public:
  // Lives until OnDone.
  static grpc::ServerUnaryReactor* Start(ServiceParts* parts, const v1::GetLatestRequest& request,
                                         v1::GetLatestResponse* response);
  LatestCall(ServiceParts* parts, v1::GetLatestResponse* response);

  void OnCancel() override;
  void OnDone() override;

 private:
  void Begin(StreamQuery query);
  void OnResolved(const StreamQuery& query, Resolved instruments);
  void Pump() override;
  // With the lock held: what came so far; ends the call at SnapshotEnd.
  void TakeLocked();

  v1::GetLatestResponse* const response_;  // not touched after Finish
  std::vector<StreamSeries> series_;  // in the order asked for; guarded by mutex_, as is newest_
  std::map<Series, Update> newest_;
  std::shared_ptr<SplicedCall> self_;
};

}  // namespace quantstream::query
