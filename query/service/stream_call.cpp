#include "query/service/stream_call.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "query/service/errors.h"
#include "query/window.h"

namespace quantstream::query {
namespace {

// Up to this long, so that not all clients come back at once.
std::chrono::milliseconds Jittered(std::chrono::milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::chrono::milliseconds(
      std::uniform_int_distribution<int64_t>(most.count() / 2, most.count())(random));
}

std::string_view NameOf(SlowPolicy policy) {
  switch (policy) {
    case SlowPolicy::kConflate:
      return "CONFLATE";
    case SlowPolicy::kSkipAndTell:
      return "SKIP_AND_TELL";
    case SlowPolicy::kDisconnect:
      return "DISCONNECT";
  }
  return "";
}

// How old a token of these series may be: what was deleted since it was given would be missing.
std::chrono::seconds TokenAgeMax(const Resume& resume, const ServiceLimits& limits) {
  auto most = std::chrono::duration_cast<std::chrono::seconds>(limits.token_age_max);
  const auto look_at = [&](Interval interval) {
    const auto kept = limits.info.retention.find(interval);
    if (kept != limits.info.retention.end()) most = std::min(most, kept->second);
  };
  for (const auto& [interval, start] : resume.starts) look_at(interval);
  for (const auto& [interval, at] : resume.merged) {
    const auto grid = WindowGrid::Parse(interval, limits.request.intervals);
    if (grid.ok()) look_at(grid->part());
  }
  return most;
}

}  // namespace

StreamCall::StreamCall(ServiceParts* parts, grpc::CallbackServerContext* context,
                       const char* method, Envelope envelope, DoneCallback on_done)
    : SplicedCall(parts),
      context_(context),
      method_(method),
      lane_(std::hash<std::string>()(context->peer())),
      envelope_(envelope),
      on_done_(std::move(on_done)) {}

StreamCall::~StreamCall() = default;

absl::Status StreamCall::Admit() {
  parts_->metrics->StreamOpened();
  const bool room = ++parts_->streams <= parts_->limits.streams_max;
  if (parts_->draining) return ShuttingDown(parts_->limits.reconnect_after);
  if (!room) return Exhausted("STREAMS_MAX", "too many streams are open on this server");
  if (parts_->live) return absl::OkStatus();
  return WithRetryAfter(absl::UnavailableError("the live candles are not read yet"),
                        parts_->limits.reconnect_after);
}

void StreamCall::SetOptionsLocked(const StreamOptions& options) {
  policy_ = options.policy;
}

absl::StatusOr<ResumeToken> StreamCall::ReadToken(const std::string& text) const {
  auto token = DecodeResumeToken(parts_->limits.request.token_key, text);
  if (!token.ok()) return InvalidRequest({{"resume_token", std::string(token.status().message())}});
  const int64_t age_s = absl::ToUnixSeconds(absl::Now()) - token->issued_at_s;
  const std::chrono::seconds age_max = TokenAgeMax(token->resume, parts_->limits);
  if (age_s <= age_max.count()) return token;
  const std::string earliest = absl::FormatTime(
      "%E4Y-%m-%dT%H:%M:%SZ", absl::Now() - absl::Seconds(age_max.count()), absl::UTCTimeZone());
  return OutOfRange("resume_token",
                    absl::StrCat("was given before ", earliest,
                                 "; start anew with start_time, and read what is older with "
                                 "GetCandles"),
                    "TOKEN_TOO_OLD", "earliest_time", earliest);
}

void StreamCall::OnProgress(std::optional<EventTime> watermark, std::string_view trouble) {
  SplicedCall::OnProgress(watermark, trouble);
  std::lock_guard lock(mutex_);
  LookAtAgeLocked();
}

void StreamCall::LookAtAgeLocked() {
  const auto age_max = parts_->limits.stream_age_max;
  if (ended_ || age_max.count() == 0) return;
  const auto now = Clock::now();
  if (leave_at_ && now >= *leave_at_) {
    return EndLocked(WithRetryAfter(
        absl::UnavailableError("the stream has reached its age: reconnect with the resume_token"),
        parts_->limits.reconnect_after));
  }
  if (leave_at_ || now - opened_at_ < age_max) return;
  leave_at_ = now + parts_->limits.drain_grace;
  DrainLocked();
}

void StreamCall::Drain() {
  {
    std::lock_guard lock(mutex_);
    if (!ended_) DrainLocked();
  }
  Pump();
}

void StreamCall::DrainLocked() {
  if (std::exchange(drained_, true)) return;
  subscription_.OnDraining(Jittered(parts_->limits.reconnect_after));
}

void StreamCall::Tell(std::string_view reason) {
  std::lock_guard lock(mutex_);
  if (!ended_) subscription_.Tell(reason);
}

void StreamCall::Pump() {
  Prepare();
  std::unique_lock lock(mutex_);
  if (finished_) return;
  if (!ended_) RelieveLocked();
  if (writing_) {
    CountWaitingLocked();
    // A client that does not even take the last message is cut off. The context is there as long as
    // a write is not done.
    if (ended_ && Clock::now() >= ended_at_ + parts_->limits.end_wait_max) context_->TryCancel();
    return;
  }
  if (ended_) {
    finished_ = true;
    lock.unlock();
    parts_->metrics->CallEnded(method_, end_status_.code());
    return FinishWith(ToGrpc(end_status_));
  }
  std::string token;
  bool unpark = subscription_.parked();  // the client has taken all before
  const auto message = NextLocked(&token);
  CountWaitingLocked();
  unpark |= !message && subscription_.parked();
  lock.unlock();
  // Sends nothing itself while there is a message: it is on its way then.
  if (unpark) parts_->fanout->RegisterAgain(this);
  if (!message) return;
  buffer_ = StreamMessageBytes(*message, token, envelope_);
  Write(&buffer_);
}

// The bound is the stream's share of what all may hold.
void StreamCall::RelieveLocked() {
  KeepUnsentLocked();
  if (ended_) return;
  const int64_t bytes_max = parts_->QueueBytesMax();
  if (!subscription_.Overflows(bytes_max)) return;
  if (subscription_.StoreIsSlow()) return subscription_.DropBuffered();
  parts_->metrics->ClientTooSlow(NameOf(policy_));
  switch (policy_) {
    case SlowPolicy::kConflate:
      return subscription_.Park();
    case SlowPolicy::kSkipAndTell:
      return subscription_.Skip(bytes_max);
    case SlowPolicy::kDisconnect:
      return DisconnectLocked(bytes_max);
  }
}

// Without a token the client goes on from the one that it has.
void StreamCall::DisconnectLocked(int64_t bytes_max) {
  std::vector<std::pair<std::string, std::string>> details = {
      {"closed_candles_waiting", absl::StrCat(subscription_.closed_waiting())},
      {"bytes_waiting", absl::StrCat(subscription_.waiting_bytes())},
      {"bytes_max", absl::StrCat(bytes_max)}};
  std::string token = TokenLocked();
  if (!token.empty()) details.emplace_back("resume_token", std::move(token));
  EndLocked(TooSlow(details));
}

std::optional<StreamMessage> StreamCall::NextLocked(std::string* token) {
  auto message = subscription_.Take(Clock::now());
  ReleaseSentLocked();
  if (!message) return std::nullopt;
  writing_ = true;
  *token = TokenLocked();
  const auto* batch = std::get_if<CandlesMessage>(&*message);
  parts_->metrics->MessageSent(batch == nullptr ? 0 : static_cast<int64_t>(batch->candles.size()));
  parts_->metrics->CandlesConflated(subscription_.conflated() - conflated_);
  conflated_ = subscription_.conflated();
  return message;
}

// Positions are read after what is sent was decided: a later one is as good.
std::string StreamCall::TokenLocked() const {
  const uint64_t fingerprint = FingerprintLocked();
  auto resume = fingerprint == 0 ? std::nullopt : subscription_.Resumable();
  if (!resume) return "";
  ResumeToken token{.fingerprint = fingerprint,
                    .issued_at_s = absl::ToUnixSeconds(absl::Now()),
                    .resume = *std::move(resume),
                    .positions = {}};
  token.positions = parts_->fanout->places().Of(token.resume.marks);
  return EncodeResumeToken(parts_->limits.request.token_key, token);
}

void StreamCall::WriteDone(bool ok) {
  const auto self = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) EndLocked(absl::CancelledError("the client is gone"));
  }
  Send();
}

void StreamCall::Cancelled() {
  const auto self = shared_from_this();
  StopWork();
  End(absl::CancelledError("the client is gone"));
}

void StreamCall::Done() {
  StopWork();
  Unregister();
  parts_->metrics->StreamClosed();
  --parts_->streams;
  on_done_(this);
  const auto last = std::exchange(self_, nullptr);
}

}  // namespace quantstream::query
