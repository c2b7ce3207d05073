// What this machine grants at best: a gRPC server that does nothing, made as query's is, and a
// plain TCP send.
//
//   bench-query-floor serve    prints its port; /floor/stream "COUNT BYTES" sends that many
//                              messages, any other method answers with its own request
//   bench-query-floor tcp      one JSON object: sends over loopback
#include <arpa/inet.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::string Join(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string joined;
  if (!buffer.Dump(&slices).ok()) return joined;
  for (const grpc::Slice& slice : slices) {
    joined.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return joined;
}

class Call final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(bool streams) : streams_(streams) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    const std::string request = Join(request_);
    if (streams_) {
      left_ = std::atoll(request.c_str());
      const size_t bytes = static_cast<size_t>(std::atoll(request.c_str() + request.find(' ')));
      slice_ = grpc::Slice(std::string(bytes, 'x'));
    } else {
      left_ = 1;
      slice_ = grpc::Slice(request);
    }
    Next();
  }
  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (left_-- == 0) return Finish(grpc::Status::OK);
    answer_ = grpc::ByteBuffer(&slice_, 1);
    StartWrite(&answer_);
  }

  const bool streams_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer answer_;
  grpc::Slice slice_;
  int64_t left_ = 0;
};

class Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(context->method() == "/floor/stream");
  }
};

int Serve() {
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  std::printf("%d\n", port);
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Pair {
  int sender = -1;
  int receiver = -1;
};

Pair Connect() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  Pair pair;
  pair.sender = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, any, size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, any, &size) != 0 || connect(pair.sender, any, size) != 0) {
    std::perror("tcp");
    std::exit(1);
  }
  pair.receiver = accept(listener, nullptr, nullptr);
  const int on = 1;
  setsockopt(pair.sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  close(listener);
  return pair;
}

// As many sends of one message's size as go while another thread reads.
int Tcp() {
  constexpr int kSends = 300'000;
  constexpr size_t kBytes = 300;
  const Pair pair = Connect();
  std::thread reader([&] {
    std::vector<char> buffer(1 << 20);
    while (recv(pair.receiver, buffer.data(), buffer.size(), 0) > 0) {
    }
  });
  const std::string message(kBytes, 'x');
  const double cpu = CpuSeconds();
  const auto begin = Clock::now();
  for (int i = 0; i < kSends; ++i) {
    if (send(pair.sender, message.data(), kBytes, MSG_NOSIGNAL) < 0) return 1;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("{\"sends\": %d, \"seconds\": %.4f, \"cpu_s\": %.4f}\n", kSends, seconds,
              CpuSeconds() - cpu);
  shutdown(pair.sender, SHUT_RDWR);
  reader.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string question = argc > 1 ? argv[1] : "";
  if (question == "serve") return Serve();
  if (question == "tcp") return Tcp();
  std::fprintf(stderr, "usage: bench-query-floor serve|tcp\n");
  return 2;
}
