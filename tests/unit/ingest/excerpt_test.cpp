#include "ingest/excerpt.h"

#include <gtest/gtest.h>

namespace quantstream::ingest {
namespace {

TEST(Excerpt, KeepsUpTo64KibAsTheyAre) {
  const std::string bytes(64 * 1024, 'x');
  const DeadLetter letter = MakeDeadLetter("malformed", "binance", bytes);
  EXPECT_EQ(letter.bytes, bytes);
  EXPECT_EQ(letter.length, bytes.size());
  EXPECT_EQ(letter.sha256_hex, "");
}

TEST(Excerpt, KeepsTheFirst64KibOfMoreWithLengthAndSha256OfAll) {
  const std::string bytes(1'000'000, 'a');
  Excerpt excerpt;
  for (size_t at = 0; at < bytes.size(); at += 1000) {
    excerpt.Add(std::string_view(bytes).substr(at, 1000));
  }
  const DeadLetter letter = excerpt.Finish("oversized", "binance");
  EXPECT_EQ(letter.bytes, bytes.substr(0, 64 * 1024));
  EXPECT_EQ(letter.length, 1'000'000u);
  // The published test vector of SHA-256 for a million times `a`.
  EXPECT_EQ(letter.sha256_hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace quantstream::ingest
