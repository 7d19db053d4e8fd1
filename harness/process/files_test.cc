// Properties of what the harness and its nodes share: a ledger loses nothing that was written before a death, and a
// trap strikes once, at the hit that it counts to, whoever hits.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/process/control_file.h"
#include "harness/process/ledger_file.h"
#include "harness/process/work_directory.h"

namespace holdfast::process {
namespace {

LedgerRecord EntryRecord(uint64_t index) {
  LedgerRecord record;
  record.mutable_applied()->set_index(index);
  record.mutable_applied()->set_data(std::string(index % 7, 'd'));
  return record;
}

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() : directory_(*WorkDirectory::Create("")), file_(directory_->path() + "/file") {}
  std::vector<uint64_t> ReadNew(LedgerReader* reader) const {
    std::vector<uint64_t> indexes;
    const absl::Status status =
        reader->ReadNew([&](const LedgerRecord& record) { indexes.push_back(record.applied().index()); });
    EXPECT_TRUE(status.ok()) << status;
    return indexes;
  }

  const std::unique_ptr<WorkDirectory> directory_;
  const std::string file_;
};

using LedgerFileTest = FilesTest;
using ControlFileTest = FilesTest;

TEST_F(LedgerFileTest, TheReaderFollowsTheWriterInOrder) {
  LedgerReader reader(file_);
  EXPECT_TRUE(ReadNew(&reader).empty()) << "the file is not there yet";
  const auto writer = *LedgerWriter::Open(file_);
  for (uint64_t index = 1; index <= 3; ++index) writer->Append(EntryRecord(index));
  EXPECT_EQ(ReadNew(&reader), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_TRUE(ReadNew(&reader).empty());
  writer->Append(EntryRecord(4));
  EXPECT_EQ(ReadNew(&reader), std::vector<uint64_t>{4});
}

TEST_F(LedgerFileTest, TheDeathOfTheWriterLosesNothingThatWasAppended) {
  const pid_t writer = fork();
  if (writer == 0) {
    const auto ledger = *LedgerWriter::Open(file_);
    for (uint64_t index = 1; index <= 500; ++index) ledger->Append(EntryRecord(index));
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(writer, &status, 0), writer);
  ASSERT_TRUE(WIFSIGNALED(status));
  LedgerReader reader(file_);
  EXPECT_EQ(ReadNew(&reader).size(), 500u);
  EXPECT_EQ(reader.unfinished_bytes(), 0u);
}

TEST_F(LedgerFileTest, ARecordThatIsNotWholeIsNotThereYet) {
  const auto writer = *LedgerWriter::Open(file_);
  writer->Append(EntryRecord(1));
  const auto whole = std::filesystem::file_size(file_);
  writer->Append(EntryRecord(2));
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 1);
  LedgerReader reader(file_);
  EXPECT_EQ(ReadNew(&reader), std::vector<uint64_t>{1});
  EXPECT_EQ(reader.unfinished_bytes(), std::filesystem::file_size(file_) - whole);
}

TEST_F(LedgerFileTest, ADamagedRecordIsAnErrorAndNoRecord) {
  {
    const auto writer = *LedgerWriter::Open(file_);
    writer->Append(EntryRecord(1));
  }
  const int fd = open(file_.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(pwrite(fd, "\xFF", 1, static_cast<off_t>(std::filesystem::file_size(file_)) - 1), 1);
  close(fd);
  LedgerReader reader(file_);
  int taken = 0;
  const absl::Status status = reader.ReadNew([&](const LedgerRecord&) { ++taken; });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_EQ(taken, 0);
}

// How a child ends that hits the probe so often, as the node.
int HitInChild(const std::string& file, uint32_t node, int hits) {
  const pid_t child = fork();
  if (child == 0) {
    const auto control = *ControlFile::Open(file);
    for (int i = 0; i < hits; ++i) control->OnHit(node, sut::Probe::kSnapshotLinked);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  if (WIFSTOPPED(status)) {
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    return -SIGSTOP;
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_F(ControlFileTest, ATrapKillsAtItsHitCountedOverAllNodesAndNeverAgain) {
  const auto control = *ControlFile::Create(file_);
  const size_t trap = *control->Arm({.probe = sut::Probe::kSnapshotLinked, .nth = 5});
  EXPECT_EQ(HitInChild(file_, 1, 3), 0);
  EXPECT_EQ(control->Struck(trap), std::nullopt);
  EXPECT_EQ(HitInChild(file_, 2, 3), -SIGKILL);
  EXPECT_EQ(control->Struck(trap), 2u);
  EXPECT_EQ(HitInChild(file_, 1, 100), 0);
  EXPECT_EQ(control->Disarm(trap), 2u);
}

TEST_F(ControlFileTest, ATrapOnOneNodeLeavesTheOthersAlone) {
  const auto control = *ControlFile::Create(file_);
  const size_t trap = *control->Arm({.probe = sut::Probe::kSnapshotLinked, .node = 3});
  const size_t other_probe = *control->Arm({.probe = sut::Probe::kDropBegun});
  EXPECT_EQ(HitInChild(file_, 1, 10), 0);
  EXPECT_EQ(HitInChild(file_, 3, 10), -SIGKILL);
  EXPECT_EQ(control->Struck(trap), 3u);
  EXPECT_EQ(control->Struck(other_probe), std::nullopt);
}

TEST_F(ControlFileTest, ADisarmedTrapDoesNotStrike) {
  const auto control = *ControlFile::Create(file_);
  const size_t trap = *control->Arm({.probe = sut::Probe::kSnapshotLinked});
  EXPECT_EQ(control->Disarm(trap), std::nullopt);
  EXPECT_EQ(HitInChild(file_, 1, 10), 0);
}

TEST_F(ControlFileTest, ATrapMayStopOrPauseInsteadOfKilling) {
  const auto control = *ControlFile::Create(file_);
  ASSERT_TRUE(control->Arm({.probe = sut::Probe::kSnapshotLinked, .action = TrapAction::kStop}).ok());
  EXPECT_EQ(HitInChild(file_, 1, 1), -SIGSTOP);
  ASSERT_TRUE(
      control->Arm({.probe = sut::Probe::kSnapshotLinked, .action = TrapAction::kPause, .pause_us = 80'000}).ok());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(HitInChild(file_, 1, 1), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(80));
}

TEST_F(ControlFileTest, MoreTrapsThanThereIsRoomForAreRefused) {
  const auto control = *ControlFile::Create(file_);
  for (size_t i = 0; i < ControlFile::kTrapsMax; ++i) ASSERT_TRUE(control->Arm({}).ok());
  EXPECT_EQ(control->Arm({}).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(WorkDirectoryTest, GoesWithItsContentsAndOnlyOnesOwn) {
  const auto parent = *WorkDirectory::Create("");
  std::string path;
  {
    const auto directory = *WorkDirectory::Create(parent->path());
    path = directory->path();
    std::filesystem::create_directory(path + "/sub");
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists(parent->path()));
  EXPECT_FALSE(WorkDirectory::Create(parent->path() + "/missing").ok());
}

}  // namespace
}  // namespace holdfast::process
