// Properties of the command as scripts see it: exit codes, one clear line for bad input, nothing changed by it; a
// planted bug becomes a finding that replays; Ctrl-C ends a campaign with its summary.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

struct Ended {
  int exit_code = -1;  // -1: by a signal
  std::string out;     // stdout and stderr
};

// The command, running.
class Command {
 public:
  explicit Command(const std::vector<std::string>& arguments, const fs::path& directory) {
    int out[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(out[1], STDERR_FILENO);
      std::vector<char*> argv = {const_cast<char*>(HOLDFAST_BINARY)};
      for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      if (chdir(directory.c_str()) == 0) execv(HOLDFAST_BINARY, argv.data());
      _exit(127);
    }
    close(out[1]);
    out_ = out[0];
  }

  // Waits until `text` has been written.
  void WaitFor(const std::string& text) {
    while (ended_.out.find(text) == std::string::npos && ReadSome()) {
    }
  }
  void Interrupt() const { kill(pid_, SIGINT); }

  Ended Wait() {
    while (ReadSome()) {
    }
    close(out_);
    int status = 0;
    waitpid(pid_, &status, 0);
    if (WIFEXITED(status)) ended_.exit_code = WEXITSTATUS(status);
    return ended_;
  }

 private:
  bool ReadSome() {
    char buffer[4096];
    const ssize_t count = read(out_, buffer, sizeof buffer);
    if (count > 0) ended_.out.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  pid_t pid_;
  int out_;
  Ended ended_;
};

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    std::string path = (fs::temp_directory_path() / "command_test-XXXXXX").string();
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  ~CommandTest() override { fs::remove_all(directory_); }

  Ended Run(const std::vector<std::string>& arguments) const { return Command(arguments, directory_).Wait(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
    return name;
  }
  // Bad input: exit 2, one line that says `reason`, nothing made.
  void ExpectRefused(const std::vector<std::string>& arguments, const std::string& reason) const {
    const auto count = [this] { return std::distance(fs::directory_iterator(directory_), fs::directory_iterator()); };
    const auto before = count();
    const Ended ended = Run(arguments);
    EXPECT_EQ(ended.exit_code, 2) << ended.out;
    EXPECT_THAT(ended.out, HasSubstr(reason));
    EXPECT_EQ(std::ranges::count(ended.out, '\n'), 1) << ended.out;
    EXPECT_EQ(count(), before) << ended.out;
  }

  fs::path directory_;
};

constexpr const char* kHeader =
    "format_version: 1\nseed: 1\nshape { nodes: 3 replication_factor: 3 tables: 1 tablets_per_table: 1 }\nclients: 1\n";

TEST_F(CommandTest, EveryCommandHasHelp) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{},
                                                                                       {"run"},
                                                                                       {"compare"},
                                                                                       {"replay"},
                                                                                       {"minimize"},
                                                                                       {"enumerate"},
                                                                                       {"bugs"},
                                                                                       {"bugs", "list"},
                                                                                       {"bugs", "hunt"},
                                                                                       {"plan"},
                                                                                       {"plan", "validate"},
                                                                                       {"plan", "generate"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Ended ended = Run(arguments);
    EXPECT_EQ(ended.exit_code, 0) << ended.out;
    EXPECT_THAT(ended.out, HasSubstr("--help"));
  }
}

TEST_F(CommandTest, WhatIsNotUnderstoodIsRefused) {
  ExpectRefused({"run", "--plams=3"}, "--plams");
  ExpectRefused({"frobnicate"}, "frobnicate");
  ExpectRefused({}, "subcommand");
  ExpectRefused({"run", "--plans=0"}, "--plans");
  ExpectRefused({"run", "--plans=many"}, "--plans");
  ExpectRefused({"run", "--jobs=0"}, "--jobs");
  ExpectRefused({"run", "--duration=soon"}, "--duration soon");
  ExpectRefused({"run", "--profile=weird"}, "known ones are: default");
  ExpectRefused({"run", "--times=3"}, "--plan");
  ExpectRefused({"run", "--plan=x", "--seed=3"}, "--seed");
  ExpectRefused({"run", "--cluster=moon"}, "--cluster");
  ExpectRefused({"run", "--cluster=process", "--speed=0"}, "--speed");
  ExpectRefused({"run", "--cluster=process", "--server-binary=no-server"}, "--server-binary no-server");
  ExpectRefused({"run", "--cluster=process", "--work-dir=no-directory"}, "--work-dir");
  ExpectRefused({"compare", "no-plan"}, "no-plan");
  ExpectRefused({"enumerate", Write("p", kHeader), "--node=4"}, "nodes 1 to 3");
  ExpectRefused({"enumerate", "p", "--kind=flood"}, "--kind");
}

TEST_F(CommandTest, AnUnknownBugListsTheKnownOnes) {
  ExpectRefused({"run", "--bug=no-such-bug"}, "no such bug; known ones are: ");
  ExpectRefused({"plan", "generate", "--bug=no-such-bug"}, "checkpoint-without-flush");
  ExpectRefused({"bugs", "hunt", "no-such-bug"}, "no such bug; known ones are: ");
  ExpectRefused({"bugs", "hunt", "51"}, "51: no such bug; known ones are: ");
}

