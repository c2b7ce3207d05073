#include "ingest/record_ring.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace quantstream::ingest {
namespace {

OutgoingRecord Record(const std::string& bytes, int32_t partition = 0) {
  OutgoingRecord record;
  record.partition = partition;
  record.bytes = bytes;
  return record;
}

// Hands the next record to the log; returns its token.
uint64_t Send(RecordRing& ring) {
  const uint64_t token = ring.next_token();
  ring.MarkSent();
  return token;
}

TEST(RecordRing, GivesRecordsOutInOrderAndForgetsThoseThatWereAcknowledged) {
  RecordRing ring(1'000'000);
  ring.Push(Record("a"), false);
  ring.Push(Record("b"), false);
  EXPECT_EQ(ring.NextUnsent()->bytes, "a");
  const uint64_t a = Send(ring);
  EXPECT_EQ(ring.NextUnsent()->bytes, "b");
  const uint64_t b = Send(ring);
  EXPECT_EQ(ring.NextUnsent(), nullptr);
  ring.Delivered(b);
  EXPECT_EQ(ring.records(), 1u);
  ring.Delivered(a);
  EXPECT_EQ(ring.records(), 0u);
  EXPECT_EQ(ring.bytes(), 0u);
}

TEST(RecordRing, GivesWhatWasNotAcknowledgedOutAgainUnchanged) {
  RecordRing ring(1'000'000);
  for (const char* bytes : {"a", "b", "c", "d"}) ring.Push(Record(bytes), false);
  Send(ring);
  const uint64_t b = Send(ring);
  Send(ring);
  ring.Delivered(b);
  EXPECT_EQ(ring.Rewind(), 2u) << "a and c were sent and are sent again";
  for (const char* bytes : {"a", "c", "d"}) {
    ASSERT_NE(ring.NextUnsent(), nullptr);
    EXPECT_EQ(ring.NextUnsent()->bytes, bytes);
    Send(ring);
  }
}

TEST(RecordRing, DoesNotMistakeALateReportOfAnOldClient) {
  RecordRing ring(1'000'000);
  ring.Push(Record("a"), false);
  const uint64_t old = Send(ring);
  ring.Rewind();
  ring.Delivered(old);
  EXPECT_EQ(ring.records(), 1u);
}

TEST(RecordRing, IsFullAtItsBoundAndTakesRecordsAllTheSame) {
  RecordRing ring(1000);
  ring.Push(Record(std::string(900, 'x')), false);
  EXPECT_TRUE(ring.Full());
  ring.Push(Record("y"), false);
  EXPECT_EQ(ring.records(), 2u);
}

TEST(RecordRing, CountsHeartbeatsThatWait) {
  RecordRing ring(1'000'000);
  ring.Push(Record("a", 3), true);
  ring.Push(Record("b", 3), true);
  ring.Push(Record("c", 3), false);
  EXPECT_EQ(ring.HeartbeatsWaiting(3), 2u);
  EXPECT_EQ(ring.HeartbeatsWaiting(1), 0u);
  EXPECT_EQ(ring.owed(), 1u);
  ring.Delivered(Send(ring));
  EXPECT_EQ(ring.HeartbeatsWaiting(3), 1u);
}

// Reports in any order, failures of the client at any moment: each record is acknowledged, none is
// forgotten before.
TEST(RecordRing, LosesNothingWhateverTheLogDoes) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    RecordRing ring(1'000'000);
    std::map<std::string, bool> acknowledged;
    std::vector<std::pair<uint64_t, std::string>> in_flight;
    int made = 0;
    for (int step = 0; step < 400 || ring.records() > 0; ++step) {
      switch (step < 400 ? random() % 4 : 1 + random() % 2) {
        case 0: {
          const std::string bytes = std::to_string(made++);
          acknowledged[bytes] = false;
          ring.Push(Record(bytes), random() % 2 == 0);
          break;
        }
        case 1:
          if (const auto* record = ring.NextUnsent()) {
            in_flight.emplace_back(ring.next_token(), record->bytes);
            ring.MarkSent();
          }
          break;
        case 2:
          if (!in_flight.empty()) {
            const size_t which = random() % in_flight.size();
            acknowledged[in_flight[which].second] = true;
            ring.Delivered(in_flight[which].first);
            in_flight.erase(in_flight.begin() + static_cast<ptrdiff_t>(which));
          }
          break;
        default:
          if (random() % 10 == 0) {
            ring.Rewind();
            in_flight.clear();
          }
      }
    }
    for (const auto& [bytes, done] : acknowledged) ASSERT_TRUE(done) << bytes << " seed " << seed;
    EXPECT_EQ(ring.bytes(), 0u);
  }
}

}  // namespace
}  // namespace quantstream::ingest
