#include "platform/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace quantstream {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// What one call site may still write.
struct Allowance {
  double lines = 0;
  SteadyTime filled;
  int64_t suppressed = 0;
};

struct Logger {
  std::mutex mutex;
  LogSettings settings;
  std::function<void(std::string_view)> sink;
  std::map<std::pair<const char*, uint32_t>, Allowance> sites;
  std::shared_ptr<spdlog::logger> err;

  Logger() {
    err = std::make_shared<spdlog::logger>("quantstream",
                                           std::make_shared<spdlog::sinks::stderr_sink_mt>());
    err->set_pattern("%v");
    err->set_level(spdlog::level::trace);
  }

  // True when the site may write now; then `suppressed` is what it held back since its last line.
  bool Admit(const std::source_location& site, int64_t* suppressed) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const double burst = settings.burst_lines;
    auto [it, fresh] = sites.try_emplace({site.file_name(), site.line()}, Allowance{burst, now, 0});
    Allowance& allowance = it->second;
    const std::chrono::duration<double> passed = now - allowance.filled;
    allowance.filled = now;
    allowance.lines =
        std::min(burst, allowance.lines + (fresh ? 0 : passed.count() * settings.lines_per_s));
    if (allowance.lines < 1) {
      ++allowance.suppressed;
      return false;
    }
    allowance.lines -= 1;
    *suppressed = std::exchange(allowance.suppressed, 0);
    return true;
  }

  void Write(std::string_view line) {
    if (sink) {
      sink(line);
    } else {
      err->info("{}", line);
    }
  }
};

// Never destroyed: a thread may log while the process ends.
Logger& TheLogger() {
  static Logger* logger = new Logger;
  return *logger;
}

std::string Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const time_t seconds = us / 1'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32];
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:06}Z", day, us % 1'000'000);
}

// The length of the UTF-8 sequence that starts here, 0 when it is none (or overlong, surrogate, out
// of range).
size_t Utf8Length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (length == 3 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)))
    return 0;
  if (length == 4 && ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)))
    return 0;
  return length;
}

bool IsPlain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

}  // namespace

LogField::LogField(std::string_view name, double number)
    : key(name), value(fmt::format("{}", number)) {}

void SetUpLog(const LogSettings& settings) {
  Logger& logger = TheLogger();
  std::lock_guard lock(logger.mutex);
  logger.settings = settings;
  logger.sites.clear();
}

void SetLogSink(std::function<void(std::string_view)> sink) {
  Logger& logger = TheLogger();
  std::lock_guard lock(logger.mutex);
  logger.sink = std::move(sink);
}

std::string_view LogLevelName(LogLevel level) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[level];
}

std::string EscapeLogValue(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = Utf8Length(text, i);
    const bool c1_control =
        length == 2 && c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7F || length == 0) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c1_control) {
      out += fmt::format("\\x{:02x}\\x{:02x}", c, static_cast<unsigned char>(text[i + 1]));
    } else {
      out += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  return out + '"';
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields,
         std::source_location site) {
  Logger& logger = TheLogger();
  std::lock_guard lock(logger.mutex);
  int64_t suppressed = 0;
  if (level < logger.settings.level || !logger.Admit(site, &suppressed)) return;
  std::string line = fmt::format("time={} level={}", Now(), LogLevelName(level));
  if (!logger.settings.service.empty()) {
    line += " service=" + EscapeLogValue(logger.settings.service);
  }
  line += " msg=" + EscapeLogValue(message);
  for (const LogField& field : fields) {
    line += ' ' + field.key + '=' + EscapeLogValue(field.value);
  }
  if (suppressed > 0) line += fmt::format(" suppressed={}", suppressed);
  logger.Write(line);
}

}  // namespace quantstream