TEST_F(CommandTest, ABugIsKnownByItsNumberToo) {
  const Ended by_number = Run({"plan", "generate", "--seed=3", "--bug=21"});
  EXPECT_EQ(by_number.exit_code, 0);
  EXPECT_EQ(by_number.out, Run({"plan", "generate", "--seed=3", "--bug=import-pairs-by-position"}).out);
  EXPECT_THAT(by_number.out, HasSubstr("import-pairs-by-position"));
}

TEST_F(CommandTest, AFileThatIsNotThereIsNamed) {
  for (const char* command : {"replay", "minimize", "enumerate"}) ExpectRefused({command, "absent"}, "absent");
  ExpectRefused({"run", "--plan=absent"}, "absent");
  ExpectRefused({"plan", "validate", "absent"}, "absent");
  fs::create_directory(directory_ / "empty");
  ExpectRefused({"replay", "empty"}, "empty/verdict.json");
}

TEST_F(CommandTest, APlanThatMakesNoSenseIsRefusedWithFileLineAndReason) {
  const std::string header = kHeader;
  Write("syntax", header + "steps { gap_us: }\n");
  Write("field", header + "colour: 3\n");
  Write("node", header + "steps { fault { crash { target { node: 7 } } } }\n");
  Write("table", header + "steps { snapshot { create { snapshot: 1 tables: 4 } } }\n");
  Write("restore", header + "steps { inspect { } }\nsteps { snapshot { restore { snapshot: 9 restoration: 1 } } }\n");
  for (const auto& [name, line] : std::vector<std::pair<std::string, std::string>>{
           {"syntax", ":5:"}, {"field", ":5:"}, {"node", ":5:"}, {"table", ":5:"}, {"restore", ":6:"}}) {
    ExpectRefused({"run", "--plan=" + name}, name + line);
    ExpectRefused({"replay", name}, name + line);
    ExpectRefused({"minimize", name}, name + line);
    ExpectRefused({"enumerate", name}, name + line);
    ExpectRefused({"plan", "validate", name}, name + line);
  }
}

TEST_F(CommandTest, AGeneratedPlanIsValidAndTheSameEachTime) {
  const Ended first = Run({"plan", "generate", "--seed=3"});
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_EQ(Run({"plan", "generate", "--seed=3"}).out, first.out);
  EXPECT_NE(Run({"plan", "generate", "--seed=4"}).out, first.out);
  const Ended valid = Run({"plan", "validate", Write("plan", first.out)});
  EXPECT_EQ(valid.exit_code, 0) << valid.out;
}

TEST_F(CommandTest, EveryPlantedBugIsListed) {
  const Ended ended = Run({"bugs", "list"});
  EXPECT_EQ(ended.exit_code, 0);
  for (const char* name : {"checkpoint-without-flush", "vote-not-persisted", "request-table-not-in-snapshot"}) {
    EXPECT_THAT(ended.out, HasSubstr(name));
  }
}

TEST_F(CommandTest, AHuntThatMakesNoSenseIsRefused) {
  ExpectRefused({"bugs", "hunt"}, "--all");
  ExpectRefused({"bugs", "hunt", "restore-merges-rows", "--all"}, "--all");
  ExpectRefused({"bugs", "hunt", "--all", "--budget=soon"}, "--budget soon");
  ExpectRefused({"bugs", "hunt", "--all", "--baseline", "--baseline-budget=soon"}, "--baseline-budget soon");
  ExpectRefused({"bugs", "hunt", "--all", "--json=no/such/folder"}, "--json no/such/folder");
  ExpectRefused({"bugs", "hunt", "--all", "--plans-to=absent"}, "--plans-to absent");
  ExpectRefused({"bugs", "hunt", "--all", "--cluster=process", "--server-binary=absent"}, "--server-binary absent");
}

TEST_F(CommandTest, AHuntWritesItsScoreboardAndTheMinimalPlans) {
  const Ended ended = Run({"bugs", "hunt", "restore-merges-rows", "--budget=5m", "--minimize-seconds=5",
                           "--json=board.json", "--plans-to=."});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("restore-merges-rows"));
  EXPECT_THAT(ended.out, HasSubstr("found 1 of 1"));
  std::stringstream json;
  json << std::ifstream(directory_ / "board.json").rdbuf();
  EXPECT_THAT(json.str(), HasSubstr("\"found\": true"));
  EXPECT_EQ(Run({"plan", "validate", "restore-merges-rows.plan"}).exit_code, 0);
}

TEST_F(CommandTest, ACampaignTellsWhatItHasCovered) {
  const Ended ended = Run({"run", "--seed=1", "--plans=2", "--coverage=coverage.json"});
  EXPECT_EQ(ended.exit_code, 0) << "too short to be held to floors\n" << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("tablet.snapshot.flushed"));
  EXPECT_THAT(ended.out, HasSubstr("installing"));
  std::stringstream json;
  json << std::ifstream(directory_ / "coverage.json").rdbuf();
  EXPECT_THAT(json.str(), HasSubstr("\"power-loss\""));
  ExpectRefused({"run", "--plans=1", "--coverage=no/such/folder"}, "--coverage no/such/folder");
}

