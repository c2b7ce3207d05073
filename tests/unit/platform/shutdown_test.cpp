#include "platform/shutdown.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace quantstream {
namespace {

using namespace std::chrono_literals;

TEST(ShutdownTest, NothingIsRequestedAtFirst) {
  const Shutdown shutdown(10s);
  EXPECT_FALSE(shutdown.requested());
  EXPECT_FALSE(shutdown.WaitFor(1ms));
}

TEST(ShutdownTest, SigtermAndSigintAreRequests) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const Shutdown shutdown(10s);
    kill(getpid(), signal);
    EXPECT_TRUE(shutdown.WaitFor(10s));
    EXPECT_TRUE(shutdown.requested()) << "it stays so";
  }
}

TEST(ShutdownTest, TheDescriptorCanBePolled) {
  Shutdown shutdown(10s);
  pollfd waiting{shutdown.event_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 0), 0);
  shutdown.Request();
  EXPECT_EQ(poll(&waiting, 1, 0), 1);
}

TEST(ShutdownTest, AWaitingThreadIsWoken) {
  Shutdown shutdown(10s);
  std::thread requester([&] { shutdown.Request(); });
  shutdown.Wait();
  requester.join();
}

TEST(ShutdownDeathTest, ADrainThatTakesTooLongIsCutOff) {
  EXPECT_EXIT(
      {
        Shutdown shutdown(20ms);
        kill(getpid(), SIGTERM);
        for (;;) pause();
      },
      ::testing::ExitedWithCode(1), "drain took too long");
}

TEST(ShutdownDeathTest, AnOrderlyEndIsNotCutOff) {
  EXPECT_EXIT(
      {
        {
          Shutdown shutdown(10s);
          shutdown.Request();
        }
        _exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace quantstream
