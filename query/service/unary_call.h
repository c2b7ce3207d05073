// What all calls with one answer have in common: they finish exactly once, are counted, refuse
// while the server drains, and keep an answer for a bounded time.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "query/service/errors.h"
#include "query/service/parts.h"
#include "query/service/unread_answers.h"

namespace quantstream::query {

// What an answer holds until it is taken: the message and its bytes.
inline int64_t BytesHeld(const google::protobuf::MessageLite& answer) {
  return 3 * static_cast<int64_t>(answer.ByteSizeLong());
}

// The place of an answer on its way; of a call, until it is done. No place: RESOURCE_EXHAUSTED.
absl::Status FindPlace(ServiceParts* parts, grpc::CallbackServerContext* context, int64_t bytes,
                       std::optional<UnreadAnswers::Place>* place);

// Finishes exactly once, whoever is first: the answer or the client's cancel.
class UnaryCall : public grpc::ServerUnaryReactor, public std::enable_shared_from_this<UnaryCall> {
 public:
  // `method` without its package.
  UnaryCall(ServiceParts* parts, const char* method) : parts_(parts), method_(method) {}

  void OnCancel() override;
  void OnDone() override;
  // `context` lives until OnDone returns.
  void KeepUntilDone(grpc::CallbackServerContext* context) {
    self_ = shared_from_this();
    context_ = context;
  }
  void End(const absl::Status& status);

 protected:
  // Calls `next` with the instrument of this spelling, or ends the call with what is wrong with it:
  // of the request's field `instrument`.
  void Resolve(const std::string& spelling, std::function<void(Instrument)> next);
  // True once: whoever gets it fills the response, nobody else touches it, and calls Send.
  bool Claim() { return !claimed_.exchange(true); }
  void Send(absl::Status status);
  // OK, with a response that holds so many bytes.
  void SendAnswer(int64_t bytes);

  ServiceParts* const parts_;
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();

 private:
  std::atomic<bool> claimed_ = false;
  const char* const method_;
  grpc::CallbackServerContext* context_ = nullptr;
  std::optional<UnreadAnswers::Place> place_;  // set before Finish, given back when done
  std::shared_ptr<UnaryCall> self_;
};

// Makes the call and begins it: `Call(parts, response)`, then `Begin(request)`.
template <typename Call, typename Request, typename Response>
grpc::ServerUnaryReactor* StartCall(ServiceParts* parts, grpc::CallbackServerContext* context,
                                    const Request& request, Response* response) {
  auto call = std::make_shared<Call>(parts, response);
  call->KeepUntilDone(context);
  if (parts->draining) {
    call->End(ShuttingDown(parts->limits.reconnect_after));
  } else {
    call->Begin(request);
  }
  return call.get();
}

}  // namespace quantstream::query
