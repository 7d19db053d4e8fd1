#include "harness/history/import.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "harness/history/edn.h"
#include "harness/history/jsonl.h"
#include "harness/history/recorder.h"

namespace holdfast::history {
namespace {

bool Read(std::string_view text, Imported* imported, ParseError* error) {
  TextSource source(TextSource::FromMemory(text));
  return Import(&source, std::nullopt, imported, error);
}

Imported ReadOk(std::string_view text) {
  Imported imported;
  ParseError error;
  EXPECT_TRUE(Read(text, &imported, &error)) << error.line << ":" << error.column << ": " << error.message;
  return imported;
}

ParseError ReadBad(std::string_view text) {
  Imported imported;
  ParseError error;
  EXPECT_FALSE(Read(text, &imported, &error));
  return error;
}

History EveryKind() {
  Recorder recorder;
  recorder.SetInitial(2, {{"k", "v"}});
  const auto ok = [&](const Call& call, const Reply& reply) { recorder.Ok(recorder.Invoke(call), reply); };
  const std::string bytes("\x00\x7f\xff\"\\\n", 6);
  ok({.kind = Kind::kPut, .object = 1, .process = 3, .step = 12, .key = bytes, .value = bytes}, {.hint = {15, 2, 1}});
  ok({.kind = Kind::kGet, .object = 1, .key = bytes}, {.value = bytes});
  ok({.kind = Kind::kGet, .object = 1, .key = ""}, {.absent = true});
  ok({.kind = Kind::kDelete, .object = 1, .key = "a"}, {});
  ok({.kind = Kind::kIncrement, .object = 1, .key = "n", .delta = -5}, {.value = "-5"});
  ok({.kind = Kind::kBatch,
      .object = 1,
      .batch = {{Kind::kPut, "a", "1", 0}, {Kind::kDelete, "b", "", 0}, {Kind::kIncrement, "n", "", 7}}},
     {.numbers = {"2"}});
  Reply rows;
  rows.rows = {{"a", "1"}, {"n", "2"}};
  ok({.kind = Kind::kScan, .object = 1}, rows);
  ok({.kind = Kind::kSnapshot, .object = 1, .group = 4, .key = "s"}, rows);
  ok({.kind = Kind::kRestore, .object = 1, .key = "s"}, {});
  ok({.kind = Kind::kDrop, .object = 1, .key = "s"}, {});
  recorder.Fail(recorder.Invoke({.kind = Kind::kPut, .object = 1, .key = "a", .value = "9"}), "not the leader");
  recorder.Invoke({.kind = Kind::kAppend, .object = 5, .process = 9, .key = "a", .value = "x"});
  const size_t closed = recorder.Invoke({.kind = Kind::kPut, .object = 1, .process = 8, .key = "a", .value = "10"});
  recorder.Indeterminate(closed, "timed out");
  recorder.CloseWindow(closed);
  ok({.kind = Kind::kRead, .object = 6}, {.absent = true});
  ok({.kind = Kind::kWrite, .object = 6, .value = "1"}, {});
  ok({.kind = Kind::kCompareAndSet, .object = 6, .value = "2", .expected = "1"}, {});
  return recorder.TakeHistory();
}

TEST(JsonlTest, EveryOperationSurvivesWritingAndReading) {
  const History history = EveryKind();
  const std::string text = ToJsonl(history, {"snapshot-map", "0"});
  const Imported imported = ReadOk(text);
  EXPECT_EQ(imported.format, Format::kJsonl);
  EXPECT_EQ(imported.model, "snapshot-map");
  EXPECT_EQ(imported.initial, "0");
  ASSERT_EQ(imported.history.operations.size(), history.operations.size());
  EXPECT_EQ(ToJsonl(imported.history, {"snapshot-map", "0"}), text);
  for (size_t i = 0; i < history.operations.size(); ++i) {
    EXPECT_EQ(imported.history.Describe(i), history.Describe(i));
  }
}

// What Holdfast writes is read without looking names up; a blank, or another first field, takes the general way.
TEST(JsonlTest, FieldsInTheOrderOfWritingReadAsInAnyOther) {
  const std::string text = ToJsonl(EveryKind(), {"snapshot-map", "0"});
  const std::string general = absl::StrReplaceAll(text, {{"{\"f\":", "{ \"f\":"}});
  ASSERT_NE(general, text);
  EXPECT_EQ(ToJsonl(ReadOk(general).history, {"snapshot-map", "0"}), text);
  const std::string moved =
      "{\"f\":\"put\",\"outcome\":\"ok\",\"value\":\"2\",\"complete\":1,\"key\":\"a\",\"invoke\":0}";
  EXPECT_EQ(ReadOk(moved).history.Describe(0), "client 0: put \"a\" = \"2\" on 0 [0..1] ok");
}

TEST(JsonlTest, LinesOutOfOrderAreSortedByInvoke) {
  const Imported imported = ReadOk(
      "{\"f\":\"put\",\"key\":\"a\",\"value\":\"2\",\"outcome\":\"ok\",\"invoke\":2,\"complete\":3,\"note\":\"second\"}"
      "\n"
      "{\"f\":\"put\",\"key\":\"a\",\"value\":1,\"outcome\":\"ok\",\"invoke\":0,\"complete\":1}\n");
  ASSERT_EQ(imported.history.operations.size(), 2u);
  EXPECT_EQ(imported.history.text(imported.history.operations[0].value), "1");
  EXPECT_EQ(imported.history.notes.at(1), "second");
}

TEST(JsonlTest, MistakesAreNamedWithLineAndColumn) {
  const std::string good = "{\"f\":\"get\",\"key\":\"a\",\"outcome\":\"ok\",\"invoke\":0,\"complete\":1}\n";
  EXPECT_EQ(ReadBad(good + "{\"f\":\"jump\"}").line, 2);
  EXPECT_EQ(ReadBad(good + "{\"f\":\"jump\"}").column, 12);
  EXPECT_EQ(ReadBad(good + good.substr(0, 20)).line, 2);
  EXPECT_EQ(ReadBad("{\"f\":\"get\",\"outcome\":\"ok\",\"invoke\":5,\"complete\":5}").message,
            "\"complete\" is not after \"invoke\"");
  EXPECT_EQ(ReadBad("{\"f\":\"put\",\"key\":\"a\",\"outcome\":\"ok\",\"invoke\":0,\"complete\":1}").message,
            "\"value\" is missing");
  EXPECT_EQ(ReadBad("{\"fun\":1}").message, "unknown field");
  EXPECT_EQ(ReadBad("hello").message, "the form of this text is not known; name it with --format");
}

TEST(JsonlTest, BlankTextIsAnEmptyHistory) {
  EXPECT_TRUE(ReadOk("").history.operations.empty());
  EXPECT_TRUE(ReadOk("  \n\n").history.operations.empty());
}

TEST(EdnTest, ReadsAJepsenRegisterHistory) {
  const Imported imported = ReadOk(
      "[{:process 0, :type :invoke, :f :write, :value 3} ; a comment\n"
      " {:process 1, :type :invoke, :f :read, :value nil}\n"
      " {:process :nemesis, :type :info, :f :start}\n"
      " {:process 1, :type :ok, :f :read, :value nil}\n"
      " {:process 2, :type :invoke, :f :cas, :value [3 4], :time 12}\n"
      " {:process 2, :type :info, :f :cas, :value [3 4], :error \"timed out\"}\n"
      " {:process 0, :type :fail, :f :write, :value 3}]");
  EXPECT_EQ(imported.format, Format::kRegisterEdn);
  EXPECT_EQ(imported.model, "cas-register");
  const std::vector<Operation>& ops = imported.history.operations;
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[0].outcome, Outcome::kFail);
  EXPECT_EQ(ops[1].value, kUnobserved);
  EXPECT_TRUE(ops[2].indeterminate());
  EXPECT_EQ(ops[2].complete, kPending);
  EXPECT_EQ(imported.history.text(ops[2].expected), "3");
}

TEST(EdnTest, ReadsAKeyValueHistoryWithoutBrackets) {
  const Imported imported = ReadOk(
      "{:process 0, :type :invoke, :f :append, :key \"k\", :value \"x\"}\n"
      "{:process 0, :type :ok, :f :append, :key \"k\", :value \"x\"}\n"
      "{:process 0, :type :invoke, :f :get, :key \"k\", :value nil}\n"
      "{:process 0, :type :ok, :f :get, :key \"k\", :value \"x\"}\n");
  EXPECT_EQ(imported.format, Format::kKvEdn);
  EXPECT_EQ(imported.model, "kv-append");
  EXPECT_EQ(imported.history.text(imported.history.operations[1].value), "x");
}

TEST(EdnTest, MistakesAreNamedWithLineAndColumn) {
  EXPECT_EQ(ReadBad("[{:process 0, :type :invoke, :f :read}\n {:process 0 :type}]").line, 2);
  EXPECT_EQ(ReadBad("[{:process 0, :type :invoke, :f :read}").message, "the list does not end");
  EXPECT_EQ(ReadBad("{:process 0, :type :ok, :f :read, :value 1}").message, "an end without a call of this process");
  EXPECT_EQ(ReadBad(std::string(1000, '[')).message, "nested too deep");
}

TEST(EdnTest, WhatWeWriteJepsenCanReadAndSoCanWe) {
  const History history = EveryKind();
  std::string text;
  WriteEdn(history, [&text](std::string_view line) { text.append(line); });
  TextSource source(TextSource::FromMemory(text));
  Imported imported;
  ParseError error;
  ASSERT_TRUE(Import(&source, Format::kKvEdn, &imported, &error)) << error.line << ": " << error.message;
  ASSERT_EQ(imported.history.operations.size(), history.operations.size());
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& before = history.operations[i];
    const Operation& after = imported.history.operations[i];
    EXPECT_EQ(after.kind, before.kind);
    EXPECT_EQ(after.outcome, before.outcome);
    EXPECT_EQ(imported.history.text(after.key), history.text(before.key));
    if (before.ok() && before.value != kUnobserved) {
      EXPECT_EQ(imported.history.text(after.value), history.text(before.value));
    }
    if (History::HasRows(before)) {
      EXPECT_EQ(imported.history.rows(after.list).size(), history.rows(before.list).size());
    }
  }
}

