#include "query/service/market_data.h"

#include <grpcpp/server_context.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "quantstream/v1/market_data.grpc.pb.h"
#include "query/service/candle_stream.h"
#include "query/service/errors.h"
#include "query/service/get_candles_call.h"
#include "query/service/latest_call.h"
#include "query/service/lineage_call.h"
#include "query/service/list_gaps_call.h"
#include "query/service/list_instruments_call.h"
#include "query/service/server_info_call.h"
#include "query/service/subscribe_stream.h"
#include "query/service/trade_stream.h"

namespace quantstream::query {
namespace {

using V1 = v1::MarketData;
using grpc::CallbackServerContext;

template <typename Base>
using Reads = V1::WithCallbackMethod_ListInstruments<V1::WithRawCallbackMethod_GetCandles<
    V1::WithCallbackMethod_GetLatest<V1::WithRawCallbackMethod_StreamCandles<Base>>>>;
template <typename Base>
using Others = V1::WithRawCallbackMethod_StreamTrades<
    V1::WithRawCallbackMethod_Subscribe<V1::WithCallbackMethod_ListGaps<
        V1::WithCallbackMethod_GetCandleLineage<V1::WithCallbackMethod_GetServerInfo<Base>>>>>;

}  // namespace

class MarketDataService::Service final : public Reads<Others<V1::Service>> {
 public:
  explicit Service(ServiceParts* parts) : parts_(parts), trades_(parts) {}

  grpc::ServerUnaryReactor* ListInstruments(CallbackServerContext* context,
                                            const v1::ListInstrumentsRequest* request,
                                            v1::ListInstrumentsResponse* response) override {
    return StartListInstruments(parts_, context, *request, response);
  }
  grpc::ServerUnaryReactor* GetCandles(CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    return StartGetCandles(parts_, context, *request, response);
  }
  grpc::ServerUnaryReactor* GetLatest(CallbackServerContext* context,
                                      const v1::GetLatestRequest* request,
                                      v1::GetLatestResponse* response) override {
    return LatestCall::Start(parts_, context, *request, response);
  }
  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamCandles(
      CallbackServerContext* context, const grpc::ByteBuffer* request) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamTrades(
      CallbackServerContext*, const grpc::ByteBuffer* request) override {
    return trades_.Start(*request);
  }
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Subscribe(
      CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListGaps(CallbackServerContext* context,
                                     const v1::ListGapsRequest* request,
                                     v1::ListGapsResponse* response) override {
    return StartListGaps(parts_, context, *request, response);
  }
  grpc::ServerUnaryReactor* GetCandleLineage(CallbackServerContext* context,
                                             const v1::GetCandleLineageRequest* request,
                                             v1::GetCandleLineageResponse* response) override {
    return StartGetCandleLineage(parts_, context, *request, response);
  }
  grpc::ServerUnaryReactor* GetServerInfo(CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override {
    return StartGetServerInfo(parts_, context, *request, response);
  }

  std::vector<std::shared_ptr<StreamCall>> streams() const {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<StreamCall>> open;
    for (const auto& [address, stream] : streams_) {
      if (auto alive = stream.lock()) open.push_back(std::move(alive));
    }
    return open;
  }
  bool HasStreams() const { return parts_->streams > 0; }
  ServiceParts* parts() { return parts_; }
  TradeStreams& trades() { return trades_; }

 private:
  template <typename Stream, typename... Args>
  Stream* Open(CallbackServerContext* context, const Args&... args);
  void Close(StreamCall* done);

  ServiceParts* const parts_;
  TradeStreams trades_;
  mutable std::mutex mutex_;
  std::map<StreamCall*, std::weak_ptr<StreamCall>> streams_;  // guarded by mutex_
};

template <typename Stream, typename... Args>
Stream* MarketDataService::Service::Open(CallbackServerContext* context, const Args&... args) {
  // The entry is made under the lock that OnDone's removal waits for: a stream may be done before
  // Start returns.
  std::lock_guard lock(mutex_);
  auto stream = Stream::Start(parts_, context, args..., [this](StreamCall* done) { Close(done); });
  streams_[stream.get()] = stream;
  return stream.get();
}

void MarketDataService::Service::Close(StreamCall* done) {
  std::lock_guard lock(mutex_);
  streams_.erase(done);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* MarketDataService::Service::StreamCandles(
    CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Open<CandleStream>(context, *request);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* MarketDataService::Service::Subscribe(
    CallbackServerContext* context) {
  return Open<SubscribeStream>(context);
}

MarketDataService::MarketDataService(ServiceParts* parts)
    : service_(std::make_unique<Service>(parts)) {}

MarketDataService::~MarketDataService() = default;

grpc::Service* MarketDataService::service() {
  return service_.get();
}

void MarketDataService::BeginDraining() {
  service_->parts()->draining = true;
  for (const auto& stream : service_->streams()) stream->Drain();
  service_->trades().End(ShuttingDown(service_->parts()->limits.reconnect_after));
}

void MarketDataService::EndStreams() {
  const absl::Status status = ShuttingDown(service_->parts()->limits.reconnect_after);
  for (const auto& stream : service_->streams()) stream->End(status);
}

bool MarketDataService::HasStreams() const {
  return service_->HasStreams();
}

}  // namespace quantstream::query
