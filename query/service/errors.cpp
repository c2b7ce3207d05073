#include "query/service/errors.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "platform/status.h"

namespace quantstream::query {
namespace {

constexpr char kTypePrefix[] = "type.googleapis.com/";
constexpr char kDomain[] = "quantstream";

template <typename Detail>
void Attach(const Detail& detail, absl::Status* status) {
  status->SetPayload(absl::StrCat(kTypePrefix, Detail::descriptor()->full_name()),
                     absl::Cord(detail.SerializeAsString()));
}

google::rpc::ErrorInfo Info(std::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(kDomain);
  return info;
}

}  // namespace

absl::Status InvalidRequest(const std::vector<Violation>& violations) {
  google::rpc::BadRequest detail;
  std::string message;
  for (const Violation& violation : violations) {
    auto* field = detail.add_field_violations();
    field->set_field(violation.field);
    field->set_description(violation.description);
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field, ": ",
                    violation.description);
  }
  absl::Status status = absl::InvalidArgumentError(message);
  Attach(detail, &status);
  return status;
}

absl::Status InstrumentNotFound(std::string_view text, const std::vector<std::string>& nearest) {
  std::string description = nearest.empty()
                                ? "ListInstruments names all that there are"
                                : absl::StrCat("nearest: ", absl::StrJoin(nearest, ", "));
  google::rpc::ResourceInfo detail;
  detail.set_resource_type("quantstream.v1.Instrument");
  detail.set_resource_name(std::string(text));
  detail.set_description(description);
  absl::Status status =
      absl::NotFoundError(absl::StrCat("no instrument '", std::string(text), "'; ", description));
  Attach(detail, &status);
  return status;
}

absl::Status CandleNotFound(std::string_view instrument, Interval interval, EventTime open_time) {
  google::rpc::ResourceInfo detail;
  detail.set_resource_type("quantstream.v1.Candle");
  detail.set_resource_name(absl::StrCat(std::string(instrument), " ", interval.ToString(), " ",
                                        TimeForPeople(open_time)));
  detail.set_description(
      "nothing traded in this window, it is not closed yet, or it is no longer "
      "stored; GetCandles lists those that there are");
  absl::Status status = absl::NotFoundError(
      absl::StrCat("no closed candle '", detail.resource_name(), "': ", detail.description()));
  Attach(detail, &status);
  return status;
}

std::string TimeForPeople(EventTime time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(time.us),
                          absl::UTCTimeZone());
}

absl::Status OutOfRange(std::string_view field, std::string_view description,
                        std::string_view reason, std::string_view key, std::string_view value) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  google::rpc::ErrorInfo info = Info(reason);
  (*info.mutable_metadata())[std::string(key)] = std::string(value);
  absl::Status status =
      absl::OutOfRangeError(absl::StrCat(std::string(field), ": ", std::string(description)));
  Attach(bad_request, &status);
  Attach(info, &status);
  return status;
}

absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo detail;
  detail.mutable_retry_delay()->set_seconds(delay.count() / 1000);
  detail.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.count() % 1000 * 1'000'000));
  Attach(detail, &status);
  return status;
}

absl::Status ShuttingDown(std::chrono::milliseconds reconnect_after) {
  return WithRetryAfter(absl::UnavailableError("the server shuts down; reconnect"),
                        reconnect_after);
}

absl::Status TooSlow(const std::vector<std::pair<std::string, std::string>>& metadata) {
  google::rpc::ErrorInfo info = Info("SLOW_CLIENT");
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  absl::Status status =
      absl::ResourceExhaustedError("the client reads more slowly than candles come");
  Attach(info, &status);
  return status;
}

absl::Status Exhausted(std::string_view reason, std::string_view description) {
  absl::Status status = absl::ResourceExhaustedError(std::string(description));
  Attach(Info(reason), &status);
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(Message(status));
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& value) {
    const std::string url(type);
    if (url.rfind(kTypePrefix, 0) != 0) return;
    auto* any = details.add_details();
    any->set_type_url(url);
    any->set_value(std::string(value));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), details.message(),
                      details.details_size() == 0 ? "" : details.SerializeAsString());
}

}  // namespace quantstream::query
