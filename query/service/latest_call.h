// GetLatest: a stream of the last candle, cut at SnapshotEnd: same snapshot, same rules.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/spliced_call.h"
#include "query/service/unread_answers.h"

namespace quantstream::query {

class LatestCall final : public SplicedCall, public grpc::ServerUnaryReactor {
 public:
  // Lives until OnDone.
  static grpc::ServerUnaryReactor* Start(ServiceParts* parts,
                                         grpc::CallbackServerContext* context,
                                         const v1::GetLatestRequest& request,
                                         v1::GetLatestResponse* response);
  LatestCall(ServiceParts* parts, grpc::CallbackServerContext* context,
             v1::GetLatestResponse* response);

  void OnCancel() override;
  void OnDone() override;

 private:
  void Begin(StreamQuery query);
  void OnResolved(const StreamQuery& query, Resolved instruments);
  void Pump() override;
  // With the lock held: what came so far; ends the call at SnapshotEnd.
  void TakeLocked();

  grpc::CallbackServerContext* const context_;  // lives until OnDone returns
  v1::GetLatestResponse* const response_;       // not touched after Finish
  using Place = std::pair<std::string, std::string>;  // instrument, interval or zone day

  // In the order asked for; guarded by mutex_, as is newest_.
  std::vector<Place> places_;
  std::map<Place, v1::Candle> newest_;
  std::optional<UnreadAnswers::Place> place_;  // set before Finish, given back when done
  std::shared_ptr<SplicedCall> self_;
};

}  // namespace quantstream::query
