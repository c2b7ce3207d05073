#include "ingest/url.h"

#include <gtest/gtest.h>

namespace quantstream::ingest {
namespace {

TEST(WebSocketUrl, IsTakenApart) {
  const auto url = WebSocketUrl::Parse("wss://stream.binance.com:9443/stream?timeUnit=X");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "stream.binance.com");
  EXPECT_EQ(url->port, "9443");
  EXPECT_EQ(url->target, "/stream?timeUnit=X");
}

TEST(WebSocketUrl, HasUsualPortsAndARootPath) {
  const auto plain = WebSocketUrl::Parse("ws://localhost");
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->port, "80");
  EXPECT_EQ(plain->target, "/");
  EXPECT_EQ(WebSocketUrl::Parse("wss://a?b=c")->port, "443");
  EXPECT_EQ(WebSocketUrl::Parse("wss://a?b=c")->target, "/?b=c");
  EXPECT_EQ(WebSocketUrl::Parse("ws://[::1]:9080/x")->host, "::1");
}

TEST(WebSocketUrl, RefusesWhatIsNone) {
  for (const char* text : {"", "http://a", "wss://", "wss://:1", "ws://a:0", "ws://a:70000",
                           "ws://a:x", "ws://u@h/", "ws://a b/", "ws://a/ b"}) {
    EXPECT_FALSE(WebSocketUrl::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quantstream::ingest
