// The disk on its own: POSIX rules of names and links, what each kind of crash takes, that it really takes it, and the
// hook.

#include "harness/sim/sim_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/sim/test_disk.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kSeeds = 200;

// --- Names
// ---------------------------------------------------------------------------------------------------------------

TEST(SimFileSystem, HardLinkKeepsTheContentWhenTheOtherNameGoes) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/one", "content"));
  ASSERT_IO_OK(disk.Link("/one", "/two"));
  EXPECT_EQ(disk.fs.Stat("/one")->inode, disk.fs.Stat("/two")->inode);
  EXPECT_EQ(disk.fs.Stat("/one")->link_count, 2u);
  ASSERT_IO_OK(disk.Unlink("/one"));
  EXPECT_FALSE(disk.fs.Exists("/one"));
  EXPECT_EQ(disk.Read("/two"), "content");
  EXPECT_EQ(disk.fs.Stat("/two")->link_count, 1u);
}

TEST(SimFileSystem, CreatingOverAnExistingFileCutsItUnderAllItsNames) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/one", "content"));
  ASSERT_IO_OK(disk.Link("/one", "/two"));
  ASSERT_IO_OK(disk.Create("/one"));
  EXPECT_EQ(disk.Read("/two"), "");
}

TEST(SimFileSystem, RenameReplacesAFileAndAnEmptyDirectoryOnly) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/file", "new"));
  ASSERT_IO_OK(disk.Append("/old", "old"));
  ASSERT_IO_OK(disk.MakeDirectory("/dir"));
  ASSERT_IO_OK(disk.MakeDirectory("/empty"));
  ASSERT_IO_OK(disk.MakeDirectory("/full"));
  ASSERT_IO_OK(disk.Append("/full/file", "x"));
  EXPECT_IO_OK(disk.Rename("/file", "/old"));
  EXPECT_EQ(disk.Read("/old"), "new");
  EXPECT_IO_FAILS(disk.Rename("/dir", "/full"));
  EXPECT_IO_FAILS(disk.Rename("/dir", "/old"));
  EXPECT_IO_FAILS(disk.Rename("/old", "/dir"));
  EXPECT_IO_FAILS(disk.Rename("/dir", "/dir/below"));
  EXPECT_IO_FAILS(disk.Rename("/missing", "/other"));
  EXPECT_IO_OK(disk.Rename("/full", "/empty"));
  EXPECT_EQ(disk.Read("/empty/file"), "x");
  EXPECT_THAT(*disk.fs.ListDirectory("/"), ElementsAre("dir", "empty", "old"));
}

TEST(SimFileSystem, RenameBetweenTwoNamesOfOneInodeChangesNothing) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/one", "content"));
  ASSERT_IO_OK(disk.Link("/one", "/two"));
  const uint64_t mutations = disk.fs.mutation_count();
  EXPECT_IO_OK(disk.Rename("/one", "/two"));
  EXPECT_TRUE(disk.fs.Exists("/one"));
  EXPECT_EQ(disk.fs.mutation_count(), mutations);
}

TEST(SimFileSystem, NamesThatCannotBeMadeOrRemovedAreRefused) {
  Disk disk;
  ASSERT_IO_OK(disk.MakeDirectory("/dir"));
  ASSERT_IO_OK(disk.Append("/dir/file", "x"));
  EXPECT_IO_FAILS(disk.MakeDirectory("/dir"));
  EXPECT_IO_FAILS(disk.MakeDirectory("/missing/dir"));
  EXPECT_IO_FAILS(disk.Create("/missing/file"));
  EXPECT_IO_FAILS(disk.Create("/dir/file/below"));
  EXPECT_IO_FAILS(disk.RemoveDirectory("/dir"));
  EXPECT_IO_FAILS(disk.RemoveDirectory("/dir/file"));
  EXPECT_IO_FAILS(disk.Unlink("/dir"));
  EXPECT_IO_FAILS(disk.Link("/dir", "/other"));
  EXPECT_IO_FAILS(disk.Link("/missing", "/other"));
  EXPECT_IO_FAILS(disk.Link("/dir/file", "/dir/file"));
  EXPECT_TRUE(disk.Create("/dir/OPTIONS-000007.dbtmp").IsNotSupported());
}

