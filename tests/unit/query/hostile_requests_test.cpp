// Requests that no honest client sends, each to every call that takes such a thing: how it is
// answered, and that the service goes on (HostileTest::TearDown).
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>

#include <algorithm>
#include <functional>

#include "query/resume_token.h"
#include "tests/unit/query/hostile_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What a call says of one wrong thing in its request.
struct Answer {
  std::string method;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string field;
  std::string text;
};

class HostileRequests : public HostileTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->service.request.token_key = TokenKey("that all replicas share");
  }
  // Every call, about one instrument at one interval.
  std::vector<Answer> AskAll(const std::string& instrument, const std::string& interval);
  Answer AnswerOf(const std::string& method, const std::string& request) const;
  // The first answer of Subscribe to one item.
  Answer AnswerOfItem(const v1::SubscribeRequest& request);
  grpc::Status GetCandles(const v1::GetCandlesRequest& request, v1::GetCandlesResponse* response);
  static v1::GetCandlesRequest CandlesOf(const std::string& instrument);
  std::string ResumeTokenOf(const std::string& instrument);
  // As a caller gets it: with all but the first of what there is left for the next page.
  template <typename Request, typename Response>
  void ExpectOnlyItsOwnToken(const std::string& method, Request request,
                             grpc::Status (v1::MarketData::Stub::*call)(grpc::ClientContext*,
                                                                        const Request&, Response*));
};

Answer HostileRequests::AnswerOf(const std::string& method, const std::string& request) const {
  const grpc::Status status = CallRaw(method, request);
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  return {method, status.error_code(),
          detail && detail->field_violations_size() > 0 ? detail->field_violations(0).field() : "",
          status.error_message()};
}

Answer HostileRequests::AnswerOfItem(const v1::SubscribeRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  auto stream = stub_->Subscribe(&context);
  EXPECT_TRUE(stream->Write(request));
  v1::SubscribeResponse response;
  EXPECT_TRUE(stream->Read(&response));
  Answer answer{"Subscribe", grpc::StatusCode::OK, "", ""};
  if (response.statuses_size() == 1) {
    answer.code = static_cast<grpc::StatusCode>(response.statuses(0).code());
    answer.text = response.statuses(0).message();
  }
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  stream->Finish();
  return answer;
}

std::vector<Answer> HostileRequests::AskAll(const std::string& instrument,
                                            const std::string& interval) {
  v1::GetCandlesRequest candles;
  candles.set_instrument(instrument);
  candles.set_interval(interval);
  v1::GetLatestRequest latest;
  latest.add_instruments(instrument);
  latest.add_intervals(interval);
  v1::StreamCandlesRequest stream;
  stream.add_instruments(instrument);
  stream.add_intervals(interval);
  v1::GetCandleLineageRequest lineage;
  lineage.set_instrument(instrument);
  lineage.set_interval(interval);
  lineage.mutable_open_time()->set_seconds(10);
  v1::SubscribeRequest subscribe;
  subscribe.add_add()->set_instrument(instrument);
  subscribe.mutable_add(0)->set_interval(interval);
  return {AnswerOf("GetCandles", candles.SerializeAsString()),
          AnswerOf("GetLatest", latest.SerializeAsString()),
          AnswerOf("StreamCandles", stream.SerializeAsString()),
          AnswerOf("GetCandleLineage", lineage.SerializeAsString()), AnswerOfItem(subscribe)};
}

grpc::Status HostileRequests::GetCandles(const v1::GetCandlesRequest& request,
                                         v1::GetCandlesResponse* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  return stub_->GetCandles(&context, request, response);
}

v1::GetCandlesRequest HostileRequests::CandlesOf(const std::string& instrument) {
  v1::GetCandlesRequest request;
  request.set_instrument(instrument);
  request.set_interval("1s");
  return request;
}

std::string HostileRequests::ResumeTokenOf(const std::string& instrument) {
  EventReader reader(stub_.get(), StreamOf(instrument));
  while (reader.token().empty() && reader.ReadOne()) {
  }
  return reader.token();
}

