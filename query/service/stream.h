// StreamCandles: one writer per stream, one write in flight. What to send is decided under the
// call's lock and sent without it: whoever set `writing_` has the writer. Finishes exactly once:
// when the request is bad, the client is gone or too slow, or the server drains.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "query/service/spliced_call.h"

namespace quantstream::query {

class CandleStream final : public SplicedCall, public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // Lives until OnDone, or until the last reference is gone. `on_done` is told the address.
  static std::shared_ptr<CandleStream> Start(ServiceParts* parts,
                                             grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer& request,
                                             std::function<void(CandleStream*)> on_done);
  CandleStream(ServiceParts* parts, grpc::CallbackServerContext* context,
               std::function<void(CandleStream*)> on_done);
  ~CandleStream() override;

  // Tells the client, which should go within `reconnect_after`.
  void Drain();
  // Ends it now.
  using SplicedCall::End;

  // Reactor.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void Pump() override;
  // With the lock held; what to send now. Sets `writing_` with it.
  std::optional<StreamMessage> NextLocked();

  grpc::CallbackServerContext* const context_;
  const std::function<void(CandleStream*)> on_done_;
  std::shared_ptr<SplicedCall> self_;
  grpc::ByteBuffer buffer_;  // of the write in flight
  bool writing_ = false;
  int64_t conflated_ = 0;  // told to metrics
};

}  // namespace quantstream::query
