// Mutated texts of every form go through every importer: none crashes, hangs or gives a history that breaks the promises of
// operation.h. The nightly build of this test runs a million of them under the sanitizers.
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "harness/history/edn.h"
#include "harness/history/import.h"
#include "harness/history/jsonl.h"

#ifndef HOLDFAST_FUZZ_INPUTS
#define HOLDFAST_FUZZ_INPUTS 40000
#endif

namespace holdfast::history {
namespace {

const char* const kCorpus[] = {
    "{\"holdfast\":\"history\",\"version\":1,\"model\":\"snapshot-map\",\"initial\":\"0\"}\n"
    "{\"f\":\"initial\",\"object\":2,\"rows\":{\"k\":\"v\"}}\n"
    "{\"f\":\"put\",\"object\":1,\"process\":3,\"key\":\"a\\u00ff\",\"value\":\"x\",\"outcome\":\"ok\",\"invoke\":40,"
    "\"complete\":47,\"at\":[2,15,0],\"step\":12,\"group\":3,\"note\":\"n\"}\n"
    "{\"f\":\"batch\",\"parts\":[[\"put\",\"k\",\"v\"],[\"delete\",\"k\"],[\"increment\",\"k\",5,\"12\"]],"
    "\"outcome\":\"info\",\"invoke\":48}\n"
    "{\"f\":\"snapshot\",\"key\":\"s\",\"rows\":{\"a\":\"x\",\"b\":null},\"outcome\":\"ok\",\"invoke\":49,\"complete\":50}\n",
    "[{:process 0, :type :invoke, :f :write, :value 3}\n {:process 0, :type :ok, :f :write, :value 3} ; c\n"
    " {:process 1, :type :invoke, :f :cas, :value [3 4]} #_ x {:process 1, :type :info, :f :cas, :value [3 4]}]",
    "({:type :invoke, :f :read, :value nil, :process 12, :time 99330347564}\n"
    "{:type :ok, :f :read, :value -1, :process 12, :time 99330347565, :error \"a\\u00e9b\"})",
    "{:process 0, :type :invoke, :f :append, :key \"k\", :value \"x \\\"y\\\"\"}\n"
    "{:process 0, :type :ok, :f :append, :key \"k\", :value \"x\"}\n"
    "{:process 1, :type :invoke, :f :batch, :value [[:put \"a\" 1] [:delete \"b\"] [:increment \"n\" 2]]}\n"
    "{:process 2, :type :invoke, :f :scan, :value nil}\n{:process 2, :type :ok, :f :scan, :value {\"a\" 1, \"n\" \"2\"}}\n",
    "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n"
    "INFO  jepsen.util - 1\t:invoke\t:cas\t[2 3]\nINFO  jepsen.util - 1\t:info\t:cas\t:timed-out\n",
};
const char* const kTokens[] = {"{",    "}",  "[",         "]",        "(",           ")",     "\"",  ":",    ",",    "\n",
                               "\\u",  "#",  "#_",        "nil",      "null",        ":ok",   ":f",  "\t",   ";",    "\\",
                               "-",    "1e", "184467440737095516160", "\"rows\":{", "\"at\":[", "true", "INFO ", ":invoke"};

std::string Mutate(std::mt19937_64* random) {
  const auto pick = [&](size_t n) { return static_cast<size_t>((*random)() % n); };
  std::string text = kCorpus[pick(std::size(kCorpus))];
  const size_t count = 1 + pick(8);
  for (size_t i = 0; i < count && !text.empty(); ++i) {
    const size_t at = pick(text.size());
    switch (pick(6)) {
      case 0:
        text[at] = static_cast<char>((*random)());
        break;
      case 1:
        text.erase(at, 1 + pick(12));
        break;
      case 2:
        text.insert(at, kTokens[pick(std::size(kTokens))]);
        break;
      case 3:
        text.insert(at, text.substr(pick(text.size()), 1 + pick(60)));
        break;
      case 4:
        text.resize(at);
        break;
      default: {
        const std::string other = kCorpus[pick(std::size(kCorpus))];
        text.replace(at, std::string::npos, other.substr(pick(other.size())));
        break;
      }
    }
  }
  return text;
}

void ExpectSound(const History& history) {
  const Symbol symbols = static_cast<Symbol>(history.symbols.size());
  const auto known = [symbols](Symbol symbol) { return symbol < symbols || symbol == kUnobserved; };
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& op = history.operations[i];
    ASSERT_LT(op.invoke, op.complete);
    ASSERT_TRUE(i == 0 || history.operations[i - 1].invoke <= op.invoke);
    ASSERT_TRUE(known(op.key) && known(op.value) && known(op.expected));
    ASSERT_FALSE(history.Describe(i).empty());
  }
  std::string text;
  WriteEdn(history, [&text](std::string_view line) { text.append(line); });
}

TEST(ImportFuzzTest, NoTextBreaksAnImporter) {
  std::mt19937_64 random(20261122);
  size_t readable = 0;
  for (int i = 0; i < HOLDFAST_FUZZ_INPUTS; ++i) {
    const std::string text = Mutate(&random);
    std::optional<Format> format;
    if (random() % 4 == 0) format = static_cast<Format>(random() % 4);
    TextSource source(TextSource::FromMemory(text));
    Imported imported;
    ParseError error;
    if (Import(&source, format, &imported, &error)) {
      ++readable;
      ExpectSound(imported.history);
      // What was read can be written and read again.
      const std::string written = ToJsonl(imported.history, {});
      TextSource again(TextSource::FromMemory(written));
      Imported second;
      ASSERT_TRUE(Import(&again, Format::kJsonl, &second, &error)) << error.line << ":" << error.column << ": "
                                                                   << error.message << "\n" << written << "\n" << text;
      ASSERT_EQ(ToJsonl(second.history, {}), written);
    } else {
      ASSERT_FALSE(error.message.empty()) << text;
      ASSERT_GT(error.line, 0) << text;
      ASSERT_GT(error.column, 0) << text;
    }
  }
  EXPECT_GT(readable, static_cast<size_t>(HOLDFAST_FUZZ_INPUTS / 100));
}

}  // namespace
}  // namespace holdfast::history
