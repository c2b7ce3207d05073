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

uint64_t FingerprintOf(const std::vector<LegSpec>& legs) {
  std::set<Series> stored;
  std::set<std::pair<std::string, std::string>> merged;
  for (const LegSpec& leg : legs) {
    for (const StreamSeries& each : leg.stream.series) {
      if (leg.grid) {
        merged.emplace(each.series.instrument, leg.grid->ToString());
      } else {
        stored.insert(each.series);
      }
    }
  }
  Fingerprint fingerprint;
  fingerprint.Add("StreamCandles").Add(legs.front().stream.closed_only ? 1 : 0);
  for (const Series& series : stored) {
    fingerprint.Add(series.instrument).Add(series.interval.seconds);
  }
  for (const auto& [instrument, interval] : merged) fingerprint.Add(instrument).Add(interval);
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
  LegSpec like{.stream = {.series = {},
                          .start_time = query.history.start_time,
                          .last = query.history.last,
                          .closed_only = query.history.closed_only,
                          .resume = {}},
               .update_interval = query.update_interval};
  std::vector<LegSpec> legs = LegsOfAll(*instruments, query.grids, like);
  {
    std::lock_guard lock(mutex_);
    fingerprint_ = FingerprintOf(legs);
  }
  if (query.options.resume_token.empty()) {
    AddLegs(std::move(legs));
    return;
  }
  auto token = ReadToken(query.options.resume_token);
  if (!token.ok()) return End(token.status());
  ResumeFrom(*std::move(token), std::move(legs));
}

void CandleStream::ResumeFrom(ResumeToken token, std::vector<LegSpec> legs) {
  if (token.fingerprint != FingerprintOf(legs)) {
    return End(InvalidRequest(
        {{"resume_token",
          "belongs to another stream: instruments, intervals and closed_only must be as there"}}));
  }
  for (LegSpec& leg : legs) leg.stream.resume = token.resume;
  AfterPositions(std::move(token.positions),
                 [this, self = shared_from_this(), legs](bool unreachable) {
                   if (unreachable) Tell(kPositionGone);
                   AddLegs(legs);
                 });
}

}  // namespace quantstream::query
