// Unary calls, and messages of a server that does nothing else.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bench/http2.h"
#include "bench/query_load.h"

namespace quantstream::bench {
namespace {

// Pieces of a file, each behind its length (4 bytes, little endian).
std::vector<std::string> ReadPieces(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::string> pieces;
  for (size_t at = 0; at + 4 <= bytes.size();) {
    uint32_t size = 0;
    bytes.copy(reinterpret_cast<char*>(&size), 4, at);
    pieces.push_back(bytes.substr(at + 4, size));
    at += 4 + size;
  }
  if (pieces.empty()) Fail("no requests in " + path);
  return pieces;
}

void WritePieces(const std::string& path, const std::vector<std::string>& pieces) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string& piece : pieces) {
    const auto size = static_cast<uint32_t>(piece.size());
    file.write(reinterpret_cast<const char*>(&size), 4);
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  }
}

// Open-loop at `rate`, a call's time begins when it was due; or, without, `in_flight` at once.
class Calls {
 public:
  explicit Calls(const Arguments& arguments)
      : path_(arguments.Text("path")),
        requests_(ReadPieces(arguments.Text("requests"))),
        answers_(requests_.size()),
        calls_(arguments.Number("calls", 10'000)),
        rate_(arguments.Number("rate", 0)),
        in_flight_(arguments.Number("in_flight", 32)),
        client_(static_cast<uint16_t>(arguments.Number("port", 0)),
                static_cast<int>(arguments.Number("connections", 8))) {}

  void Run(int64_t timeout_us) {
    SayReady();
    begin_us_ = SteadyNowUs();
    const int64_t until_us = begin_us_ + timeout_us;
    while (ended_ < calls_) {
      const int64_t now_us = SteadyNowUs();
      if (now_us > until_us) Fail("not every call was answered");
      while (begun_ < calls_ && IsDue(now_us)) Begin();
      client_.Poll(rate_ == 0 ? 100'000 : std::max<int64_t>(DueOf(begun_) - SteadyNowUs(), 0));
    }
    Print(static_cast<double>(SteadyNowUs() - begin_us_) / 1e6);
  }

  const std::vector<std::string>& answers() const { return answers_; }

 private:
  int64_t DueOf(int64_t number) const { return begin_us_ + number * 1'000'000 / rate_; }
  bool IsDue(int64_t now_us) const {
    return rate_ == 0 ? begun_ - ended_ < in_flight_ : DueOf(begun_) <= now_us;
  }

  void Begin() {
    const int64_t number = begun_++;
    const int64_t due_us = rate_ == 0 ? SteadyNowUs() : DueOf(number);
    const size_t which = static_cast<size_t>(number) % requests_.size();
    client_.connection(static_cast<size_t>(number) % client_.connections())
        .Call(path_, requests_[which],
              {[this, which](std::string_view message) { Take(which, message); },
               [this, due_us] {
                 ++ended_;
                 samples_us_.push_back(SteadyNowUs() - due_us);
               }});
  }

  // The same question has the same answer each time; the driver looks at the first one.
  void Take(size_t which, std::string_view message) {
    ++answered_;
    bytes_ += static_cast<int64_t>(message.size());
    std::string& answer = answers_[which];
    if (answer.empty()) answer = std::string(message);
    if (answer != message) Fail("two answers to one question differ");
  }

  void Print(double seconds) {
    if (answered_ != calls_) Fail("calls ended without an answer");
    const double p50 = PercentileMs(&samples_us_, 50), p99 = PercentileMs(&samples_us_, 99);
    std::printf(
        "{\"calls\": %ld, \"bytes\": %ld, \"seconds\": %.3f, \"p50_ms\": %.3f, "
        "\"p99_ms\": %.3f}\n",
        static_cast<long>(calls_), static_cast<long>(bytes_), seconds, p50, p99);
  }

  const std::string path_;
  const std::vector<std::string> requests_;
  std::vector<std::string> answers_;
  const int64_t calls_;
  const int64_t rate_;  // a second; 0 = as fast as it goes
  const int64_t in_flight_;
  int64_t begin_us_ = 0;
  int64_t begun_ = 0;
  int64_t ended_ = 0;
  int64_t answered_ = 0;
  int64_t bytes_ = 0;
  std::vector<int64_t> samples_us_;
  Http2Client client_;
};

}  // namespace

int MeasureCalls(const Arguments& arguments) {
  Calls calls(arguments);
  calls.Run(arguments.Number("timeout_s", 60) * 1'000'000);
  const std::string path = arguments.Text("answers");
  if (!path.empty()) WritePieces(path, calls.answers());
  return 0;
}

int MeasureFloorStreams(const Arguments& arguments) {
  const int64_t streams = arguments.Number("streams", 100), each = arguments.Number("each", 1'000);
  Http2Client client(static_cast<uint16_t>(arguments.Number("port", 0)),
                     static_cast<int>(arguments.Number("connections", 10)));
  int64_t messages = 0, ended = 0;
  const std::string request = std::to_string(each) + " " + arguments.Text("bytes");
  SayReady();
  const int64_t begin_us = SteadyNowUs();
  for (int64_t i = 0; i < streams; ++i) {
    client.connection(static_cast<size_t>(i) % client.connections())
        .Call("/floor/stream", request,
              {[&](std::string_view) { ++messages; }, [&] { ++ended; }});
  }
  while (ended < streams && SteadyNowUs() - begin_us < 60'000'000) client.Poll(100'000);
  if (messages != streams * each) Fail("the floor's server has sent another number of messages");
  std::printf("{\"messages\": %ld, \"seconds\": %.3f}\n", static_cast<long>(messages),
              static_cast<double>(SteadyNowUs() - begin_us) / 1e6);
  return 0;
}

}  // namespace quantstream::bench
