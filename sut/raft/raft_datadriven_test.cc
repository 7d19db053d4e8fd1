// Protocol tests as text: testdata/*.txt hold blocks of commands and, after a line of dashes, what they print. The
// program's flag --rewrite writes what was printed into the files, for a reader of the difference to judge.
//
// Replica n's election time-out is always 10 + 2n ticks, so the lowest id that can win does. Commands:
//   options [append_max=n] [in_flight_max=n]   of groups from here on
//   group ID... [learners=ID,...]              a new group with these founders;  add ID: one more, with an empty log
//   tick ID [N] | campaign ID | step-down ID | propose ID DATA | read ID | transfer ID TO | config ID voters=...
//   learners=... ready ID | sync ID | process ID            take Readies, make the oldest write durable, or both until
//   nothing is left deliver [from=ID] [to=ID] [type=T]         all messages under way that fit;  drop, duplicate:
//   likewise settle | run N                             until nothing moves but installs, untold;  N ticks for all,
//   settling after each partition ID... | ID...                    cut the links between the sides;  heal crash ID
//   [keep=N] | restart ID             N unsynced writes survive compact ID INDEX | install ok|fail         the oldest
//   install under way ends status [ID...] | log ID | network          print

#include "sut/raft/raft_datadriven.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "sut/base/check.h"
#include "sut/raft/describe.h"
#include "sut/raft/test_cluster.h"

namespace sut::raft {
namespace {

uint64_t Number(const std::string& text) {
  uint64_t value = 0;
  SUT_CHECK(absl::SimpleAtoi(text, &value), "not a number: " + text);
  return value;
}

ReplicaId Id(const std::string& text) { return ReplicaId{Number(text)}; }

std::vector<ReplicaId> IdList(const std::string& text) {
  std::vector<ReplicaId> ids;
  const std::vector<std::string> parts = absl::StrSplit(text, ',', absl::SkipEmpty());
  for (const std::string& part : parts) ids.push_back(Id(part));
  return ids;
}

// A command's words, and its key=value pairs apart.
struct Command {
  std::string verb;
  std::vector<std::string> words;
  std::map<std::string, std::string> pairs;

  explicit Command(const std::string& line) {
    const std::vector<std::string> all = absl::StrSplit(line, ' ', absl::SkipEmpty());
    for (const std::string& word : all) {
      const size_t equals = word.find('=');
      if (verb.empty()) {
        verb = word;
      } else if (equals != std::string::npos) {
        pairs[word.substr(0, equals)] = word.substr(equals + 1);
      } else {
        words.push_back(word);
      }
    }
  }
  const std::string& word(size_t position) const {
    SUT_CHECK(position < words.size(), "a word is missing after " + verb);
    return words[position];
  }
  ReplicaId id() const { return Id(word(0)); }
  std::string pair(const std::string& key, const std::string& otherwise) const {
    const auto it = pairs.find(key);
    return it == pairs.end() ? otherwise : it->second;
  }
};

class Interpreter {
 public:
  // Runs a block of commands and returns what they print.
  std::string Run(const std::vector<std::string>& lines) {
    output_.clear();
    for (const std::string& line : lines) {
      const Command command(line);
      const auto verb = verbs_.find(command.verb);
      SUT_CHECK(verb != verbs_.end(), "unknown command " + command.verb);
      verb->second(command);
      if (cluster_ && cluster_->violation()) absl::StrAppend(&output_, "VIOLATION ", *cluster_->violation(), "\n");
    }
    return output_.empty() ? "ok\n" : output_;
  }

 private:
  void Print(const std::string& text) { absl::StrAppend(&output_, text); }
  void Print(const absl::Status& status) {
    if (!status.ok()) absl::StrAppend(&output_, status.ToString(), "\n");
  }
  void Print(const absl::StatusOr<OpId>& op) {
    if (!op.ok()) return Print(op.status());
    absl::StrAppend(&output_, "appended ", ToString(*op), "\n");
  }