TEST(JepsenLogTest, TimedOutIsPendingAndFailedCompareIsAnObservation) {
  const Imported imported = ReadOk(
      "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n"
      "INFO  jepsen.util - 0\t:ok\t:read\tnil\n"
      "INFO  jepsen.util - 1\t:invoke\t:write\t2\n"
      "INFO  jepsen.core - somebody else's line\n"
      "INFO  jepsen.util - 1\t:info\t:write\t:timed-out\n"
      "INFO  jepsen.util - 2\t:invoke\t:cas\t[2 3]\n"
      "INFO  jepsen.util - 2\t:fail\t:cas\t[2 3]\n");
  EXPECT_EQ(imported.format, Format::kRegisterLog);
  const std::vector<Operation>& ops = imported.history.operations;
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[0].value, kAbsent);
  EXPECT_EQ(ops[1].complete, kPending);
  EXPECT_EQ(ops[2].kind, Kind::kRefusedCompare);
  EXPECT_TRUE(ops[2].ok());
  EXPECT_EQ(ReadBad("INFO  jepsen.util - 0\t:invoke\t:jump\t1\n").line, 1);
}

TEST(EdnTest, RowsHaveEachKeyOnce) {
  const std::string scan =
      "{:process 2, :type :invoke, :f :scan, :value nil}\n{:process 2, :type :ok, :f :scan, :value ";
  EXPECT_EQ(ReadOk(scan + "{\"a\" 1, \"b\" 2}}").history.operations.size(), 1u);
  EXPECT_EQ(ReadBad(scan + "{\"a\" 1, \"a\" 2}}").message, "a key stands twice in the rows");
  EXPECT_EQ(ReadBad(scan + "{nil 1}}").message, "a row needs a key");
}