TEST_F(CommandTest, ACampaignWithoutFindingsPassesWithItsSummary) {
  const Ended ended = Run({"run", "--seed=1", "--plans=4", "--jobs=2"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("PASS"));
  EXPECT_THAT(ended.out, HasSubstr("4 run"));
  EXPECT_THAT(ended.out, HasSubstr("repeat it: holdfast run --seed=1 --plans=4"));
}

TEST_F(CommandTest, CtrlCEndsACampaignWithItsSummary) {
  Command command({"run", "--seed=1", "--plans=1000000"}, directory_);
  command.WaitFor("campaign: seed 1");
  poll(nullptr, 0, 1'000);
  command.Interrupt();
  const Ended ended = command.Wait();
  EXPECT_THAT(ended.out, HasSubstr("(interrupted)"));
  EXPECT_THAT(ended.out, HasSubstr("repeat it: "));
  EXPECT_NE(ended.exit_code, -1);
  EXPECT_NE(ended.exit_code, 4);
}

TEST_F(CommandTest, APlantedBugBecomesAFindingThatReplaysToTheBit) {
  const Ended found = Run({"run", "--seed=1", "--plans=300", "--bug=restore-merges-rows", "--minimize-seconds=10"});
  ASSERT_EQ(found.exit_code, 1) << found.out;
  ASSERT_TRUE(fs::exists(directory_ / "findings")) << found.out;
  const fs::path folder = *fs::directory_iterator(directory_ / "findings");
  EXPECT_THAT(found.out, HasSubstr("replay it: holdfast replay findings/" + folder.filename().string()));
  for (const char* file :
       {"plan.textproto", "minimal.textproto", "history.jsonl", "verdict.json", "timeline.txt", "README.md"}) {
    EXPECT_TRUE(fs::exists(folder / file)) << file;
  }
  const Ended replayed = Run({"replay", folder.string(), "--times=3"});
  EXPECT_EQ(replayed.exit_code, 1) << replayed.out;
  EXPECT_THAT(replayed.out, HasSubstr("3 of 3 replays show the finding again"));
  EXPECT_THAT(replayed.out, HasSubstr("digest too"));
  EXPECT_THAT(replayed.out, Not(HasSubstr("DIFFERS")));
}

// A snapshot with a row in it, rows beside it, and weather that TCP does not have.
constexpr const char* kSnapshotSteps = R"(
steps { salt: 1 client { write { mutations { key: "a" value: "1" } } } }
steps { gap_us: 400000 salt: 2 snapshot { create { snapshot: 1 tables: 0 } } }
steps { gap_us: 1500000 salt: 3 client { write { mutations { key: "b" value: "2" } } } }
steps { gap_us: 1000 salt: 4 fault { weather { loss_permille: 10 heal_after_us: 300000 } } }
steps { gap_us: 400000 salt: 5 fault { crash { target { node: 1 } restart_after_us: 200000 } } }
)";

TEST_F(CommandTest, CompareShowsBothWorldsAndWhatOneCannotDo) {
  const Ended ended = Run({"compare", Write("p", std::string(kHeader) + kSnapshotSteps)});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, ContainsRegex("verdict +pass +pass"));
  EXPECT_THAT(ended.out, ContainsRegex("snapshots complete +1 +1"));
  EXPECT_THAT(ended.out, HasSubstr("in sim: nothing was refused"));
  EXPECT_THAT(ended.out, HasSubstr("refused: loss, duplication and reordering of messages"));
  EXPECT_THAT(ended.out, HasSubstr("not watched: "));
}

TEST_F(CommandTest, AFindingInRealProcessesSaysHowOftenItFailedAgain) {
  const Ended found = Run({"run", "--cluster=process", "--plan", Write("p", std::string(kHeader) + kSnapshotSteps),
                           "--bug=restore-merges-rows", "--repeat=2"});
  ASSERT_EQ(found.exit_code, 1) << found.out;
  EXPECT_THAT(found.out, HasSubstr("failed in the same way in 2 of 2 repeats"));
  const fs::path folder = *fs::directory_iterator(directory_ / "findings");
  std::ostringstream readme;
  readme << std::ifstream(folder / "README.md").rdbuf();
  EXPECT_THAT(readme.str(), HasSubstr("2 of 2 further runs failed in the same way"));
  EXPECT_GT(fs::file_size(folder / "history.jsonl"), 0u);
  EXPECT_GT(fs::file_size(folder / "timeline.txt"), 0u);
  const Ended replayed = Run({"replay", folder.string()});
  EXPECT_EQ(replayed.exit_code, 1) << replayed.out;
  EXPECT_THAT(replayed.out, HasSubstr("1 of 1 replays show the finding again"));
  ExpectRefused({"minimize", folder.string()}, "no two runs of it are the same");
}

}  // namespace
}  // namespace holdfast::cli
