#include "ingest/intake.h"

#include <utility>

#include "ingest/excerpt.h"

namespace quantstream::ingest {
namespace {

// What the processor refuses whatever the connection's offset is; refused here, where the frame
// still is.
constexpr int64_t kAheadOfReceiptMaxUs = int64_t{3600} * 1'000'000;

}  // namespace

Intake::Intake(ConnectionId connection, std::unique_ptr<Decoder> decoder, IntakeParts parts,
               IntakeOptions options)
    : connection_(connection),
      decoder_(std::move(decoder)),
      parts_(parts),
      options_(std::move(options)),
      stamps_(options_.future_bound_us),
      learning_(!options_.trade_time_is_receive_time) {}

const DecodedFrame& Intake::Take(std::string_view frame, EventTime received, Instant now) {
  if (frame.size() > options_.frame_bytes_max) {
    Refuse(MakeDeadLetter(kOversized, options_.source_name, frame));
    oversized_.kind = FrameKind::kBad;
    oversized_.reason = kOversized;
    return oversized_;
  }
  const DecodedFrame& decoded = decoder_->Decode(frame);
  switch (decoded.kind) {
    case FrameKind::kTrades:
      parts_.metrics.FrameOfTrades();
      for (Trade trade : decoded.trades) {
        trade.receive_time = options_.trade_time_is_receive_time ? trade.venue_time : received;
        trade.source = options_.source;
        TakeTrade(trade, frame, now);
      }
      break;
    case FrameKind::kIgnored:
      parts_.metrics.FrameIgnored();
      break;
    case FrameKind::kBad:
      Refuse(MakeDeadLetter(decoded.reason, options_.source_name, frame));
      break;
    default:
      parts_.metrics.FrameOfControl();
      break;
  }
  return decoded;
}

void Intake::Refuse(DeadLetter letter) {
  parts_.metrics.FrameRefused(letter.reason);
  parts_.dead_letters.Refuse(std::move(letter));
}

void Intake::RefuseTrade(std::string_view reason, std::string_view frame) {
  parts_.metrics.TradeRefused(reason);
  parts_.dead_letters.Refuse(MakeDeadLetter(reason, options_.source_name, frame));
}

void Intake::TakeTrade(Trade& trade, std::string_view frame, Instant now) {
  const Refusal refusal = CheckTrade(trade, kAheadOfReceiptMaxUs);
  if (refusal != Refusal::kNone) return RefuseTrade(RefusalName(refusal), frame);
  stamps_.Learn(trade.venue_time.us, trade.receive_time.us);
  if (!learning_) return Judge(trade, frame, now);
  Waiting& waiting =
      waiting_.emplace_back(Waiting{trade, std::string(trade.text_id), std::string(frame), now});
  waiting.trade.text_id = waiting.text_id;
  if (stamps_.learned()) Release();
}

void Intake::Tick(Instant now) {
  if (!waiting_.empty() && now - waiting_.front().at >= options_.learn_max_us) Release();
}

void Intake::Close() {
  Release();
}

void Intake::Release() {
  if (!waiting_.empty()) learning_ = false;
  for (const Waiting& waiting : waiting_) Judge(waiting.trade, waiting.frame, waiting.at);
  waiting_.clear();
}

void Intake::Judge(const Trade& trade, std::string_view frame, Instant now) {
  if (stamps_.IsFuture(trade.venue_time.us, trade.receive_time.us)) {
    return RefuseTrade(RefusalName(Refusal::kFuture), frame);
  }
  parts_.sink.Publish(trade);
  parts_.clock.TradePublished(connection_, trade.venue_time, now);
  parts_.metrics.TradePublished();
}

}  // namespace quantstream::ingest