TEST(SimFileSystem, AnOpenFileOutlivesItsLastName) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/file", "content"));
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  ASSERT_IO_OK(disk.fs.NewRandomAccessFile("/file", {}, &file, nullptr));
  ASSERT_IO_OK(disk.Unlink("/file"));
  rocksdb::Slice result;
  std::array<char, 16> scratch;
  ASSERT_IO_OK(file->Read(3, 16, {}, &result, scratch.data(), nullptr));
  EXPECT_EQ(result.ToString(), "tent");
}

TEST(SimFileSystem, ContentHashFollowsTheContent) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/file", "one"));
  ASSERT_IO_OK(disk.Append("/same", "one"));
  const auto before = *disk.fs.Stat("/file");
  EXPECT_EQ(before.content_hash, disk.fs.Stat("/same")->content_hash);
  ASSERT_TRUE(disk.fs.FlipBits("/file", 1, 0x40).ok());
  const auto after = *disk.fs.Stat("/file");
  EXPECT_NE(before.content_hash, after.content_hash);
  EXPECT_NE(before.version, after.version);
  EXPECT_FALSE(disk.fs.FlipBits("/file", 3, 1).ok());
  EXPECT_EQ(disk.fs.TotalBytes(), 6u);
}

// --- Death of the process
// ------------------------------------------------------------------------------------------------

TEST(SimFileSystem, DeathOfTheProcessKeepsWhatWasWrittenAndReleasesLocks) {
  Disk disk;
  ASSERT_IO_OK(disk.Append("/file", "unsynced"));
  rocksdb::FileLock* lock = nullptr;
  ASSERT_IO_OK(disk.fs.LockFile("/LOCK", {}, &lock, nullptr));
  rocksdb::FileLock* second = nullptr;
  EXPECT_IO_FAILS(disk.fs.LockFile("/LOCK", {}, &second, nullptr));
  disk.fs.KillHandles();
  disk.fs.Restart();
  EXPECT_EQ(disk.Read("/file"), "unsynced");
  ASSERT_IO_OK(disk.fs.LockFile("/LOCK", {}, &second, nullptr));
  EXPECT_IO_FAILS(disk.fs.UnlockFile(lock, {}, nullptr));
  EXPECT_IO_FAILS(disk.fs.LockFile("/LOCK", {}, &lock, nullptr))
      << "the dead holder's unlock released the new one's lock";
  EXPECT_IO_OK(disk.fs.UnlockFile(second, {}, nullptr));
}

TEST(SimFileSystem, HandlesAndCallsOfADeadIncarnationFailWithoutEffect) {
  Disk disk;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  ASSERT_IO_OK(disk.fs.NewWritableFile("/file", {}, &file, nullptr));
  ASSERT_IO_OK(file->Append("kept", {}, nullptr));
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_IO_OK(disk.fs.NewDirectory("/", {}, &directory, nullptr));
  std::unique_ptr<rocksdb::FSSequentialFile> reader;
  ASSERT_IO_OK(disk.fs.NewSequentialFile("/file", {}, &reader, nullptr));
  disk.fs.KillHandles();
  const uint64_t state = disk.fs.StateHash();
  EXPECT_IO_FAILS(disk.Append("/file", "x"));
  EXPECT_IO_FAILS(disk.Unlink("/file"));
  EXPECT_IO_FAILS(disk.Rename("/file", "/other"));
  EXPECT_IO_FAILS(disk.Link("/file", "/other"));
  EXPECT_IO_FAILS(disk.MakeDirectory("/dir"));
  EXPECT_IO_FAILS(disk.fs.FileExists("/file", {}, nullptr));
  disk.fs.Restart();
  std::array<char, 8> scratch;
  rocksdb::Slice result;
  EXPECT_IO_FAILS(file->Append("x", {}, nullptr));
  EXPECT_IO_FAILS(file->Sync({}, nullptr));
  EXPECT_IO_FAILS(directory->Fsync({}, nullptr));
  EXPECT_IO_FAILS(reader->Read(8, {}, &result, scratch.data(), nullptr));
  EXPECT_EQ(disk.fs.StateHash(), state);
  EXPECT_EQ(disk.Read("/file"), "kept");
}

// --- Loss of power
// -------------------------------------------------------------------------------------------------------

