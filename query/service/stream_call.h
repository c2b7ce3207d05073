// What StreamCandles and Subscribe have in common: one writer, one write in flight. What to send is
// decided under the call's lock and sent without it: whoever set `writing_` has the writer.
// Finishes exactly once: when the request is bad, the client is gone, too slow or asked to go, or
// the server drains.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "query/resume_token.h"
#include "query/service/spliced_call.h"
#include "query/service/stream_message.h"

namespace grpc {
class CallbackServerContext;
}

namespace quantstream::query {

class StreamCall : public SplicedCall {
 public:
  // Tells the client, which should go within `reconnect_after`.
  void Drain();
  // Ends it now.
  using SplicedCall::End;
  void OnProgress(std::optional<EventTime> watermark, std::string_view trouble) final;
  uint64_t lane() const final { return lane_; }

 protected:
  using DoneCallback = std::function<void(StreamCall*)>;

  StreamCall(ServiceParts* parts, grpc::CallbackServerContext* context, const char* method,
             Envelope envelope, DoneCallback on_done);
  ~StreamCall() override;

  // Counts it. OK: it may begin.
  absl::Status Admit();
  void KeepUntilDone() { self_ = shared_from_this(); }

  // With the lock held, before its first leg.
  void SetOptionsLocked(const StreamOptions& options);
  // INVALID_ARGUMENT: not a token of this service. OUT_OF_RANGE: too old.
  absl::StatusOr<ResumeToken> ReadToken(const std::string& text) const;
  // With the lock held; what a token stands for. 0: none can be given now.
  virtual uint64_t FingerprintLocked() const = 0;
  // What is to be done without the lock before anything is sent.
  virtual void Prepare() {}
  // A Discontinuity.
  void Tell(std::string_view reason);

  // Of the reactor.
  virtual void Write(const grpc::ByteBuffer* message) = 0;
  virtual void FinishWith(const grpc::Status& status) = 0;
  void WriteDone(bool ok);
  void Cancelled();
  void Done();

  void Pump() final;

 private:
  void RelieveLocked();
  void DisconnectLocked(int64_t bytes_max);
  void DrainLocked();
  void LookAtAgeLocked();
  // With the lock held; what to send now. Sets `writing_` with it.
  std::optional<StreamMessage> NextLocked(std::string* token);
  std::string TokenLocked() const;

  grpc::CallbackServerContext* const context_;
  const char* const method_;
  const uint64_t lane_;
  const Envelope envelope_;
  const DoneCallback on_done_;
  const Clock::time_point opened_at_ = Clock::now();
  SlowPolicy policy_ = SlowPolicy::kConflate;
  std::shared_ptr<SplicedCall> self_;
  grpc::ByteBuffer buffer_;  // of the write in flight
  bool writing_ = false;
  bool drained_ = false;
  std::optional<Clock::time_point> leave_at_;  // it is too old: the end
  int64_t conflated_ = 0;                      // told to metrics
};

}  // namespace quantstream::query
