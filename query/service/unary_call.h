// What all calls with one answer have in common: they finish exactly once, are counted, and refuse
// while the server drains.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "query/service/errors.h"
#include "query/service/parts.h"

namespace quantstream::query {

// Finishes exactly once, whoever is first: the answer or the client's cancel.
class UnaryCall : public grpc::ServerUnaryReactor, public std::enable_shared_from_this<UnaryCall> {
 public:
  // `method` without its package.
  UnaryCall(ServiceParts* parts, const char* method) : parts_(parts), method_(method) {}

  void OnCancel() override;
  void OnDone() override;
  void KeepUntilDone() { self_ = shared_from_this(); }
  void End(const absl::Status& status);

 protected:
  // Calls `next` with the instrument of this spelling, or ends the call with what is wrong with it:
  // of the request's field `instrument`.
  void Resolve(const std::string& spelling, std::function<void(Instrument)> next);
  // True once: whoever gets it fills the response, nobody else touches it, and calls Send.
  bool Claim() { return !claimed_.exchange(true); }
  void Send(const absl::Status& status);

  ServiceParts* const parts_;
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();

 private:
  std::atomic<bool> claimed_ = false;
  const char* const method_;
  std::shared_ptr<UnaryCall> self_;
};

// Makes the call and begins it: `Call(parts, response)`, then `Begin(request)`.
template <typename Call, typename Request, typename Response>
grpc::ServerUnaryReactor* StartCall(ServiceParts* parts, const Request& request,
                                    Response* response) {
  auto call = std::make_shared<Call>(parts, response);
  call->KeepUntilDone();
  if (parts->draining) {
    call->End(ShuttingDown(parts->limits.reconnect_after));
  } else {
    call->Begin(request);
  }
  return call.get();
}

}  // namespace quantstream::query
