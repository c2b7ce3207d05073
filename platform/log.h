// Logs: one line per event, key=value, escaped, rate-limited per call site. Nothing may depend on a
// log line.
//
//   Log(kWarning, "partition fenced", {{"partition", 3}, {"epoch", epoch}, {"error", status}});
//
// writes to stderr
//
//   time=2026-01-31T12:00:00.123456Z level=warning service=processor msg="partition fenced"
//   partition=3 ...
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quantstream {

enum LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// One key=value. Values are text from anywhere: whatever could break the line is escaped when
// written.
struct LogField {
  template <std::signed_integral T>
  LogField(std::string_view name, T number)
      : key(name), value(std::to_string(static_cast<int64_t>(number))) {}
  template <std::unsigned_integral T>
  LogField(std::string_view name, T number)
      : key(name), value(std::to_string(static_cast<uint64_t>(number))) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag ? "true" : "false") {}
  LogField(std::string_view name, double number);
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(text) {}
  LogField(std::string_view name, const absl::Status& status)
      : key(name), value(status.ToString()) {}

  std::string key{};
  std::string value{};
};

struct LogSettings {
  std::string service{};   // written as service=NAME; empty = left out
  LogLevel level = kInfo;  // lines below it are not written
  int burst_lines = 20;    // lines that one call site may write at once ...
  double lines_per_s =
      1.0;  // ... and how fast it earns new ones; what is held back is counted (suppressed=N)
};

// Call once, before threads start. Without it, lines of level info and above go to stderr.
void SetUpLog(const LogSettings& settings);

// Where finished lines go (no newline at the end) instead of stderr; for tests. An empty function
// puts stderr back.
void SetLogSink(std::function<void(std::string_view line)> sink);

// Thread-safe. A call site is a file and line.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {},
         std::source_location site = std::source_location::current());

// "debug", "info", "warning", "error".
std::string_view LogLevelName(LogLevel level);

// `text` as a value of a line: as it is when plain, else in quotes with ", \, control and non-UTF-8
// bytes escaped.
std::string EscapeLogValue(std::string_view text);

}  // namespace quantstream
