// StreamTrades: one writer per stream, one write in flight. What to send is taken under the
// stream's lock and sent without it: whoever set `writing_` has the writer. Finishes exactly once:
// when the request is bad, the client is gone, or the server drains. The initial metadata come when
// the trades are being read: what is traded from then on comes, or is told as skipped.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "query/service/parts.h"
#include "query/trade_fanout.h"

namespace quantstream::query {

class TradeStream final : public TradeListener,
                          public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public std::enable_shared_from_this<TradeStream> {
 public:
  // Lives until OnDone, or until the last reference is gone. `on_done` is told the address.
  static std::shared_ptr<TradeStream> Start(ServiceParts* parts, const grpc::ByteBuffer& request,
                                            std::function<void(TradeStream*)> on_done);
  TradeStream(ServiceParts* parts, std::function<void(TradeStream*)> on_done);

  // Ends it with this after the write in flight, unless it has ended. A client that does not take
  // that one is cut off when the server's shutdown cancels all calls.
  void End(const absl::Status& status);

  void Send() override { Pump(); }

  // Reactor.
  void OnSendInitialMetadataDone(bool ok) override { OnSent(ok); }
  void OnWriteDone(bool ok) override { OnSent(ok); }
  void OnCancel() override;
  void OnDone() override;

 private:
  void Begin(std::vector<std::string> instruments);
  void OnResolved(const absl::StatusOr<std::vector<Instrument>>& instruments);
  void OnSent(bool ok);
  // Sends what there is, or the end. No lock is held; several threads may be in here at once.
  void Pump();
  // With the lock held. Sets `writing_` when there is something.
  std::optional<TradeNews> NextLocked();
  void EndLocked(const absl::Status& status);

  ServiceParts* const parts_;
  const std::function<void(TradeStream*)> on_done_;
  std::shared_ptr<TradeStream> self_;
  grpc::ByteBuffer buffer_;  // of the write in flight
  std::mutex mutex_;
  bool listening_ = false;  // guarded by mutex_, as all below
  bool metadata_sent_ = false;
  bool writing_ = false;
  bool ended_ = false;  // with end_status_
  absl::Status end_status_;
  bool finished_ = false;  // one thread sends the end, or has sent it
};

// All streams of a service. Thread-safe.
class TradeStreams {
 public:
  // `parts` outlives it.
  explicit TradeStreams(ServiceParts* parts) : parts_(parts) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(const grpc::ByteBuffer& request);
  // As TradeStream's, for all that are open.
  void End(const absl::Status& status);

 private:
  std::vector<std::shared_ptr<TradeStream>> open() const;

  ServiceParts* const parts_;
  mutable std::mutex mutex_;
  std::map<TradeStream*, std::weak_ptr<TradeStream>> streams_;  // guarded by mutex_
};

}  // namespace quantstream::query