  Options RaftOptions(ReplicaId id) const {
    Options options;
    options.election_ticks_min = 10;
    options.election_ticks = [id](Term) { return 10 + 2 * static_cast<int>(id.value); };
    options.entries_per_append_max = append_max_;
    options.appends_in_flight_max = in_flight_max_;
    return options;
  }

  void SetOptions(const Command& command) {
    append_max_ = static_cast<int>(Number(command.pair("append_max", "64")));
    in_flight_max_ = static_cast<int>(Number(command.pair("in_flight_max", "8")));
  }

  void NewGroup(const Command& command) {
    cluster_ = std::make_unique<TestCluster>([this](ReplicaId id) { return RaftOptions(id); });
    cluster_->trace = [this](const std::string& line) {
      if (told_) Print(line);
    };
    Config founders;
    for (const std::string& id : command.words) founders.voters.push_back(Id(id));
    founders.learners = IdList(command.pair("learners", ""));
    for (const ReplicaId id : founders.voters) cluster_->Add(id, founders);
    for (const ReplicaId id : founders.learners) cluster_->Add(id, founders);
  }

  void Tick(const Command& command) {
    const uint64_t count = command.words.size() > 1 ? Number(command.word(1)) : 1;
    for (uint64_t i = 0; i < count; ++i) cluster_->Tick(command.id());
  }

  void Process(ReplicaId id) {
    do {
      cluster_->Drain(id);
      cluster_->Sync(id);
    } while (cluster_->replica(id).raft->HasReady() || !cluster_->replica(id).unsynced.empty());
  }

  void Settle() {
    told_ = false;
    SUT_CHECK(cluster_->Settle(1000, false), "the group does not settle");
    told_ = true;
  }

  void RunAll(const Command& command) {
    for (uint64_t tick = Number(command.word(0)); tick > 0; --tick) {
      for (auto& [id, host] : cluster_->replicas()) {
        if (host.raft != nullptr) cluster_->Tick(id);
      }
      Settle();
    }
  }

  // Does something to each message under way that the command describes, in order; not to those that come of it.
  void ForMessages(const Command& command, const std::function<void(size_t)>& act, bool removes) {
    size_t position = 0;
    for (size_t left = cluster_->network().size(); left > 0; --left) {
      const Message& message = cluster_->network()[position];
      const bool fits = (command.pairs.count("from") == 0 || Id(command.pairs.at("from")) == message.from) &&
                        (command.pairs.count("to") == 0 || Id(command.pairs.at("to")) == message.to) &&
                        (command.pairs.count("type") == 0 ||
                         absl::StrContains(Describe(message), absl::StrCat(" ", command.pairs.at("type"), " ")));
      if (fits) act(position);
      if (!fits || !removes) ++position;
    }
  }

  void Partition(const Command& command) {
    std::vector<std::vector<ReplicaId>> sides(1);
    for (const std::string& word : command.words) {
      if (word == "|") {
        sides.emplace_back();
      } else {
        sides.back().push_back(Id(word));
      }
    }
    cluster_->Partition(sides);
  }

  void PrintStatus(const Command& command) {
    for (const auto& [id, host] : cluster_->replicas()) {
      const bool asked =
          command.words.empty() || std::count(command.words.begin(), command.words.end(), absl::StrCat(id.value)) != 0;
      if (!asked) continue;
      Print(absl::StrCat(id.value, ": ", host.raft == nullptr ? "down" : Describe(host.raft->status()), "\n"));
    }
  }

  void PrintLog(const Command& command) {
    for (const Entry& entry : cluster_->replica(command.id()).raft->log()) Print(absl::StrCat(Describe(entry), "\n"));
  }

