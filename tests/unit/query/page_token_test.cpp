#include "query/page_token.h"

#include <gtest/gtest.h>

namespace quantstream::query {
namespace {

TEST(PageToken, ComesBackAsItWas) {
  const std::string token = EncodePageToken(42, PackNumbers(-5, 7));
  int64_t first = 0, second = 0;
  ASSERT_TRUE(UnpackNumbers(*DecodePageToken(token, 42), &first, &second));
  EXPECT_EQ(first, -5);
  EXPECT_EQ(second, 7);
}

TEST(PageToken, OfAnotherRequestIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(DecodePageToken(EncodePageToken(42, "x"), 43).status()));
}

TEST(PageToken, ThatIsNoneOfOursIsRefused) {
  for (const char* text : {"", "x", "AAAA", "!!!!", "cDE"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodePageToken(text, 42).status())) << text;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(DecodePageToken(std::string(5000, 'A'), 42).status()));
}

TEST(PageToken, FingerprintsDifferWhereTheBordersOfThePartsDo) {
  EXPECT_NE(Fingerprint().Add("ab").Add("c").value(), Fingerprint().Add("a").Add("bc").value());
}

}  // namespace
}  // namespace quantstream::query