TEST_F(HostileRequests, AnEmptyOneIsServedOrNamesTheFirstFieldThatIsMissing) {
  const std::map<std::string, std::string> missing = {
      {"GetCandles", "instrument"},     {"GetLatest", "instruments"},
      {"StreamCandles", "instruments"}, {"Subscribe", "add"},
      {"StreamTrades", "instruments"},  {"GetCandleLineage", "instrument"}};
  for (const char* method : kMethods) {
    const Answer answer = AnswerOf(method, "");
    const auto field = missing.find(method);
    EXPECT_EQ(answer.code, field == missing.end() ? grpc::StatusCode::OK
                                                  : grpc::StatusCode::INVALID_ARGUMENT)
        << method << ": " << answer.text;
    if (field != missing.end()) {
      EXPECT_EQ(answer.field, field->second) << method;
    }
  }
}

TEST_F(HostileRequests, BytesThatAreNoMessageAreRefusedByEveryCall) {
  for (const char* method : kMethods) {
    const Answer answer = AnswerOf(method, "\xff\xff\xff\xff");
    // The second is gRPC's own, where it parses before the service is asked.
    EXPECT_THAT(answer.code,
                AnyOf(grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::UNIMPLEMENTED))
        << method << ": " << answer.text;
  }
}

TEST_F(HostileRequests, OfMoreThanAMegabyteAreRefusedByEveryCall) {
  const std::string large((1 << 20) + 1, 'x');
  for (const char* method : kMethods) {
    EXPECT_EQ(AnswerOf(method, large).code, grpc::StatusCode::RESOURCE_EXHAUSTED) << method;
  }
}

TEST_F(HostileRequests, AnEnumThatIsUnspecifiedIsTheDefaultAndAnUnknownOneIsNamed) {
  v1::GetCandlesRequest request = CandlesOf(kA);
  request.set_order(v1::CANDLE_ORDER_UNSPECIFIED);
  request.set_fill(v1::FILL_UNSPECIFIED);
  v1::GetCandlesResponse response;
  EXPECT_TRUE(GetCandles(request, &response).ok());
  request.add_states(v1::CANDLE_STATE_UNSPECIFIED);
  EXPECT_EQ(AnswerOf("GetCandles", request.SerializeAsString()).field, "states[0]");
  request = CandlesOf(kA);
  request.set_order(static_cast<v1::CandleOrder>(99));
  EXPECT_EQ(AnswerOf("GetCandles", request.SerializeAsString()).field, "order");
  v1::StreamCandlesRequest stream = StreamOf(kA);
  stream.set_slow_consumer_policy(static_cast<v1::SlowConsumerPolicy>(99));
  EXPECT_EQ(AnswerOf("StreamCandles", stream.SerializeAsString()).field, "slow_consumer_policy");
}

TEST_F(HostileRequests, ARangeThatEndsBeforeItBeginsIsNamedAndAnEmptyOneIsEmpty) {
  CloseNext();
  v1::GetCandlesRequest request = CandlesOf(kA);
  request.mutable_start_time()->set_seconds(2);
  request.mutable_end_time()->set_seconds(1);
  const Answer answer = AnswerOf("GetCandles", request.SerializeAsString());
  EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(answer.field, "end_time");
  request.mutable_end_time()->set_seconds(2);
  v1::GetCandlesResponse response;
  EXPECT_TRUE(GetCandles(request, &response).ok());
  EXPECT_EQ(response.candles_size(), 0);
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(HostileRequests, AnIntervalThatIsNoneIsNamedByEveryCall) {
  const std::map<std::string, std::string> fields = {{"GetCandles", "interval"},
                                                     {"GetLatest", "intervals[0]"},
                                                     {"StreamCandles", "intervals[0]"},
                                                     {"GetCandleLineage", "interval"}};
  for (const char* interval : {"0s", "-1m", "1.5s", "400d", "99999999999999999999s", "1m "}) {
    for (const Answer& answer : AskAll(kA, interval)) {
      EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT)
          << answer.method << " " << interval << ": " << answer.text;
      EXPECT_THAT(answer.text, HasSubstr("legal: ")) << answer.method << " " << interval;
      if (answer.method == "Subscribe") {
        EXPECT_THAT(answer.text, HasSubstr("add[0].interval"));
      } else {
        EXPECT_EQ(answer.field, fields.at(answer.method)) << interval;
      }
    }
  }
}

