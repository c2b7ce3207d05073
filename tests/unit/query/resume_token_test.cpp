#include "query/resume_token.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace quantstream::query {
namespace {

ResumeToken Some() {
  ResumeToken token;
  token.fingerprint = 0xfedcba9876543210;
  token.issued_at_s = 1'800'000'000;
  token.resume.marks = {{0, -1}, {7, (int64_t{3} << 48) + 12}};
  token.resume.starts = {{Interval{1}, EventTime{INT64_MIN}}, {Interval{60}, EventTime{-5}}};
  token.positions = {{0, 0}, {7, 123'456'789'012}};
  return token;
}

TEST(ResumeTokenTest, ComesBackAsItWas) {
  const TokenKey key("secret");
  const auto back = DecodeResumeToken(key, EncodeResumeToken(key, Some()));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->fingerprint, Some().fingerprint);
  EXPECT_EQ(back->issued_at_s, Some().issued_at_s);
  EXPECT_EQ(back->resume.marks, Some().resume.marks);
  EXPECT_EQ(back->resume.starts, Some().resume.starts);
  EXPECT_EQ(back->positions, Some().positions);
}

TEST(ResumeTokenTest, OfAnotherKeyIsRefused) {
  const std::string text = EncodeResumeToken(TokenKey("a"), Some());
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeResumeToken(TokenKey("b"), text).status()));
}

TEST(ResumeTokenTest, OneAfterTheOtherIsNotTakenForTheOneBefore) {
  const TokenKey a("a"), b("b");
  ResumeToken other = Some();
  other.positions[7] += 1;
  const std::string first = EncodeResumeToken(a, Some());
  EXPECT_EQ(DecodeResumeToken(b, EncodeResumeToken(b, Some()))->positions, Some().positions);
  EXPECT_EQ(DecodeResumeToken(b, EncodeResumeToken(b, other))->positions, other.positions);
  EXPECT_EQ(EncodeResumeToken(a, Some()), first);
}

TEST(ResumeTokenTest, EveryChangedByteAndEveryTruncationIsRefused) {
  const TokenKey key("secret");
  const std::string text = EncodeResumeToken(key, Some());
  std::string bytes;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(text, &bytes));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(DecodeResumeToken(key, absl::WebSafeBase64Escape(changed)).ok()) << i;
    EXPECT_FALSE(DecodeResumeToken(key, absl::WebSafeBase64Escape(bytes.substr(0, i))).ok()) << i;
  }
}

TEST(ResumeTokenTest, WhatIsNoTokenIsRefused) {
  const TokenKey key("secret");
  for (const char* text : {"", "x", "not base64 at all!", "AAAA"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeResumeToken(key, text).status())) << text;
  }
  EXPECT_FALSE(DecodeResumeToken(key, std::string(1 << 20, 'A')).ok());
}

}  // namespace
}  // namespace quantstream::query
