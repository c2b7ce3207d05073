#include "query/service/candle_stream.h"

#include <grpcpp/server_context.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/bytes.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

constexpr char kPositionGone[] =
    "the live feed was made again since the resume_token: what was missed is read from the store";

uint64_t FingerprintOf(const StreamSpec& spec) {
  std::set<Series> sorted;
  for (const StreamSeries& each : spec.series) sorted.insert(each.series);
  Fingerprint fingerprint;
  fingerprint.Add("StreamCandles").Add(spec.closed_only ? 1 : 0);
  for (const Series& series : sorted) {
    fingerprint.Add(series.instrument).Add(series.interval.seconds);
  }
  return fingerprint.value();
}

}  // namespace

std::shared_ptr<CandleStream> CandleStream::Start(ServiceParts* parts,
                                                  grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer& request,
                                                  DoneCallback on_done) {
  auto stream = std::make_shared<CandleStream>(parts, context, std::move(on_done));
  stream->KeepUntilDone();
  const absl::Status admitted = stream->Admit();
  v1::StreamCandlesRequest message;
  auto query = ParseBytes(request, &message)
                   ? Check(message, parts->limits.request)
                   : InvalidRequest({{"", "is not a quantstream.v1.StreamCandlesRequest"}});
  // A bad request stays bad on any other server.
  if (!query.ok()) {
    stream->End(query.status());
  } else if (!admitted.ok()) {
    stream->End(admitted);
  } else {
    stream->Begin(*std::move(query));
  }
  return stream;
}

CandleStream::CandleStream(ServiceParts* parts, grpc::CallbackServerContext* context,
                           DoneCallback on_done)
    : StreamCall(parts, context, "StreamCandles", Envelope::kStream, std::move(on_done)) {}

CandleStream::~CandleStream() = default;

void CandleStream::Begin(StreamQuery query) {
  Open(query.options.progress_interval);
  {
    std::lock_guard lock(mutex_);
    SetOptionsLocked(query.options);
  }
  parts_->instruments.Resolve(
      query.instruments, [](size_t i) { return absl::StrCat("instruments[", i, "]"); },
      [this, self = shared_from_this(), query](Resolved instruments) {
        OnResolved(query, std::move(instruments));
      });
}

void CandleStream::OnResolved(const StreamQuery& query, Resolved instruments) {
  if (!instruments.ok()) return End(instruments.status());
  LegSpec spec{.stream = {.series = SeriesOfAll(*instruments, query.intervals),
                          .start_time = query.history.start_time,
                          .last = query.history.last,
                          .closed_only = query.history.closed_only,
                          .resume = {}},
               .update_interval = query.update_interval};
  {
    std::lock_guard lock(mutex_);
    fingerprint_ = FingerprintOf(spec.stream);
  }
  if (query.options.resume_token.empty()) {
    AddLegs({std::move(spec)});
    return;
  }
  auto token = ReadToken(query.options.resume_token);
  if (!token.ok()) return End(token.status());
  ResumeFrom(*std::move(token), std::move(spec));
}

void CandleStream::ResumeFrom(ResumeToken token, LegSpec spec) {
  if (token.fingerprint != FingerprintOf(spec.stream)) {
    return End(InvalidRequest(
        {{"resume_token",
          "belongs to another stream: instruments, intervals and closed_only must be as there"}}));
  }
  spec.stream.resume = std::move(token.resume);
  AfterPositions(std::move(token.positions),
                 [this, self = shared_from_this(), spec](bool unreachable) {
                   if (unreachable) Tell(kPositionGone);
                   AddLegs({spec});
                 });
}

}  // namespace quantstream::query
