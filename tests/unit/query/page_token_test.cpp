#include "query/page_token.h"

#include <gtest/gtest.h>

namespace quantstream::query {
namespace {

const TokenKey kKey("secret");

TEST(PageToken, ComesBackAsItWasFromAnyReplicaWithTheKey) {
  const std::string token = PageTokens(kKey, 42).Encode(PackNumbers(-5, 7));
  int64_t first = 0, second = 0;
  ASSERT_TRUE(
      UnpackNumbers(*PageTokens(TokenKey("secret"), 42).Decode(token), &first, &second));
  EXPECT_EQ(first, -5);
  EXPECT_EQ(second, 7);
}

TEST(PageToken, OfAnotherRequestOrKeyIsRefused) {
  const std::string token = PageTokens(kKey, 42).Encode("x");
  EXPECT_TRUE(absl::IsInvalidArgument(PageTokens(kKey, 43).Decode(token).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(PageTokens(TokenKey("other"), 42).Decode(token).status()));
}

TEST(PageToken, EveryChangedCharacterAndEveryTruncationIsRefused) {
  const PageTokens pages(kKey, 42);
  for (const char* position : {"venue:AAA-USD", "venue:AAA-US", "venue:AAA-U"}) {
    const std::string token = pages.Encode(position);
    for (size_t i = 0; i < token.size(); ++i) {
      EXPECT_FALSE(pages.Decode(token.substr(0, i)).ok()) << i;
      for (const char other : {'A', 'B', 'Q', 'g', 'w', '_', '=', ' '}) {
        if (other == token[i]) continue;
        std::string changed = token;
        changed[i] = other;
        EXPECT_FALSE(pages.Decode(changed).ok()) << i << other;
      }
    }
    EXPECT_FALSE(pages.Decode(token + "=").ok());
    EXPECT_FALSE(pages.Decode(token + "\n").ok());
  }
}

TEST(PageToken, ThatIsNoneOfOursIsRefused) {
  const PageTokens pages(kKey, 42);
  for (const std::string& text : {std::string(), std::string("x"), std::string("AAAA"),
                                  std::string("!!!!"), kKey.Seal("r1"), std::string(5000, 'A')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(pages.Decode(text).status())) << text;
  }
}

TEST(PageToken, FingerprintsDifferWhereTheBordersOfThePartsDo) {
  EXPECT_NE(Fingerprint().Add("ab").Add("c").value(), Fingerprint().Add("a").Add("bc").value());
}

}  // namespace
}  // namespace quantstream::query
