#include "query/service/unary_call.h"

#include <utility>

namespace quantstream::query {

void UnaryCall::OnCancel() {
  const auto self = shared_from_this();
  cancellation_->Cancel();
  End(absl::CancelledError("the client is gone"));
}

void UnaryCall::OnDone() {
  cancellation_->Cancel();
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

void UnaryCall::Send(const absl::Status& status) {
  parts_->metrics->CallEnded(method_, status.code());
  Finish(ToGrpc(absl::IsUnavailable(status) ? WithRetryAfter(status, parts_->limits.reconnect_after)
                                            : status));
}

}  // namespace quantstream::query