TEST(SimFileSystem, AnUnsyncedTailMeetsEveryFateInSomeSeedAndSyncedBytesNone) {
  const std::string synced = "synced";
  const std::string tail(2000, 't');
  std::set<std::string> fates;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Disk disk;
    ASSERT_IO_OK(disk.Append("/file", synced, /*sync=*/true));
    ASSERT_IO_OK(disk.SyncDirectory("/"));
    ASSERT_IO_OK(disk.Append("/file", tail));
    disk.LosePowerAndRestart(seed);
    const std::string left = disk.Read("/file");
    ASSERT_EQ(left.substr(0, synced.size()), synced);
    const std::string rest = left.substr(synced.size());
    ASSERT_LE(rest.size(), tail.size());
    const size_t good = std::min(rest.find_first_not_of('t'), rest.size());
    if (rest.empty()) fates.insert("lost");
    if (rest == tail) fates.insert("kept");
    if (!rest.empty() && good == rest.size() && rest.size() < tail.size()) fates.insert("short");
    const std::string bad = rest.substr(good);
    if (!bad.empty() && bad.find_first_not_of('\0') == std::string::npos) fates.insert("zeros");
    if (bad.find_first_not_of(std::string("t\0", 2)) != std::string::npos) fates.insert("garbage");
    if (bad.find('t') != std::string::npos && bad.find('\0') != std::string::npos) fates.insert("holes");
    ASSERT_TRUE(disk.fs.Stat("/file")->durable);
  }
  EXPECT_THAT(fates, ElementsAre("garbage", "holes", "kept", "lost", "short", "zeros"));
}

TEST(SimFileSystem, AnOverwrittenSyncedFileComesBackOldOrNewInEachSector) {
  const std::string old_content(2048, 'o');
  bool saw_old = false;
  bool saw_new = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Disk disk;
    ASSERT_IO_OK(disk.Append("/file", old_content, /*sync=*/true));
    ASSERT_IO_OK(disk.SyncDirectory("/"));
    ASSERT_IO_OK(disk.WriteAt("/file", 512, std::string(512, 'n')));
    disk.LosePowerAndRestart(seed);
    const std::string left = disk.Read("/file");
    ASSERT_EQ(left.size(), old_content.size());
    ASSERT_EQ(left.substr(0, 512), old_content.substr(0, 512));
    ASSERT_EQ(left.substr(1024), old_content.substr(1024));
    ASSERT_EQ(left.substr(512, 512).find_first_not_of("on"), std::string::npos);
    saw_old = saw_old || left == old_content;
    saw_new = saw_new || left[512] == 'n';
  }
  EXPECT_TRUE(saw_old);
  EXPECT_TRUE(saw_new);
}

TEST(SimFileSystem, ATruncationIsUndoneInSomeSeedsUntilItIsSynced) {
  std::set<std::string> unsynced;
  std::set<std::string> synced;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const bool sync : {false, true}) {
      Disk disk;
      ASSERT_IO_OK(disk.Append("/file", "content", /*sync=*/true));
      ASSERT_IO_OK(disk.SyncDirectory("/"));
      ASSERT_IO_OK(disk.fs.Truncate("/file", 3, {}, nullptr));
      if (sync) ASSERT_IO_OK(disk.SyncFile("/file"));
      disk.LosePowerAndRestart(seed);
      (sync ? synced : unsynced).insert(disk.Read("/file"));
    }
  }
  EXPECT_THAT(unsynced, ElementsAre("con", "content"));
  EXPECT_THAT(synced, ElementsAre("con"));
}

// What is left of the names below "/" over all seeds, each as a joined list.
template <typename Prepare>
std::set<std::string> Survivors(const Prepare& prepare, const std::string& directory = "/") {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Disk disk;
    prepare(disk);
    disk.LosePowerAndRestart(seed);
    std::string names;
    const auto list = disk.fs.ListDirectory(directory);
    if (!list.ok()) names = "(gone)";
    if (list.ok()) {
      for (const std::string& name : *list) names += name + " ";
    }
    outcomes.insert(names);
  }
  return outcomes;
}

