#include "processor/outbox.h"

#include "platform/sha256.h"
#include "processor/packing.h"

namespace quantstream::processor {

void AppendCandleEvent(std::string_view candle_event, std::string& payload) {
  Packer out(payload);
  out.Number(OutboxMessage::kCandleEvent);
  out.Text(candle_event);
}

void AppendDeadLetter(const DeadLetter& letter, std::string& payload) {
  Packer out(payload);
  out.Number(OutboxMessage::kDeadLetter);
  out.Text(letter.reason);
  out.Signed(letter.offset.value);
  out.Number(letter.length);
  out.Text(std::string_view(letter.bytes).substr(0, DeadLetter::kBytesMax));
  if (letter.length > DeadLetter::kBytesMax) out.Text(Sha256Hex(letter.bytes));
}

absl::StatusOr<std::vector<OutboxMessage>> UnpackOutbox(std::string_view payload) {
  std::vector<OutboxMessage> messages;
  Unpacker in(payload);
  while (in.ok() && !in.done()) {
    OutboxMessage message;
    const uint64_t kind = in.Number();
    in.Require(kind == OutboxMessage::kCandleEvent || kind == OutboxMessage::kDeadLetter);
    if (kind == OutboxMessage::kCandleEvent) {
      message.candle_event = in.Text();
    } else {
      message.kind = OutboxMessage::kDeadLetter;
      message.dead_letter.reason = in.Text();
      message.dead_letter.offset.value = in.Signed();
      message.dead_letter.length = in.Number();
      message.dead_letter.bytes = in.Text();
      if (message.dead_letter.length > DeadLetter::kBytesMax) {
        message.dead_letter.sha256 = in.Text();
      }
    }
    messages.push_back(std::move(message));
  }
  if (!in.ok()) return absl::DataLossError("outbox row cannot be read");
  return messages;
}

}  // namespace quantstream::processor
