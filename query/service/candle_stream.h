// StreamCandles: some instruments and intervals, from the first message to the last.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <vector>

#include "query/service/stream_call.h"

namespace quantstream::query {

class CandleStream final : public StreamCall, public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // Lives until OnDone, or until the last reference is gone. `on_done` is told the address.
  static std::shared_ptr<CandleStream> Start(ServiceParts* parts,
                                             grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer& request, DoneCallback on_done);
  CandleStream(ServiceParts* parts, grpc::CallbackServerContext* context, DoneCallback on_done);
  ~CandleStream() override;

  // Reactor.
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Done(); }

 private:
  void Begin(StreamQuery query);
  void OnResolved(const StreamQuery& query, Resolved instruments);
  void ResumeFrom(ResumeToken token, std::vector<LegSpec> legs);
  uint64_t FingerprintLocked() const override { return fingerprint_; }
  void Write(const grpc::ByteBuffer* message) override { StartWrite(message); }
  void FinishWith(const grpc::Status& status) override { Finish(status); }

  uint64_t fingerprint_ = 0;  // guarded by mutex_
};

}  // namespace quantstream::query