TEST(SimFileSystem, AnUnsyncedNameMayGoAndAnUnsyncedUnlinkMayComeBack) {
  EXPECT_THAT(Survivors([](Disk& disk) { EXPECT_IO_OK(disk.Append("/file", "x", true)); }), ElementsAre("", "file "));
  const auto unlink = [](Disk& disk) {
    EXPECT_IO_OK(disk.Append("/file", "x", true));
    EXPECT_IO_OK(disk.SyncDirectory("/"));
    EXPECT_IO_OK(disk.Unlink("/file"));
  };
  EXPECT_THAT(Survivors(unlink), ElementsAre("", "file "));
  EXPECT_THAT(Survivors([&](Disk& disk) {
                unlink(disk);
                EXPECT_IO_OK(disk.SyncDirectory("/"));
              }),
              ElementsAre(""));
}

TEST(SimFileSystem, IndependentUnsyncedNamesSurviveInAnyCombination) {
  EXPECT_THAT(Survivors([](Disk& disk) {
                EXPECT_IO_OK(disk.Create("/a"));
                EXPECT_IO_OK(disk.Create("/b"));
              }),
              ElementsAre("", "a ", "a b ", "b "));
}

TEST(SimFileSystem, RenameIsNeverTorn) {
  EXPECT_THAT(Survivors([](Disk& disk) {
                EXPECT_IO_OK(disk.Append("/a", "x", true));
                EXPECT_IO_OK(disk.SyncDirectory("/"));
                EXPECT_IO_OK(disk.Rename("/a", "/b"));
              }),
              ElementsAre("a ", "b "));
}

TEST(SimFileSystem, ARenameStandsOnWhatWasAddedToItsDirectoryBefore) {
  // How RocksDB switches CURRENT to a new MANIFEST, whose name it never fsyncs by itself.
  EXPECT_THAT(Survivors([](Disk& disk) {
                EXPECT_IO_OK(disk.Append("/CURRENT", "old", true));
                EXPECT_IO_OK(disk.SyncDirectory("/"));
                EXPECT_IO_OK(disk.Append("/new", "x", true));
                EXPECT_IO_OK(disk.Append("/tmp", "new", true));
                EXPECT_IO_OK(disk.Rename("/tmp", "/CURRENT"));
                EXPECT_IO_OK(disk.Unlink("/CURRENT"));
              }),
              ElementsAre("CURRENT ", "CURRENT new ", "CURRENT new tmp ", "CURRENT tmp ", "new "));
}

TEST(SimFileSystem, OfAManifestOnlyAPrefixOfTheTailSurvives) {
  const std::string tail(2000, 't');
  std::set<bool> whole;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Disk disk;
    ASSERT_IO_OK(disk.Append("/MANIFEST-000001", tail));
    ASSERT_IO_OK(disk.SyncDirectory("/"));
    disk.LosePowerAndRestart(seed);
    const std::string left = disk.Read("/MANIFEST-000001");
    ASSERT_EQ(left, tail.substr(0, left.size()));
    whole.insert(left == tail);
  }
  EXPECT_EQ(whole.size(), 2u);
}

TEST(SimFileSystem, ANewDirectoryNeedsItsParentsFsync) {
  const auto prepare = [](Disk& disk) {
    EXPECT_IO_OK(disk.MakeDirectory("/dir"));
    EXPECT_IO_OK(disk.Append("/dir/file", "x", true));
    EXPECT_IO_OK(disk.SyncDirectory("/dir"));
  };
  EXPECT_THAT(Survivors(prepare, "/dir"), ElementsAre("(gone)", "file "));
  EXPECT_THAT(Survivors(
                  [&](Disk& disk) {
                    prepare(disk);
                    EXPECT_IO_OK(disk.SyncDirectory("/"));
                  },
                  "/dir"),
              ElementsAre("file "));
}

TEST(SimFileSystem, ADirectoryGoesOnlyWithTheRemovalOfAllThatWasInIt) {
  const auto outcomes = Survivors(
      [](Disk& disk) {
        EXPECT_IO_OK(disk.MakeDirectory("/dir"));
        EXPECT_IO_OK(disk.Create("/dir/file"));
        EXPECT_IO_OK(disk.SyncDirectory("/dir"));
        EXPECT_IO_OK(disk.SyncDirectory("/"));
        EXPECT_IO_OK(disk.Unlink("/dir/file"));
        EXPECT_IO_OK(disk.RemoveDirectory("/dir"));
      },
      "/dir");
  EXPECT_THAT(outcomes, ElementsAre("", "(gone)", "file "));
}

