#include "query/service/unary_call.h"

#include <grpcpp/server_context.h>

#include <utility>

namespace quantstream::query {

absl::Status FindPlace(ServiceParts* parts, grpc::CallbackServerContext* context, int64_t bytes,
                       std::optional<UnreadAnswers::Place>* place) {
  *place = parts->unread_answers.Add(
      bytes, [context] { context->TryCancel(); }, UnreadAnswers::Clock::now());
  if (*place) return absl::OkStatus();
  return Exhausted("ANSWER_MEMORY", "too many answers wait for clients that do not read");
}

void UnaryCall::OnCancel() {
  const auto self = shared_from_this();
  cancellation_->Cancel();
  End(absl::CancelledError("the client is gone"));
}

void UnaryCall::OnDone() {
  cancellation_->Cancel();
  if (place_) parts_->unread_answers.Remove(*place_);
  const auto last = std::exchange(self_, nullptr);
}

void UnaryCall::End(const absl::Status& status) {
  if (Claim()) Send(status);
}

void UnaryCall::Resolve(const std::string& spelling, std::function<void(Instrument)> next) {
  parts_->instruments.Resolve(
      {spelling}, [](size_t) { return "instrument"; },
      [this, self = shared_from_this(), next = std::move(next)](auto instruments) {
        if (cancellation_->cancelled()) return;  // nothing that it shares is sure to be there
        if (!instruments.ok()) return End(instruments.status());
        next(std::move(instruments->front()));
      });
}

void UnaryCall::SendAnswer(int64_t bytes) {
  Send(FindPlace(parts_, context_, bytes, &place_));
}

void UnaryCall::Send(absl::Status status) {
  parts_->metrics->CallEnded(method_, status.code());
  Finish(ToGrpc(absl::IsUnavailable(status) ? WithRetryAfter(status, parts_->limits.reconnect_after)
                                            : status));
}

}  // namespace quantstream::query
