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
  static grpc::ServerUnaryReactor* Start(ServiceParts* parts, const v1::GetLatestRequest& request,
                                         v1::GetLatestResponse* response);
  LatestCall(ServiceParts* parts, v1::GetLatestResponse* response);

  void OnCancel() override;
  void OnDone() override;

 private:
  void PumpLocked() override;
  void FailLocked(const absl::Status& status) override;
  void Fail(const absl::Status& status);
  void AnswerLocked();

  v1::GetLatestResponse* const response_;
  std::map<Series, Update> newest_;
  std::shared_ptr<SplicedCall> self_;
};

}  // namespace quantstream::query