TEST(SimFileSystem, AFileRenamedIntoANewDirectoryIsNeverLost) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const bool sync : {false, true}) {
      Disk disk;
      ASSERT_IO_OK(disk.Append("/file", "x", true));
      ASSERT_IO_OK(disk.SyncDirectory("/"));
      ASSERT_IO_OK(disk.MakeDirectory("/outer"));
      ASSERT_IO_OK(disk.MakeDirectory("/outer/inner"));
      ASSERT_IO_OK(disk.Rename("/file", "/outer/inner/file"));
      if (sync) ASSERT_IO_OK(disk.SyncDirectory("/outer/inner"));
      disk.LosePowerAndRestart(seed);
      ASSERT_NE(disk.fs.Exists("/file"), disk.fs.Exists("/outer/inner/file"));
      if (sync) {
        ASSERT_TRUE(disk.fs.Exists("/outer/inner/file"));
      }
    }
  }
}

TEST(SimFileSystem, AnInstalledDirectoryIsThereAfterTheFsyncOfItsParent) {
  EXPECT_THAT(Survivors(
                  [](Disk& disk) {
                    EXPECT_IO_OK(disk.MakeDirectory("/new.tmp"));
                    EXPECT_IO_OK(disk.Append("/new.tmp/file", "x", true));
                    EXPECT_IO_OK(disk.SyncDirectory("/new.tmp"));
                    EXPECT_IO_OK(disk.Rename("/new.tmp", "/new"));
                    EXPECT_IO_OK(disk.SyncDirectory("/"));
                  },
                  "/new"),
              ElementsAre("file "));
}

TEST(SimFileSystem, AfterAFailedFsyncTheBytesMayBeLostThoughTheNextSucceeds) {
  struct FailFirstSync : MutationObserver {
    MutationVerdict OnMutation(const Mutation& mutation) override {
      const bool fail = mutation.kind == MutationKind::kSync && !std::exchange(failed, true);
      return {.action = fail ? MutationVerdict::Action::kIOError : MutationVerdict::Action::kProceed,
              .bytes_written = 0};
    }
    bool failed = false;
  };
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Disk disk;
    FailFirstSync observer;
    disk.fs.SetObserver(&observer);
    ASSERT_IO_OK(disk.Append("/file", "a"));
    EXPECT_IO_FAILS(disk.SyncFile("/file"));
    ASSERT_IO_OK(disk.Append("/file", "b", /*sync=*/true));
    ASSERT_IO_OK(disk.SyncDirectory("/"));
    EXPECT_EQ(disk.Read("/file"), "ab");
    disk.LosePowerAndRestart(seed);
    const std::string left = disk.Read("/file");
    ASSERT_EQ(left.size(), 2u);
    ASSERT_EQ(left[1], 'b') << "bytes dirtied after the failed fsync are safe";
    outcomes.insert(left[0] == 'a' ? "kept" : "lost");
  }
  EXPECT_THAT(outcomes, ElementsAre("kept", "lost"));
}

// --- The hook
// ------------------------------------------------------------------------------------------------------------

TEST(SimFileSystem, AShortWriteLeavesAPrefixAndAFullDiskNothing) {
  struct Scripted : MutationObserver {
    MutationVerdict OnMutation(const Mutation& mutation) override {
      return mutation.kind == MutationKind::kAppend ? verdict : MutationVerdict();
    }
    MutationVerdict verdict;
  };
  Disk disk;
  Scripted observer;
  disk.fs.SetObserver(&observer);
  observer.verdict = {.action = MutationVerdict::Action::kShortWrite, .bytes_written = 3};
  EXPECT_IO_FAILS(disk.Append("/file", "content"));
  EXPECT_EQ(disk.Read("/file"), "con");
  observer.verdict = {.action = MutationVerdict::Action::kNoSpace, .bytes_written = 0};
  EXPECT_EQ(disk.Append("/file", "content").subcode(), IOStatus::SubCode::kNoSpace);
  EXPECT_EQ(disk.Read("/file"), "con");
}

