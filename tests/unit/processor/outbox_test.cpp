#include "processor/outbox.h"

#include <gtest/gtest.h>

namespace quantstream::processor {
namespace {

DeadLetter ThroughTheOutbox(const std::string& bytes) {
  std::string payload;
  AppendDeadLetter({"reason", Offset{7}, bytes.size(), bytes}, payload);
  AppendCandleEvent("event", payload);
  const auto messages = UnpackOutbox(payload);
  EXPECT_TRUE(messages.ok()) << messages.status();
  EXPECT_EQ(messages->size(), 2u);
  EXPECT_EQ(messages->back().candle_event, "event");
  return messages->front().dead_letter;
}

TEST(Outbox, KeepsADeadLetterWhole) {
  const std::string bytes(DeadLetter::kBytesMax, 'a');
  const DeadLetter letter = ThroughTheOutbox(bytes);
  EXPECT_EQ(letter.reason, "reason");
  EXPECT_EQ(letter.offset, Offset{7});
  EXPECT_EQ(letter.bytes, bytes);
  EXPECT_EQ(letter.length, bytes.size());
  EXPECT_EQ(letter.sha256, "");
}

TEST(Outbox, KeepsTheBeginningOfALongDeadLetterWithItsLengthAndHash) {
  const std::string bytes(1'000'000, 'a');
  const DeadLetter letter = ThroughTheOutbox(bytes);
  EXPECT_EQ(letter.bytes, bytes.substr(0, 65'536));
  EXPECT_EQ(letter.length, 1'000'000u);
  // FIPS 180-2, appendix B.3.
  EXPECT_EQ(letter.sha256, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace quantstream::processor