TEST_F(HostileRequests, AnUnknownInstrumentIsNotFoundByAnyCallAndTheNearestIsOffered) {
  for (const Answer& answer : AskAll("venue:AAB-USD", "1s")) {
    EXPECT_EQ(answer.code, grpc::StatusCode::NOT_FOUND) << answer.method << ": " << answer.text;
    EXPECT_THAT(answer.text, HasSubstr(kA)) << answer.method;
  }
}

TEST_F(HostileRequests, ASpellingThatFitsTwoIsInvalidForEveryCallAndBothAreNamed) {
  history_.AddInstrument("okx:AAA-USD", kPartition);
  for (const Answer& answer : AskAll("aaausd", "1s")) {
    EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT)
        << answer.method << ": " << answer.text;
    EXPECT_THAT(answer.text, HasSubstr("okx:AAA-USD, venue:AAA-USD")) << answer.method;
  }
}

template <typename Request, typename Response>
void HostileRequests::ExpectOnlyItsOwnToken(
    const std::string& method, Request request,
    grpc::Status (v1::MarketData::Stub::*call)(grpc::ClientContext*, const Request&, Response*)) {
  request.set_page_size(1);
  Response response;
  grpc::ClientContext first, second;
  ASSERT_TRUE((stub_.get()->*call)(&first, request, &response).ok());
  const std::string token = response.next_page_token();
  ASSERT_FALSE(token.empty()) << method;
  std::vector<std::string> wrong = {ResumeTokenOf(kA), token + "A", token + "=", "\n", "A"};
  for (size_t i = 0; i < token.size(); ++i) {
    if (i > 0) wrong.push_back(token.substr(0, i));
    wrong.push_back(token);
    wrong.back()[i] = token[i] == 'A' ? 'B' : 'A';
  }
  for (const std::string& each : wrong) {
    request.set_page_token(each);
    const Answer answer = AnswerOf(method, request.SerializeAsString());
    EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT) << method << " " << each;
    EXPECT_EQ(answer.field, "page_token") << method << " " << each;
  }
  request.set_page_token(token);
  EXPECT_TRUE((stub_.get()->*call)(&second, request, &response).ok()) << method;
  StartServer();  // another replica, with the same key
  EXPECT_EQ(AnswerOf(method, request.SerializeAsString()).code, grpc::StatusCode::OK);
}

TEST_F(HostileRequests, APageTokenThatIsForgedTruncatedOrForeignIsInvalidForEveryCall) {
  for (int i = 0; i < 9; ++i) CloseNext();
  std::vector<Gap> gaps(3);
  for (size_t i = 0; i < gaps.size(); ++i) gaps[i].id = static_cast<int64_t>(i) + 1;
  history_.SetGaps(gaps);
  ExpectOnlyItsOwnToken("GetCandles", CandlesOf(kA), &v1::MarketData::Stub::GetCandles);
  ExpectOnlyItsOwnToken("ListGaps", v1::ListGapsRequest(), &v1::MarketData::Stub::ListGaps);
  ExpectOnlyItsOwnToken("ListInstruments", v1::ListInstrumentsRequest(),
                        &v1::MarketData::Stub::ListInstruments);
}

TEST_F(HostileRequests, APageTokenOfAnotherRequestSaysSo) {
  for (int i = 0; i < 3; ++i) CloseNext();
  v1::GetCandlesRequest request = CandlesOf(kA);
  request.set_page_size(1);
  v1::GetCandlesResponse response;
  ASSERT_TRUE(GetCandles(request, &response).ok());
  request.set_page_token(response.next_page_token());
  request.set_instrument(kB);
  EXPECT_THAT(AnswerOf("GetCandles", request.SerializeAsString()).text,
              HasSubstr("another request"));
}