// Does one of everything that mutates.
void Exercise(Disk& disk) {
  disk.MakeDirectory("/dir").PermitUncheckedError();
  disk.SyncDirectory("/").PermitUncheckedError();
  disk.Append("/dir/a", "aaaa", true).PermitUncheckedError();
  disk.WriteAt("/dir/a", 1, "bb").PermitUncheckedError();
  disk.Link("/dir/a", "/dir/b").PermitUncheckedError();
  disk.Rename("/dir/b", "/dir/c").PermitUncheckedError();
  disk.fs.Truncate("/dir/c", 2, {}, nullptr).PermitUncheckedError();
  disk.SyncDirectory("/dir").PermitUncheckedError();
  disk.Unlink("/dir/a").PermitUncheckedError();
  disk.Unlink("/dir/c").PermitUncheckedError();
  disk.RemoveDirectory("/dir").PermitUncheckedError();
}

TEST(SimFileSystem, ACrashInsideTheHookLeavesTheMutationAndAllAfterItWithoutEffect) {
  struct Killer : MutationObserver {
    MutationVerdict OnMutation(const Mutation& mutation) override {
      EXPECT_EQ(mutation.count, states.size() + 1);
      kinds.insert(mutation.kind);
      states.push_back(fs->StateHash());
      if (mutation.count == kill_at) fs->KillHandles();
      return {};
    }
    SimFileSystem* fs = nullptr;
    uint64_t kill_at = 0;
    std::vector<uint64_t> states;
    std::set<MutationKind> kinds;
  };
  Disk whole;
  Killer counter;
  counter.fs = &whole.fs;
  whole.fs.SetObserver(&counter);
  Exercise(whole);
  const uint64_t mutations = whole.fs.mutation_count();
  EXPECT_EQ(counter.kinds.size(), 11u) << "one of each kind";
  for (uint64_t kill_at = 1; kill_at <= mutations; ++kill_at) {
    Disk disk;
    Killer killer;
    killer.fs = &disk.fs;
    killer.kill_at = kill_at;
    disk.fs.SetObserver(&killer);
    Exercise(disk);
    EXPECT_EQ(disk.fs.mutation_count(), kill_at);
    disk.fs.Restart();
    // An inode number is drawn when a creation is prepared; nothing else may differ from the moment before the crash.
    EXPECT_EQ(disk.fs.StateHash(), counter.states[kill_at - 1]);
  }
}

TEST(SimFileSystem, TheReadOnlyViewReadsADeadMachineAndRefusesToWrite) {
  Disk disk;
  ASSERT_IO_OK(disk.MakeDirectory("/dir"));
  ASSERT_IO_OK(disk.Append("/dir/file", "content"));
  const auto view = disk.fs.NewReadOnlyView();
  disk.fs.KillHandles();
  const uint64_t state = disk.fs.StateHash();
  uint64_t size = 0;
  EXPECT_IO_OK(view->GetFileSize("/dir/file", {}, &size, nullptr));
  EXPECT_EQ(size, 7u);
  std::vector<std::string> names;
  EXPECT_IO_OK(view->GetChildren("/dir", {}, &names, nullptr));
  EXPECT_THAT(names, ElementsAre("file"));
  std::unique_ptr<rocksdb::FSWritableFile> file;
  EXPECT_TRUE(view->NewWritableFile("/dir/file", {}, &file, nullptr).IsNotSupported());
  EXPECT_TRUE(view->ReopenWritableFile("/dir/file", {}, &file, nullptr).IsNotSupported());
  EXPECT_TRUE(view->DeleteFile("/dir/file", {}, nullptr).IsNotSupported());
  EXPECT_TRUE(view->RenameFile("/dir/file", "/x", {}, nullptr).IsNotSupported());
  EXPECT_TRUE(view->LinkFile("/dir/file", "/x", {}, nullptr).IsNotSupported());
  EXPECT_TRUE(view->Truncate("/dir/file", 0, {}, nullptr).IsNotSupported());
  EXPECT_TRUE(view->CreateDir("/x", {}, nullptr).IsNotSupported());
  EXPECT_TRUE(view->DeleteDir("/dir", {}, nullptr).IsNotSupported());
  EXPECT_EQ(disk.fs.StateHash(), state);
}

}  // namespace
}  // namespace holdfast::sim