TEST(JepsenLogTest, AProcessOfAnyNumberCanBeWrittenAndReadAgain) {
  const Imported imported = ReadOk(
      "INFO  jepsen.util - -1\t:invoke\t:read\tnil\nINFO  jepsen.util - 4294967296\t:invoke\t:write\t1\n"
      "INFO  jepsen.util - 0\t:invoke\t:write\t2\n");
  ASSERT_EQ(imported.history.operations.size(), 3u);
  EXPECT_NE(imported.history.operations[0].process, imported.history.operations[1].process);
  EXPECT_EQ(imported.history.operations[2].process, 0u);
  EXPECT_EQ(ToJsonl(ReadOk(ToJsonl(imported.history, {})).history, {}), ToJsonl(imported.history, {}));
}

TEST(TextSourceTest, AHugeTextIsReadThroughASmallWindow) {
  // 256 MiB of comments and one event, handed out in uneven pieces.
  constexpr int64_t kBytes = int64_t{256} << 20;
  int64_t left = kBytes;
  const std::string tail = "\n{:process 0, :type :invoke, :f :read, :value nil}\n";
  size_t tail_at = 0;
  size_t largest_request = 0;
  TextSource source([&](char* bytes, size_t size) {
    largest_request = std::max(largest_request, size);
    if (left > 0) {
      const size_t count =
          static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(std::min<size_t>(size, 77777))));
      for (size_t i = 0; i < count; ++i) bytes[i] = (left - static_cast<int64_t>(i)) % 1000 == 0 ? '\n' : ';';
      left -= static_cast<int64_t>(count);
      return count;
    }
    const size_t count = std::min(size, tail.size() - tail_at);
    tail.copy(bytes, count, tail_at);
    tail_at += count;
    return count;
  });
  Imported imported;
  ParseError error;
  ASSERT_TRUE(Import(&source, Format::kRegisterEdn, &imported, &error)) << error.message;
  EXPECT_EQ(imported.history.operations.size(), 1u);
  EXPECT_LE(largest_request, size_t{4} << 20);
}

TEST(RecorderTest, EventsAreNumberedInTheOrderOfCalls) {
  Recorder recorder;
  const size_t first = recorder.Invoke({.kind = Kind::kPut, .key = "a", .value = "1"});
  const size_t second = recorder.Invoke({.kind = Kind::kGet, .process = 1, .key = "a"});
  recorder.Ok(second, {.value = "1"});
  recorder.Indeterminate(first);
  EXPECT_EQ(recorder.event_count(), 4);
  const std::vector<Operation>& ops = recorder.history().operations;
  EXPECT_EQ(ops[0].invoke, 0);
  EXPECT_EQ(ops[0].complete, kPending);
  EXPECT_EQ(ops[1].invoke, 1);
  EXPECT_EQ(ops[1].complete, 2);
  recorder.CloseWindow(first);
  EXPECT_EQ(ops[0].complete, 4);
}

}  // namespace
}  // namespace holdfast::history