TEST_F(HostileRequests, AResumeTokenThatIsForgedTruncatedOrForeignIsInvalid) {
  CloseNext();
  const std::string token = ResumeTokenOf(kA);
  ASSERT_FALSE(token.empty());
  const int read_before = history_.snapshots_begun();
  std::vector<std::string> wrong = {EncodeResumeToken(TokenKey("another key"), {}),
                                    std::string(100'000, 'A'), "\n", token + "A"};
  for (size_t i = 0; i < token.size(); i += 5) {
    wrong.push_back(token.substr(0, i + 1 == token.size() ? i : i + 1));
    wrong.push_back(token);
    wrong.back()[i] = token[i] == 'A' ? 'B' : 'A';
  }
  v1::StreamCandlesRequest stream = StreamOf(kA);
  v1::SubscribeRequest subscribe;
  subscribe.add_add()->set_instrument(kA);
  subscribe.mutable_add(0)->set_interval("1s");
  for (const std::string& each : wrong) {
    stream.set_resume_token(each);
    subscribe.set_resume_token(each);
    for (const Answer& answer : {AnswerOf("StreamCandles", stream.SerializeAsString()),
                                 AnswerOf("Subscribe", subscribe.SerializeAsString())}) {
      EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT) << answer.method << " " << each;
      EXPECT_EQ(answer.field, "resume_token") << answer.method << " " << each;
    }
  }
  stream = StreamOf(kB);
  stream.set_resume_token(token);
  EXPECT_THAT(AnswerOf("StreamCandles", stream.SerializeAsString()).text,
              HasSubstr("belongs to another stream"));
  EXPECT_EQ(history_.snapshots_begun(), read_before) << "nothing was read for them";
}

TEST_F(HostileRequests, TenThousandItemsInOneSubscribeAreTooManyAndThousandsAreAnsweredEach) {
  v1::SubscribeRequest request;
  for (int i = 0; i < 10'000; ++i) {
    auto* item = request.add_add();
    item->set_instrument(i % 2 == 0 ? kA : "venue:NONE");
    item->set_interval("1s");
  }
  request.set_last(1);
  const Answer answer = AnswerOf("Subscribe", request.SerializeAsString());
  EXPECT_EQ(answer.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(answer.text, HasSubstr("add: holds 10000 items; legal: up to 8000"));
  request.mutable_add()->DeleteSubrange(8'000, 2'000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  auto stream = stub_->Subscribe(&context);
  ASSERT_TRUE(stream->Write(request));
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.statuses(), SizeIs(8'000));
  EXPECT_EQ(response.statuses(0).code(), 0);
  EXPECT_EQ(response.statuses(1).code(), static_cast<int>(grpc::StatusCode::NOT_FOUND));
  while (!response.event().has_snapshot_end() && stream->Read(&response)) {
  }
  EXPECT_EQ(history_.snapshots_begun(), 1) << "the same item 4,000 times is one";
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  stream->Finish();
}

TEST_F(HostileRequests, TheNearestAreLookedForOnlyForTheFirstUnknownOnesOfARequest) {
  v1::SubscribeRequest request;
  for (int i = 0; i < 1'000; ++i) {
    request.add_add()->set_instrument("venue:AAB-USD");
    request.mutable_add(i)->set_interval("1s");
  }
  grpc::ClientContext context;
  auto stream = stub_->Subscribe(&context);
  ASSERT_TRUE(stream->Write(request));
  v1::SubscribeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.statuses(), SizeIs(1'000));
  const auto offered = std::ranges::count_if(response.statuses(), [](const auto& status) {
    return status.message().find(kA) != std::string::npos;
  });
  EXPECT_EQ(offered, 10);
  context.TryCancel();
  while (stream->Read(&response)) {
  }
  stream->Finish();
}

}  // namespace
}  // namespace quantstream::query::testing
