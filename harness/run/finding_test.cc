// Properties: a finding's folder is whole, gives back what was put in, and takes no other one's place; a damaged one is
// refused in one line that names the file.

#include "harness/run/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/plan/generator.h"

namespace holdfast::run {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Finding SomeFinding() {
  Finding finding;
  finding.found_by = "a test";
  finding.plan = plan::GeneratePlan(17, plan::DefaultProfile());
  *finding.minimal.mutable_plan() = plan::GeneratePlan(18, plan::DefaultProfile());
  CrashPoint* point = finding.minimal.mutable_crash_point();
  point->set_node(1);
  point->set_ordinal(5);
  point->set_crash(fault::Crash::POWER_LOSS);
  finding.result.set_verdict(Result::FAIL);
  finding.result.set_history_digest(0xabcdef);
  finding.result.set_history_jsonl("{}\n");
  finding.result.set_timeline("0.0 start\n");
  Violation* violation = finding.result.add_violations();
  violation->set_checker("Restore/../equivalence");
  violation->set_summary("key \"a\" is back");
  violation->add_evidence("expected nothing, found v1");
  return finding;
}

class FindingTest : public ::testing::Test {
 protected:
  FindingTest() {
    std::string path = (fs::temp_directory_path() / "finding_test-XXXXXX").string();
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  ~FindingTest() override { fs::remove_all(directory_); }

  std::string Read(const fs::path& path) const {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  void Write(const fs::path& path, const std::string& text) const { std::ofstream(path) << text; }
  size_t Entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
};

TEST_F(FindingTest, WhatIsReadIsWhatWasWritten) {
  const Finding finding = SomeFinding();
  const absl::StatusOr<std::string> path = WriteFinding(finding, directory_ / "deep" / "er");
  ASSERT_TRUE(path.ok()) << path.status();
  const absl::StatusOr<StoredFinding> stored = ReadFinding(*path);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->trial.SerializeAsString(), finding.minimal.SerializeAsString());
  EXPECT_EQ(stored->record.verdict(), Result::FAIL);
  EXPECT_EQ(stored->record.history_digest(), DigestText(0xabcdef));
  ASSERT_EQ(stored->record.violations_size(), 1);
  EXPECT_EQ(stored->record.violations(0).SerializeAsString(), finding.result.violations(0).SerializeAsString());
}

TEST_F(FindingTest, TheReadmeSaysWhatWasFoundAndHowToReplayIt) {
  const absl::StatusOr<std::string> path = WriteFinding(SomeFinding(), directory_);
  ASSERT_TRUE(path.ok()) << path.status();
  const std::string readme = Read(fs::path(*path) / "README.md");
  EXPECT_THAT(readme, HasSubstr("holdfast replay " + *path));
  EXPECT_THAT(readme, HasSubstr("key \"a\" is back"));
  EXPECT_THAT(readme, HasSubstr("expected nothing, found v1"));
  EXPECT_THAT(readme, HasSubstr("power loss of node 1 at its file-system mutation 5"));
}

TEST_F(FindingTest, AFindingNeverTakesTheNameOfAnotherNorLeavesItsDirectory) {
  const absl::StatusOr<std::string> first = WriteFinding(SomeFinding(), directory_);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string plan = Read(fs::path(*first) / "plan.textproto");
  const absl::StatusOr<std::string> second = WriteFinding(SomeFinding(), directory_);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*first, *second);
  EXPECT_EQ(Read(fs::path(*first) / "plan.textproto"), plan);
  EXPECT_EQ(fs::path(*first).parent_path(), directory_);
  EXPECT_EQ(Entries(), 2u);
}

TEST_F(FindingTest, WhereNothingCanBeWrittenNothingIsLeft) {
  Write(directory_ / "file", "in the way");
  const absl::StatusOr<std::string> path = WriteFinding(SomeFinding(), directory_ / "file");
  EXPECT_FALSE(path.ok());
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(FindingTest, ADamagedRecordIsRefusedWithItsFile) {
  const absl::StatusOr<std::string> path = WriteFinding(SomeFinding(), directory_);
  ASSERT_TRUE(path.ok()) << path.status();
  const fs::path record = fs::path(*path) / "verdict.json";
  const std::string good = Read(record);
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() / 2), std::string("{\"colour\": 1}"),
        std::string("{\"format_version\": 99}"),
        std::string("{\"format_version\": 1, \"crash_point\": {\"node\": 77, \"ordinal\": 1}}"),
        std::string("{\"format_version\": 1, \"crash_point\": {\"node\": 1}}")}) {
    Write(record, bad);
    const absl::Status status = ReadFinding(*path).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("verdict.json: ")) << bad;
    EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("\n"))) << bad;
  }
}

TEST_F(FindingTest, AMissingFileIsNamed) {
  const absl::StatusOr<std::string> path = WriteFinding(SomeFinding(), directory_);
  ASSERT_TRUE(path.ok()) << path.status();
  fs::remove(fs::path(*path) / "minimal.textproto");
  EXPECT_THAT(std::string(ReadFinding(*path).status().message()), HasSubstr("minimal.textproto"));
}

}  // namespace
}  // namespace holdfast::run
