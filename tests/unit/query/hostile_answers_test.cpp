// Clients that ask once and take nothing of the answer: a window of 0 bytes. Their answers are
// bounded, are given up in time, and others find room.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/wait.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

constexpr char kCancelled[] = "quantstream_query_answers_cancelled_total";
constexpr char kBytes[] = "quantstream_query_answer_bytes";
constexpr int64_t kBound = 256 << 10;

v1::GetCandlesRequest ManyCandles() {
  v1::GetCandlesRequest request;
  request.set_instrument(kA);
  request.set_interval("1s");
  request.set_page_size(1'000);
  return request;
}

class HostileAnswers : public HostileTest {
 protected:
  ~HostileAnswers() override {
    for (const int fd : open_) close(fd);
  }
  void Adjust(ServerOptions* options) override {
    options->service.answers_bytes_max = kBound;
    options->service.end_wait_max = end_wait_max_;
  }
  void Restart(std::chrono::milliseconds end_wait_max) {
    end_wait_max_ = end_wait_max;
    StartServer();
  }
  // Stays connected.
  void AskAndTakeNothing(const std::string& method, const std::string& request) {
    open_.push_back(DialAndSend(server_->port(), RawCall(method, request, kTakesNothing)));
  }
  void HangUp() {
    for (const int fd : open_) close(fd);
    open_.clear();
  }

 private:
  std::chrono::milliseconds end_wait_max_ = std::chrono::minutes(2);
  std::vector<int> open_;
};

TEST_F(HostileAnswers, ManyThatTakeNothingStayInOneBoundAndOthersAreAnswered) {
  while (closed() < 1'000) CloseNext();
  const std::string request = ManyCandles().SerializeAsString();
  for (int i = 0; i < 40; ++i) {
    AskAndTakeNothing("GetCandles", request);
    const auto answered = [&] {
      EXPECT_LE(Metric(kBytes), kBound);
      grpc::ClientContext context;
      v1::GetCandlesResponse response;
      return stub_->GetCandles(&context, ManyCandles(), &response).ok() &&
             response.candles_size() == 1'000;
    };
    ASSERT_TRUE(test_support::WaitFor(answered)) << i;
  }
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric(kCancelled) > 0; }));
  HangUp();
}

TEST_F(HostileAnswers, OneThatNobodyTakesIsCancelledInTimeWhateverTheCall) {
  Restart(std::chrono::milliseconds(50));
  CloseNext();
  v1::GetLatestRequest latest;
  latest.add_instruments(kA);
  latest.add_intervals("1s");
  const std::map<std::string, std::string> calls = {
      {"GetCandles", ManyCandles().SerializeAsString()},
      {"GetLatest", latest.SerializeAsString()},
      {"ListInstruments", ""},
      {"ListGaps", ""},
      {"GetServerInfo", ""}};
  double cancelled = Metric(kCancelled);
  for (const auto& [method, request] : calls) {
    AskAndTakeNothing(method, request);
    ++cancelled;
    EXPECT_TRUE(test_support::WaitFor([&] { return Metric(kCancelled) >= cancelled; })) << method;
  }
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric(kBytes) == 0; }));
  Restart(std::chrono::minutes(2));
  HangUp();
}

}  // namespace
}  // namespace quantstream::query::testing
