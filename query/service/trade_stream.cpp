#include "query/service/trade_stream.h"

#include <grpcpp/support/slice.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "market/wire.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/service/errors.h"
#include "query/service/request_checker.h"

namespace quantstream::query {
namespace {

constexpr uint32_t kSkippedField = 2;  // StreamTradesResponse.skipped

absl::StatusOr<std::vector<std::string>> Parse(const grpc::ByteBuffer& bytes,
                                               const RequestLimits& limits) {
  std::vector<grpc::Slice> slices;
  std::string joined;
  if (!bytes.Dump(&slices).ok()) return absl::InternalError("the request cannot be read");
  for (const grpc::Slice& slice : slices) {
    joined.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  v1::StreamTradesRequest request;
  if (!request.ParseFromString(joined)) {
    return InvalidRequest({{"", "is not a quantstream.v1.StreamTradesRequest"}});
  }
  RequestChecker checker(limits);
  auto instruments = checker.Instruments(request.instruments());
  if (absl::Status status = checker.status(); !status.ok()) return status;
  return instruments;
}

// Shares the bytes with whoever else has them.
grpc::ByteBuffer BufferOf(std::shared_ptr<const std::string> bytes) {
  auto* held = new std::shared_ptr<const std::string>(std::move(bytes));
  const grpc::Slice slice(
      const_cast<char*>((*held)->data()), (*held)->size(),
      [](void* user) { delete static_cast<std::shared_ptr<const std::string>*>(user); }, held);
  return grpc::ByteBuffer(&slice, 1);
}

// One chunk, the commonest case, is sent as it is; several small slices would cost more than
// copying them together.
grpc::ByteBuffer BufferOf(const TradeMessage& message) {
  if (message.skipped == 0 && message.chunks.size() == 1) {
    const SharedTrades& chunk = message.chunks.front();
    return BufferOf(std::shared_ptr<const std::string>(chunk, &chunk->fields));
  }
  char head[1 + 10];
  wire::Writer writer(head);
  if (message.skipped > 0) writer.Varint(kSkippedField, message.skipped);
  auto joined = std::make_shared<std::string>(head, writer.position());
  size_t size = joined->size();
  for (const SharedTrades& chunk : message.chunks) size += chunk->fields.size();
  joined->reserve(size);
  for (const SharedTrades& chunk : message.chunks) joined->append(chunk->fields);
  return BufferOf(std::move(joined));
}

}  // namespace

std::shared_ptr<TradeStream> TradeStream::Start(ServiceParts* parts,
                                                const grpc::ByteBuffer& request,
                                                std::function<void(TradeStream*)> on_done) {
  auto stream = std::make_shared<TradeStream>(parts, std::move(on_done));
  stream->self_ = stream;
  parts->metrics->TradeStreamOpened();
  const bool room = ++parts->streams <= parts->limits.streams_max;
  auto instruments = Parse(request, parts->limits.request);
  if (parts->draining) {
    stream->End(ShuttingDown(parts->limits.reconnect_after));
  } else if (!instruments.ok()) {
    stream->End(instruments.status());
  } else if (!room) {
    stream->End(Exhausted("STREAMS_MAX", "too many streams are open on this server"));
  } else {
    stream->Begin(*std::move(instruments));
  }
  return stream;
}

TradeStream::TradeStream(ServiceParts* parts, std::function<void(TradeStream*)> on_done)
    : parts_(parts), on_done_(std::move(on_done)) {}

void TradeStream::Begin(std::vector<std::string> instruments) {
  parts_->instruments.Resolve(
      std::move(instruments), [](size_t i) { return absl::StrCat("instruments[", i, "]"); },
      [self = shared_from_this()](const auto& resolved) { self->OnResolved(resolved); });
}

// Maybe when the server is gone: then the stream has ended, and nothing of it is touched.
void TradeStream::OnResolved(const absl::StatusOr<std::vector<Instrument>>& instruments) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (instruments.ok()) {
      std::vector<TradeSource> sources;
      for (const Instrument& one : *instruments) sources.push_back({one.name, one.partition});
      listening_ = true;
      parts_->trades->Add(shared_from_this(), sources);
    } else if (absl::IsUnavailable(instruments.status())) {
      EndLocked(WithRetryAfter(instruments.status(), parts_->limits.reconnect_after));
    } else {
      EndLocked(instruments.status());
    }
  }
  Pump();
}

void TradeStream::Pump() {
  std::unique_lock lock(mutex_);
  if (finished_ || writing_) return;
  if (ended_) {
    finished_ = true;
    lock.unlock();
    parts_->metrics->CallEnded("StreamTrades", end_status_.code());
    return Finish(ToGrpc(end_status_));
  }
  const auto news = NextLocked();
  lock.unlock();
  if (!news) return;
  const auto* message = std::get_if<TradeMessage>(&*news);
  if (message == nullptr) return StartSendInitialMetadata();
  parts_->metrics->TradesSent(static_cast<int64_t>(message->trades()));
  buffer_ = BufferOf(*message);
  StartWrite(&buffer_);
}

std::optional<TradeNews> TradeStream::NextLocked() {
  if (!listening_) return std::nullopt;
  auto news = parts_->trades->Take(this);
  // A message that came earlier took the metadata with it.
  if (news && metadata_sent_ && std::holds_alternative<TradesBegun>(*news)) {
    news = parts_->trades->Take(this);
  }
  writing_ = news.has_value();
  metadata_sent_ |= writing_;
  return news;
}

void TradeStream::OnSent(bool ok) {
  const auto self = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) EndLocked(absl::CancelledError("the client is gone"));
  }
  Pump();
}

void TradeStream::OnCancel() {
  const auto self = shared_from_this();
  End(absl::CancelledError("the client is gone"));
}

void TradeStream::End(const absl::Status& status) {
  {
    std::lock_guard lock(mutex_);
    EndLocked(status);
  }
  Pump();
}

void TradeStream::EndLocked(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  end_status_ = status;
  if (listening_) parts_->trades->Remove(this);
}

void TradeStream::OnDone() {
  parts_->metrics->TradeStreamClosed();
  --parts_->streams;
  on_done_(this);
  const auto last = std::exchange(self_, nullptr);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* TradeStreams::Start(
    const grpc::ByteBuffer& request) {
  // The entry is made under the lock that OnDone's removal waits for: a stream may be done before
  // Start returns.
  std::lock_guard lock(mutex_);
  const auto stream = TradeStream::Start(parts_, request, [this](TradeStream* done) {
    std::lock_guard removal(mutex_);
    streams_.erase(done);
  });
  streams_[stream.get()] = stream;
  return stream.get();
}

std::vector<std::shared_ptr<TradeStream>> TradeStreams::open() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<TradeStream>> open;
  for (const auto& [address, stream] : streams_) {
    if (auto alive = stream.lock()) open.push_back(std::move(alive));
  }
  return open;
}

void TradeStreams::End(const absl::Status& status) {
  for (const auto& stream : open()) stream->End(status);
}

}  // namespace quantstream::query