  std::map<std::string, std::function<void(const Command&)>> Verbs() {
    using C = const Command&;
    return {
        {"options", [this](C c) { SetOptions(c); }},
        {"group", [this](C c) { NewGroup(c); }},
        {"add", [this](C c) { cluster_->Add(c.id(), Config{}); }},
        {"tick", [this](C c) { Tick(c); }},
        {"campaign", [this](C c) { cluster_->Campaign(c.id()); }},
        {"step-down", [this](C c) { cluster_->StepDown(c.id()); }},
        {"propose", [this](C c) { Print(cluster_->Propose(c.id(), c.word(1))); }},
        {"read", [this](C c) { Print(cluster_->ReadIndex(c.id())); }},
        {"transfer", [this](C c) { Print(cluster_->Transfer(c.id(), Id(c.word(1)))); }},
        {"config",
         [this](C c) {
           const Config config{IdList(c.pair("voters", "")), IdList(c.pair("learners", ""))};
           Print(cluster_->ProposeConfig(c.id(), config));
         }},
        {"ready", [this](C c) { cluster_->Drain(c.id()); }},
        {"sync", [this](C c) { cluster_->Sync(c.id()); }},
        {"process", [this](C c) { Process(c.id()); }},
        {"deliver",
         [this](C c) {
           ForMessages(
               c, [this](size_t i) { cluster_->Deliver(i); }, true);
         }},
        {"duplicate",
         [this](C c) {
           ForMessages(
               c, [this](size_t i) { cluster_->Deliver(i, true); }, false);
         }},
        {"drop",
         [this](C c) {
           ForMessages(
               c, [this](size_t i) { cluster_->Drop(i); }, true);
         }},
        {"settle", [this](C) { Settle(); }},
        {"run", [this](C c) { RunAll(c); }},
        {"partition", [this](C c) { Partition(c); }},
        {"heal", [this](C) { cluster_->Heal(); }},
        {"crash", [this](C c) { cluster_->Crash(c.id(), Number(c.pair("keep", "0"))); }},
        {"restart", [this](C c) { cluster_->Restart(c.id()); }},
        {"compact",
         [this](C c) {
           cluster_->Flush(c.id());
           cluster_->Compact(c.id(), Index{Number(c.word(1))});
         }},
        {"install", [this](C c) { cluster_->FinishInstall(0, c.word(0) == "ok"); }},
        {"status", [this](C c) { PrintStatus(c); }},
        {"log", [this](C c) { PrintLog(c); }},
        {"network",
         [this](C) {
           for (const Message& message : cluster_->network()) Print(absl::StrCat(Describe(message), "\n"));
         }},
    };
  }

  const std::map<std::string, std::function<void(const Command&)>> verbs_ = Verbs();
  std::unique_ptr<TestCluster> cluster_;
  std::string output_;
  bool told_ = true;
  int append_max_ = 64;
  int in_flight_max_ = 8;
};

// The file with every block's output replaced by what the interpreter prints.
std::string Replay(const std::string& text) {
  Interpreter interpreter;
  std::string out;
  std::vector<std::string> commands;
  std::istringstream in(text);
  bool in_output = false;
  for (std::string line; std::getline(in, line);) {
    if (in_output && !line.empty()) continue;  // the old output
    in_output = false;
    if (line == "----") {
      absl::StrAppend(&out, "----\n", interpreter.Run(commands));
      commands.clear();
      in_output = true;
      continue;
    }
    if (!line.empty() && line[0] != '#') commands.push_back(line);
    absl::StrAppend(&out, line, "\n");
  }
  SUT_CHECK(commands.empty(), "the last block lacks its line of dashes");
  return out;
}

class RaftDatadrivenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RaftDatadrivenTest, PrintsWhatTheFileSays) {
  const std::filesystem::path path = std::filesystem::path(HOLDFAST_TEST_DATA) / "testdata" / (GetParam() + ".txt");
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  ASSERT_FALSE(text.str().empty()) << path;
  const std::string replayed = Replay(text.str());
  if (RewriteGoldens()) {
    std::ofstream(path) << replayed;
  } else {
    EXPECT_EQ(replayed, text.str()) << "run with --rewrite and judge the difference";
  }
}

std::string Name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

// A file is a test by being there.
std::vector<std::string> Files() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(HOLDFAST_TEST_DATA) / "testdata")) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Testdata, RaftDatadrivenTest, ::testing::ValuesIn(Files()), Name);

}  // namespace
}  // namespace sut::raft
