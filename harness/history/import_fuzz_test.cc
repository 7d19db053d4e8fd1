// Mutated texts go through every importer: none crashes, hangs or gives a history that breaks the promises of
// operation.h. By default some thousands for each importer; the nightly test runs a million for each. To run a million
// under the sanitizers:
//   cmake --preset asan && ninja -C build/asan holdfast_import_fuzz_nightly && ctest --test-dir build/asan -R
//   import_fuzz
// HOLDFAST_FUZZ_INPUTS and HOLDFAST_FUZZ_SEED in the environment ask for other numbers and other texts.
#include <cstdlib>
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
#define HOLDFAST_FUZZ_INPUTS 10000
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
    "{\"f\":\"snapshot\",\"key\":\"s\",\"rows\":{\"a\":\"x\",\"b\":null},\"outcome\":\"ok\",\"invoke\":49,\"complete\":"
    "50}\n",
    "[{:process 0, :type :invoke, :f :write, :value 3}\n {:process 0, :type :ok, :f :write, :value 3} ; c\n"
    " {:process 1, :type :invoke, :f :cas, :value [3 4]} #_ x {:process 1, :type :info, :f :cas, :value [3 4]}]",
    "({:type :invoke, :f :read, :value nil, :process 12, :time 99330347564}\n"
    "{:type :ok, :f :read, :value -1, :process 12, :time 99330347565, :error \"a\\u00e9b\"})",
    "{:process 0, :type :invoke, :f :append, :key \"k\", :value \"x \\\"y\\\"\"}\n"
    "{:process 0, :type :ok, :f :append, :key \"k\", :value \"x\"}\n"
    "{:process 1, :type :invoke, :f :batch, :value [[:put \"a\" 1] [:delete \"b\"] [:increment \"n\" 2]]}\n"
    "{:process 2, :type :invoke, :f :scan, :value nil}\n{:process 2, :type :ok, :f :scan, :value {\"a\" 1, \"n\" "
    "\"2\"}}\n",
    "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n"
    "INFO  jepsen.util - 1\t:invoke\t:cas\t[2 3]\nINFO  jepsen.util - 1\t:info\t:cas\t:timed-out\n",
};
const char* const kTokens[] = {"{",
                               "}",
                               "[",
                               "]",
                               "(",
                               ")",
                               "\"",
                               ":",
                               ",",
                               "\n",
                               "\\u",
                               "#",
                               "#_",
                               "nil",
                               "null",
                               ":ok",
                               ":f",
                               "\t",
                               ";",
                               "\\",
                               "-",
                               "1e",
                               "184467440737095516160",
                               "\"rows\":{",
                               "\"at\":[",
                               "true",
                               "INFO ",
                               ":invoke"};

// The texts of the corpus that an importer reads.
constexpr int kCorpusOf[] = {0, 1, 3, 4};

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

std::string Mutate(Format format, std::mt19937_64* random) {
  const auto pick = [&](size_t n) { return static_cast<size_t>((*random)() % n); };
  // Now and then a text of another form.
  std::string text = kCorpus[pick(8) == 0 ? pick(std::size(kCorpus)) : kCorpusOf[static_cast<size_t>(format)]];
  if (format == Format::kRegisterEdn && pick(2) == 0) text = kCorpus[2];
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

class ImportFuzzTest : public ::testing::TestWithParam<Format> {
 protected:
  // What was read can be written and read again.
  static void ExpectSurvivesWriting(const History& history, const std::string& text) {
    const std::string written = ToJsonl(history, {});
    TextSource source(TextSource::FromMemory(written), written.size());
    Imported second;
    ParseError error;
    ASSERT_TRUE(Import(&source, Format::kJsonl, &second, &error))
        << error.line << ":" << error.column << ": " << error.message << "\n"
        << written << "\n"
        << text;
    ASSERT_EQ(ToJsonl(second.history, {}), written) << text;
  }
};

TEST_P(ImportFuzzTest, NoTextBreaksTheImporter) {
  const int64_t inputs = FromEnvironment("HOLDFAST_FUZZ_INPUTS", HOLDFAST_FUZZ_INPUTS);
  std::mt19937_64 random(static_cast<uint64_t>(FromEnvironment("HOLDFAST_FUZZ_SEED", 20261122)));
  int64_t readable = 0;
  for (int64_t i = 0; i < inputs && !HasFatalFailure(); ++i) {
    const std::string text = Mutate(GetParam(), &random);
    const std::optional<Format> format = random() % 4 == 0 ? std::nullopt : std::optional<Format>(GetParam());
    TextSource source(TextSource::FromMemory(text), text.size());
    Imported imported;
    ParseError error;
    if (Import(&source, format, &imported, &error)) {
      ++readable;
      ExpectSound(imported.history);
      // Costs as much as all else.
      if (readable % 4 == 0) ExpectSurvivesWriting(imported.history, text);
    } else {
      ASSERT_FALSE(error.message.empty()) << text;
      ASSERT_GT(error.line, 0) << text;
      ASSERT_GT(error.column, 0) << text;
    }
  }
  EXPECT_GT(readable, inputs / 200);
}

INSTANTIATE_TEST_SUITE_P(Formats, ImportFuzzTest,
                         ::testing::Values(Format::kJsonl, Format::kRegisterEdn, Format::kKvEdn, Format::kRegisterLog),
                         [](const auto& info) {
                           std::string name(FormatName(info.param));
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace holdfast::history
