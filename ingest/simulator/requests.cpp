#include "ingest/simulator/requests.h"

#include <simdjson.h>

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "platform/status.h"

namespace quantstream::simulator {
namespace {

using simdjson::dom::element;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    out.push_back(escape ? static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]))
                         : text[i]);
    if (escape) i += 2;
  }
  return out;
}

std::string Error(int code, std::string_view message, const std::string& id) {
  return absl::StrCat(R"({"error":{"code":)", code, R"(,"msg":")", std::string(message),
                      R"("},"id":)", id, "}");
}

// The id as it came: a number or a text of up to 36 characters; `null` when there is none.
absl::StatusOr<std::string> IdOf(const element& request) {
  element id;
  if (request["id"].get(id) != simdjson::SUCCESS || id.is_null()) return std::string("null");
  std::string_view text;
  if (id.get(text) == simdjson::SUCCESS && text.size() > 36) {
    return absl::InvalidArgumentError("the id is longer than 36 characters");
  }
  if (id.is_uint64() || id.is_int64() || id.is_string()) return simdjson::minify(id);
  return absl::InvalidArgumentError("the id must be a whole number or a text");
}

absl::StatusOr<std::vector<std::string>> ParamsOf(const element& request) {
  simdjson::dom::array params;
  if (request["params"].get(params) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("field params must be a list");
  }
  std::vector<std::string> names;
  for (const element& param : params) {
    std::string_view name;
    if (param.get(name) != simdjson::SUCCESS || !LegalStreamName(name)) {
      return absl::InvalidArgumentError("field params must hold stream names");
    }
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

bool LegalStreamName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("@_!.-").find(c) != std::string_view::npos;
  });
}

std::string QueryValue(std::string_view target, std::string_view key) {
  const size_t question = target.find('?');
  if (question == std::string_view::npos) return {};
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=') {
      return PercentDecode(pair.substr(key.size() + 1));
    }
  }
  return {};
}

absl::StatusOr<StreamTarget> ParseStreamTarget(std::string_view target) {
  if (target.substr(0, target.find('?')) != "/stream") {
    return absl::NotFoundError("this venue streams at /stream");
  }
  StreamTarget parsed;
  const std::string unit = QueryValue(target, "timeUnit");
  if (unit == "microsecond" || unit == "MICROSECOND") {
    parsed.unit = TimeUnit::kMicroseconds;
  } else if (!unit.empty() && unit != "millisecond" && unit != "MILLISECOND") {
    return absl::InvalidArgumentError("timeUnit is MILLISECOND or MICROSECOND");
  }
  const std::string streams = QueryValue(target, "streams");
  if (streams.empty()) return parsed;
  parsed.streams = absl::StrSplit(streams, '/');
  for (const std::string& name : parsed.streams) {
    if (!LegalStreamName(name)) return absl::InvalidArgumentError("bad stream name");
  }
  return parsed;
}

absl::StatusOr<std::vector<std::string>> Subscriptions::Add(const std::vector<std::string>& names) {
  std::set<std::string> fresh(names.begin(), names.end());
  std::erase_if(fresh, [this](const std::string& name) { return names_.contains(name); });
  if (names_.size() + fresh.size() > streams_max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a connection has at most ", streams_max_, " streams"));
  }
  names_.insert(fresh.begin(), fresh.end());
  return std::vector<std::string>(fresh.begin(), fresh.end());
}

std::vector<std::string> Subscriptions::Remove(const std::vector<std::string>& names) {
  std::vector<std::string> removed;
  for (const std::string& name : names) {
    if (names_.erase(name) > 0) removed.push_back(name);
  }
  return removed;
}

std::string Subscriptions::List() const {
  if (names_.empty()) return "[]";
  return absl::StrCat("[\"", absl::StrJoin(names_, "\",\""), "\"]");
}

SubscriptionChange Subscriptions::Handle(std::string_view text) {
  simdjson::dom::parser parser;
  element request;
  if (parser.parse(text.data(), text.size()).get(request) != simdjson::SUCCESS) {
    return {.answer = Error(3, "Invalid JSON", "null")};
  }
  const absl::StatusOr<std::string> id = IdOf(request);
  if (!id.ok()) return {.answer = Error(2, "Invalid request: " + Message(id.status()), "null")};
  std::string_view method;
  if (request["method"].get(method) != simdjson::SUCCESS) {
    return {.answer = Error(2, "Invalid request: field method is missing", *id)};
  }
  if (method == "LIST_SUBSCRIPTIONS") {
    return {.answer = absl::StrCat(R"({"result":)", List(), R"(,"id":)", *id, "}")};
  }
  if (method != "SUBSCRIBE" && method != "UNSUBSCRIBE") {
    return {.answer = Error(2, "Invalid request: unknown method", *id)};
  }
  const absl::StatusOr<std::vector<std::string>> names = ParamsOf(request);
  if (!names.ok()) {
    return {.answer = Error(2, "Invalid request: " + Message(names.status()), *id)};
  }
  SubscriptionChange change{.answer = absl::StrCat(R"({"result":null,"id":)", *id, "}")};
  if (method == "UNSUBSCRIBE") {
    change.removed = Remove(*names);
    return change;
  }
  absl::StatusOr<std::vector<std::string>> added = Add(*names);
  if (!added.ok()) return {.answer = Error(2, Message(added.status()), *id)};
  change.added = *std::move(added);
  return change;
}

}  // namespace quantstream::simulator
