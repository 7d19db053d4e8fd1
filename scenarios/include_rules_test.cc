// Property: the arrows of the map hold. The cluster under test knows nothing of what tests it, and inside it a folder
// knows only the folders below it; checkers know histories and nothing else; and real clocks, sleeps, threads and
// randomness stay behind the seams, where the simulator can take their place.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::scenarios {
namespace {

using testing::IsEmpty;
using testing::Not;

// Lower layers first. A folder that is missing here may be included by no other, and is refused itself.
const std::vector<std::string> kClusterLayers = {"base",   "proto",  "raft", "runtime", "storage", "tablet", "master",
                                                 "backup", "client", "cql",  "node",    "server",  "tools"};
const std::vector<std::string> kHarnessLayers = {"history", "check", "plan", "cluster", "sim", "process", "run", "cli"};

// The folder below `root` that a path lies in: "raft" for sut/raft/raft.h; empty if it lies elsewhere.
std::string FolderBelow(const std::string& root, const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  return parts.size() >= 3 && parts[0] == root ? parts[1] : "";
}

bool IsAtOrBelow(const std::vector<std::string>& layers, const std::string& included, const std::string& from) {
  const auto layer = [&](const std::string& name) { return std::find(layers.begin(), layers.end(), name); };
  return layer(from) != layers.end() && layer(included) <= layer(from);
}

bool MayInclude(const std::string& from, const std::string& included) {
  if (absl::StartsWith(from, "sut/")) {
    if (FolderBelow("sut", included).empty()) return false;
    return IsAtOrBelow(kClusterLayers, FolderBelow("sut", included), FolderBelow("sut", from));
  }
  if (absl::StartsWith(from, "harness/check/") || absl::StartsWith(from, "harness/history/")) {
    if (FolderBelow("harness", included).empty()) return false;
  }
  if (absl::StartsWith(from, "harness/")) {
    if (absl::StartsWith(included, "scenarios/") || absl::StartsWith(included, "bench/")) return false;
    const std::string folder = FolderBelow("harness", included);
    return folder.empty() || IsAtOrBelow(kHarnessLayers, folder, FolderBelow("harness", from));
  }
  // The tables of faults say what is in the cluster; they know no harness.
  if (absl::StartsWith(from, "faults/"))
    return absl::StartsWith(included, "faults/") || absl::StartsWith(included, "sut/");
  return true;
}

bool IsOurs(const std::string& included) {
  const std::string root = included.substr(0, included.find('/'));
  return std::ranges::any_of(std::vector<std::string>{"sut", "harness", "faults", "scenarios", "reports", "bench"},
                             [&](const std::string& ours) { return root == ours; });
}

// Libraries that a folder must do without.
bool MayIncludeLibrary(const std::string& from, const std::string& library) {
  if (absl::StartsWith(from, "sut/raft/") && !absl::EndsWith(from, "_test.cc")) {
    for (const char* world : {"rocksdb/", "thread", "mutex", "condition_variable", "chrono", "fstream", "filesystem"}) {
      if (absl::StartsWith(library, world)) return false;
    }
  }
  const bool is_server = absl::StartsWith(from, "sut/server/") || absl::StartsWith(from, "sut/tools/");
  return is_server || !absl::StartsWith(from, "sut/") || !absl::StartsWith(library, "grpc");
}

// Where real time, threads and randomness are at home. The chaos disk lies below real processes only.
bool IsBehindTheSeams(const std::string& path) {
  return std::ranges::any_of(std::vector<std::string>{"sut/server/", "sut/tools/", "harness/process/", "harness/cli/",
                                                      "harness/run/", "faults/chaos_"},
                             [&](const std::string& prefix) { return absl::StartsWith(path, prefix); });
}

// What is wrong with one file, a line each.
std::vector<std::string> Breaches(const std::string& path, const std::string& text) {
  static const std::regex include(R"re(^\s*#include ["<]([^">]+)[">])re");
  static const std::regex real(
      R"re(sleep_for|usleep\(|random_device|(system|steady|high_resolution)_clock::now|std::rand\b|\bgetenv\()re");
  // Tests of stores that real threads share may start some. What asks about a thread starts none.
  static const std::regex thread(R"re(std::j?thread\b(?!::))re");
  std::vector<std::string> breaches;
  const auto breach = [&](size_t line, const std::string& what) {
    breaches.push_back(absl::StrCat(path, ":", line, ": ", what));
  };
  std::istringstream lines(text);
  std::string line;
  for (size_t number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (std::regex_search(line, match, include)) {
      const std::string included = match[1];
      if (!(IsOurs(included) ? MayInclude(path, included) : MayIncludeLibrary(path, included))) {
        breach(number, absl::StrCat("must not include ", included));
      }
    }
    const std::string code = line.substr(0, line.find("//"));
    if (IsBehindTheSeams(path)) continue;
    if (std::regex_search(code, match, real) ||
        (!absl::EndsWith(path, "_test.cc") && std::regex_search(code, match, thread))) {
      breach(number, absl::StrCat(match[0].str(), " outside the seams"));
    }
  }
  return breaches;
}

std::vector<std::string> SourceFiles() {
  std::vector<std::string> files;
  for (const char* root : {"sut", "harness", "faults"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(std::filesystem::path(HOLDFAST_SOURCE) / root)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cc") continue;
      files.push_back(std::filesystem::relative(entry.path(), HOLDFAST_SOURCE).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(IncludeRules, TheSourceTreeKeepsThem) {
  const std::vector<std::string> files = SourceFiles();
  EXPECT_GT(files.size(), 100u) << "the source tree was not found";
  for (const std::string& file : files) {
    std::ostringstream text;
    text << std::ifstream(std::filesystem::path(HOLDFAST_SOURCE) / file).rdbuf();
    EXPECT_THAT(Breaches(file, text.str()), IsEmpty());
  }
}

TEST(IncludeRules, TheClusterMustNotKnowWhatTestsIt) {
  for (const char* included : {"harness/sim/sim_clock.h", "faults/bug_catalogue.h", "scenarios/scenario_run.h",
                               "reports/report.h", "bench/bench.h"}) {
    EXPECT_THAT(Breaches("sut/node/node.cc", absl::StrCat("#include \"", included, "\"\n")), Not(IsEmpty()))
        << included;
  }
}

TEST(IncludeRules, InsideTheClusterArrowsGoDown) {
  EXPECT_THAT(Breaches("sut/tablet/tablet.h", "#include \"sut/raft/raft.h\"\n"), IsEmpty());
  EXPECT_THAT(Breaches("sut/raft/raft.h", "#include \"sut/tablet/tablet.h\"\n"), Not(IsEmpty()));
  EXPECT_THAT(Breaches("sut/raft/raft.h", "#include \"sut/runtime/clock.h\"\n"), Not(IsEmpty()));
  EXPECT_THAT(Breaches("sut/novel/novel.h", "#include \"sut/base/ids.h\"\n"), Not(IsEmpty()))
      << "a folder that the map does not have";
}

TEST(IncludeRules, CheckersKnowHistoriesAlone) {
  EXPECT_THAT(Breaches("harness/check/ledger.cc", "#include \"harness/history/history.h\"\n"), IsEmpty());
  for (const char* included : {"sut/base/ids.h", "harness/sim/sim_cluster.h", "harness/plan/plan.pb.h"}) {
    EXPECT_THAT(Breaches("harness/check/ledger.cc", absl::StrCat("#include \"", included, "\"\n")), Not(IsEmpty()))
        << included;
  }
}

TEST(IncludeRules, RaftTouchesNoWorld) {
  EXPECT_THAT(Breaches("sut/raft/raft.cc", "#include <map>\n"), IsEmpty());
  EXPECT_THAT(Breaches("sut/raft/raft.cc", "#include <rocksdb/db.h>\n"), Not(IsEmpty()));
  EXPECT_THAT(Breaches("sut/node/node.cc", "#include <grpcpp/grpcpp.h>\n"), Not(IsEmpty()));
}

TEST(IncludeRules, TheRealWorldStaysBehindTheSeams) {
  for (const char* code : {"std::this_thread::sleep_for(d);", "std::random_device d;",
                           "Clock::now(); steady_clock::now();", "std::thread t;", "x = getenv(\"HOME\");"}) {
    EXPECT_THAT(Breaches("sut/tablet/tablet.cc", code), Not(IsEmpty())) << code;
    EXPECT_THAT(Breaches("harness/run/worker_pool.cc", code), IsEmpty()) << code;
  }
  EXPECT_THAT(Breaches("sut/tablet/tablet.cc", "// no std::thread here\n"), IsEmpty());
}

}  // namespace
}  // namespace holdfast::scenarios
