// A table's way out of one cluster and into another, as an operator goes it: export, copy, import, place, restore; and
// sut-backup, which does it all. What is damaged, swapped, missing or foreign is refused with one line and changes
// nothing.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/client/routing_table.h"
#include "sut/server/client_id.h"
#include "sut/server/test_servers.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/layout.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr int64_t kTimeoutUs = 30'000'000;
constexpr char kId[] = "[0-9a-f]{32}";
constexpr int kRows = 40;

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_free;
}

// The first of three ports in a row, all free just now.
int FreePorts() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int port = FreePort();
    if (port < 65'000 && IsFree(port + 1) && IsFree(port + 2)) return port;
  }
  ADD_FAILURE() << "no three free ports in a row";
  return 0;
}

class ExportTest : public ::testing::Test {
 protected:
  ~ExportTest() override { Ctl({"destroy"}); }

  ProgramEnd Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {SUT_CTL_BINARY, "--data-dir", data_dir_, "--server-binary", SUT_SERVER_BINARY});
    return RunProgram(arguments);
  }
  ProgramEnd Admin(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SUT_ADMIN_BINARY, "--master_addresses", Address()});
    return RunProgram(arguments);
  }
  ProgramEnd BackupTool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SUT_BACKUP_BINARY, "--data-dir", data_dir_});
    return RunProgram(arguments);
  }
  // What a command says that can't be done.
  std::string Refusal(const std::vector<std::string>& arguments) {
    const ProgramEnd end = Admin(arguments);
    EXPECT_EQ(end.code, 1);
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
    return end.errors;
  }
  void Create(int nodes) {
    client_.reset();
    const ProgramEnd end = Ctl({"create", "--rf", absl::StrCat(nodes), "--port", absl::StrCat(port_), "--http-port",
                                absl::StrCat(http_port_)});
    ASSERT_EQ(end.code, 0) << end.errors;
    auto client = RemoteClient::Connect({Address()}, kTimeoutUs);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  void CreateAFreshCluster(int nodes) {
    client_.reset();
    ASSERT_EQ(Ctl({"destroy"}).code, 0);
    Create(nodes);
  }

  // Table "test_tb" with two tablets, on all nodes.
  void CreateTable() {
    proto::CatalogueCommand change;
    proto::TableInfo* table = change.mutable_create_table()->mutable_table();
    table->set_id(Bytes(RandomId<TableId>()));
    table->set_keyspace("ydb");
    table->set_name("test_tb");
    table->set_schema("columns");
    for (const HashRange range : {HashRange{0, 0x7fff}, HashRange{0x7fff, kHashSpace}}) {
      proto::TabletInfo* tablet = table->add_tablets();
      tablet->set_id(Bytes(RandomId<TabletId>()));
      tablet->set_hash_begin(range.begin);
      tablet->set_hash_end(range.end);
      for (const auto& [node, address] : client_->addresses()) {
        tablet->add_replicas()->set_node(node.value);
        tablet->mutable_replicas()->rbegin()->set_replica(node.value);
      }
    }
    ASSERT_TRUE(client_->Change(change, kTimeoutUs).ok());
  }
  absl::StatusOr<proto::TableInfo> Table(const std::string& name) {
    auto list = client_->ListTables(kTimeoutUs);
    if (!list.ok()) return list.status();
    for (const auto& table : list->tables()) {
      if (table.name() == name) return table;
    }
    return absl::NotFoundError(name);
  }
  CallResult Ask(const std::string& table_name, const std::string& key, proto::Request request) {
    const auto table = Table(table_name);
    EXPECT_TRUE(table.ok()) << table.status();
    proto::Reply::TableList list;
    *list.add_tables() = *table;
    const auto routes = RoutingTable::FromTableList(list);
    EXPECT_TRUE(routes.ok()) << routes.status();
    return client_->Call(*routes->Route(*IdFromBytes<TableId>(table->id()), key), std::move(request), kTimeoutUs);
  }
  void PutRows(const std::string& value) {
    for (int i = 0; i < kRows; ++i) {
      const std::string key = absl::StrCat("row", i);
      proto::Request request;
      auto* put = request.mutable_write()->add_mutations();
      put->set_key(key);
      put->set_value(value);
      ASSERT_EQ(Ask("test_tb", key, request).outcome, Outcome::kOk);
    }
  }
  // Each value that a row has, with how many have it; "" for rows that are not there.
  std::map<std::string, int> Values(const std::string& table) {
    std::map<std::string, int> values;
    for (int i = 0; i < kRows; ++i) {
      const std::string key = absl::StrCat("row", i);
      proto::Request request;
      request.mutable_get()->set_key(key);
      const CallResult result = Ask(table, key, request);
      EXPECT_EQ(result.outcome, Outcome::kOk) << result.reply.message();
      ++values[result.reply.get().value()];
    }
    return values;
  }
  std::string AwaitOutput(const std::vector<std::string>& arguments, const std::string& wanted) {
    std::string output;
    for (int attempt = 0; attempt < 300 && output.find(wanted) == std::string::npos; ++attempt) {
      output = Admin(arguments).output;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_THAT(output, HasSubstr(wanted));
    return output;
  }
  std::string Snapshot() {
    const std::string created = Admin({"create_snapshot", "ydb", "test_tb"}).output;
    const std::string id = created.size() > 33 ? created.substr(created.size() - 33, 32) : "";
    AwaitOutput({"list_snapshots"}, id + " \tCOMPLETE");
    return id;
  }
  std::string SnapshotDirectory(uint32_t node, const std::string& table, const std::string& tablet,
                                const std::string& snapshot) {
    return absl::StrCat(data_dir_, "/node-", node, "/disk-1/yb-data/tserver/data/rocksdb/table-", table, "/tablet-",
                        tablet, ".snapshots/", snapshot);
  }
  // As the operator's script: each tablet's directory from its leader.
  void CopyFromLeaders(const std::string& snapshot) {
    const auto table = Table("test_tb");
    ASSERT_TRUE(table.ok()) << table.status();
    const auto view = client_->View(kTimeoutUs);
    ASSERT_TRUE(view.ok()) << view.status();
    for (const auto& tablet : table->tablets()) {
      const std::string id = Hex(*IdFromBytes<TabletId>(tablet.id()));
      const auto leader = view->Leader(tablet.id());
      ASSERT_TRUE(leader.has_value());
      fs::copy(SnapshotDirectory(leader->value, Hex(*IdFromBytes<TableId>(table->id())), id, snapshot),
               backup_ + "/" + id);
    }
  }
  struct Mapping {
    std::string table, snapshot;
    std::vector<std::pair<std::string, std::string>> tablets;  // old and new
  };
  static Mapping ParseMapping(const std::string& output) {
    Mapping mapping;
    const std::vector<std::string> lines = absl::StrSplit(output, '\n');
    for (const std::string& line : lines) {
      const std::vector<std::string> columns = absl::StrSplit(line, " \t");
      if (columns.size() != 3) continue;
      if (line.starts_with("Tablet ")) mapping.tablets.emplace_back(columns[1], columns[2]);
      if (line.starts_with("Table ")) mapping.table = columns[2];
      if (line.starts_with("Snapshot ")) mapping.snapshot = columns[2];
    }
    EXPECT_EQ(mapping.tablets.size(), 2u) << output;
    return mapping;
  }
  std::string Place(uint32_t node, const Mapping& to, size_t from_tablet, size_t to_tablet) {
    const std::string place = SnapshotDirectory(node, to.table, to.tablets[to_tablet].second, to.snapshot);
    fs::remove_all(place);
    fs::create_directories(place);
    fs::copy(backup_ + "/" + to.tablets[from_tablet].first, place);
    return place;
  }
  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }

  const TestDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/data";
  const std::string backup_ = directory_.path() + "/backup";
  const std::string file_ = directory_.path() + "/test_tb.snapshot";
  const int port_ = FreePorts();
  const int http_port_ = FreePorts();
  std::unique_ptr<RemoteClient> client_;
};

void FlipByte(const fs::path& file) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(20);
  const char byte = static_cast<char>(bytes.get());
  bytes.seekp(20);
  bytes.put(static_cast<char>(byte ^ 1));
}

fs::path TableFileIn(const std::string& directory) {
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().extension() == ".sst") return file.path();
  }
  ADD_FAILURE() << "no table file in " << directory;
  return {};
}

TEST_F(ExportTest, ATableComesBackInAFreshClusterOnceEveryReplicaHasItsDirectories) {
  Create(1);
  CreateTable();
  PutRows("old");
  const std::string snapshot = Snapshot();
  EXPECT_EQ(Admin({"export_snapshot", snapshot, file_}).output,
            "Exporting snapshot " + snapshot + " (COMPLETE) to file " + file_ +
                "\nSnapshot meta data was saved into file: " + file_ + "\n");
  fs::create_directories(backup_);
  CopyFromLeaders(snapshot);
  CreateAFreshCluster(3);

  const std::string output = Admin({"import_snapshot", file_, "ydb", "test_tb"}).output;
  const std::string id(kId), wide(32, ' ');
  EXPECT_THAT(output,
              MatchesRegex("Read snapshot meta file " + file_ + "\nImporting snapshot " + snapshot +
                           " \\(COMPLETE\\)\nTarget imported table name: ydb.test_tb\n"
                           "Table being imported: ydb.test_tb\nSuccessfully applied snapshot.\n"
                           "Object           \tOld ID                           \tNew ID                          \n"
                           "Keyspace         \t" +
                           id + " \t" + id + "\nTable            \t" + id + " \t" + id + "\nTablet 0         \t" + id +
                           " \t" + id + "\nTablet 1         \t" + id + " \t" + id + "\nSnapshot         \t" + snapshot +
                           " \t" + id + "\n"));
  const Mapping mapping = ParseMapping(output);
  EXPECT_EQ(Table("test_tb")->schema(), "columns");
  EXPECT_THAT(Admin({"list_snapshots"}).output, HasSubstr(mapping.snapshot + " \tCOMPLETE\n"));
  EXPECT_THAT(Refusal({"export_snapshot", mapping.snapshot, file_ + "2"}), HasSubstr("never restored"));

  // Each in turn, and each seen: nothing placed, one replica left out, two swapped, a damaged file.
  const std::vector<std::string> restore = {"restore_snapshot", mapping.snapshot};
  EXPECT_THAT(Refusal(restore), MatchesRegex("Error running restore_snapshot: Illegal state: Cannot restore snapshot, "
                                             "node [123]: tablet-" +
                                             id + ".snapshots/" + mapping.snapshot + " is not there\n"));
  for (uint32_t node = 1; node <= 3; ++node) {
    for (size_t i = 0; i < 2; ++i) Place(node, mapping, i, i);
  }
  fs::remove_all(SnapshotDirectory(3, mapping.table, mapping.tablets[1].second, mapping.snapshot));
  EXPECT_THAT(Refusal(restore), HasSubstr("node 3: tablet-" + mapping.tablets[1].second));
  Place(3, mapping, 0, 1);
  EXPECT_THAT(Refusal(restore), HasSubstr("it is of tablet " + mapping.tablets[0].first));
  FlipByte(TableFileIn(Place(3, mapping, 1, 1)));
  EXPECT_THAT(Refusal(restore), HasSubstr("files, sizes or checksums differ from the metadata"));
  EXPECT_EQ(Admin({"list_snapshot_restorations"}).output, "No snapshot restorations\n");
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"", kRows}}));

  Place(3, mapping, 1, 1);
  EXPECT_EQ(Admin(restore).output, "Started restoring snapshot: " + mapping.snapshot + "\n");
  AwaitOutput({"list_snapshot_restorations"}, " \tRESTORED\n");
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"old", kRows}}));
  EXPECT_EQ(Admin({"delete_snapshot", mapping.snapshot}).code, 0);
  EXPECT_EQ(AwaitOutput({"list_snapshots"}, "No snapshots"), "No snapshots\n");
}

// Replicas have different files of the same rows; the export tells the rows.
TEST_F(ExportTest, LeadersMayMoveBetweenExportAndCopyAndTheTableBeDropped) {
  Create(3);
  CreateTable();
  PutRows("old");
  const std::string snapshot = Snapshot();
  ASSERT_EQ(Admin({"export_snapshot", snapshot, file_}).code, 0);
  const auto table = Table("test_tb");
  ASSERT_TRUE(table.ok()) << table.status();
  for (const auto& tablet : table->tablets()) {
    const ProgramEnd moved = Admin({"leader_stepdown", Hex(*IdFromBytes<TabletId>(tablet.id()))});
    EXPECT_EQ(moved.code, 0) << moved.errors;
  }
  fs::create_directories(backup_);
  CopyFromLeaders(snapshot);
  proto::CatalogueCommand drop;
  drop.mutable_drop_table()->set_table(table->id());
  ASSERT_TRUE(client_->Change(drop, kTimeoutUs).ok());
  EXPECT_THAT(Refusal({"restore_snapshot", snapshot}), HasSubstr("of the snapshot was dropped"));

  // The snapshot of the dropped table is still there to be exported, until it is deleted.
  EXPECT_EQ(Admin({"export_snapshot", snapshot, file_}).code, 0);
  const Mapping mapping = ParseMapping(Admin({"import_snapshot", file_}).output);
  for (uint32_t node = 1; node <= 3; ++node) {
    for (size_t i = 0; i < 2; ++i) Place(node, mapping, i, i);
  }
  const ProgramEnd restored = Admin({"restore_snapshot", mapping.snapshot});
  EXPECT_EQ(restored.code, 0) << restored.errors;
  AwaitOutput({"list_snapshot_restorations"}, " \tRESTORED\n");
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"old", kRows}}));
}

TEST_F(ExportTest, ADamagedForeignOrFutureFileIsRefusedAndChangesNothing) {
  Create(1);
  CreateTable();
  PutRows("old");
  const std::string snapshot = Snapshot();
  ASSERT_EQ(Admin({"export_snapshot", snapshot, file_}).code, 0);
  const std::string before = Admin({"list_snapshots", "SHOW_DELETED"}).output + Admin({"list_tables"}).output;
  std::string bytes;
  {
    std::ifstream in(file_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto refused = [this](const std::string& content) {
    std::ofstream(file_, std::ios::binary) << content;
    const ProgramEnd end = Admin({"import_snapshot", file_, "other", "table"});
    EXPECT_EQ(end.code, 1);
    EXPECT_THAT(end.output, IsEmpty());
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
    return end.errors;
  };
  EXPECT_THAT(refused(bytes.substr(0, bytes.size() / 2)), HasSubstr("truncated"));
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 4;
  EXPECT_THAT(refused(flipped), HasSubstr("its checksum is wrong"));
  EXPECT_THAT(refused("{\"snapshot\": 1}"), HasSubstr("it is not a snapshot file"));
  // Sound, and of a version to come.
  std::string later = bytes.substr(0, bytes.size() - 4);
  later[8] = 9;
  const uint32_t crc = Crc32c(later);
  for (int i = 0; i < 4; ++i) later.push_back(static_cast<char>(crc >> (8 * i)));
  EXPECT_THAT(refused(later), HasSubstr("format version 9, only version 1 is known"));
  EXPECT_THAT(Refusal({"import_snapshot", file_ + ".missing"}), HasSubstr("No such file"));
  EXPECT_THAT(Refusal({"export_snapshot", "../../etc", file_}), HasSubstr("Could not find snapshot: ../../etc"));
  EXPECT_THAT(Refusal({"export_snapshot", std::string(32, 'a'), file_}), HasSubstr("Could not find snapshot"));
  EXPECT_THAT(Refusal({"export_snapshot", snapshot, "/nowhere/at/all"}), HasSubstr("can't write"));
  EXPECT_EQ(Admin({"list_snapshots", "SHOW_DELETED"}).output + Admin({"list_tables"}).output, before);
}

TEST_F(ExportTest, ABackupIsRestoredIntoItsOwnTableADroppedOneAndAnotherOne) {
  Create(3);
  CreateTable();
  PutRows("old");
  const ProgramEnd made = BackupTool({"create", "ydb", "test_tb", "--to", backup_});
  ASSERT_EQ(made.code, 0) << made.errors;
  EXPECT_THAT(made.output, MatchesRegex("Created snapshot " + std::string(kId) + "\n(Copied tablet " + kId +
                                        " from node [123] \\(leader\\): .*rows, checksum [0-9a-f]{8}\n){2}"
                                        "Backup is complete: " +
                                        backup_ + "\n"));
  EXPECT_EQ(Admin({"list_snapshots"}).output, "No snapshots\n");
  EXPECT_THAT(BackupTool({"create", "ydb", "test_tb", "--to", backup_}).errors, HasSubstr("is there already"));
  PutRows("new");

  ProgramEnd end = BackupTool({"restore", backup_});
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_THAT(end.output, HasSubstr("Restored ydb.test_tb\n"));
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"old", kRows}}));

  PutRows("newer");
  end = BackupTool({"restore", backup_, "--as", "copies.test_tb2"});
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_EQ(Values("test_tb2"), (std::map<std::string, int>{{"old", kRows}}));
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"newer", kRows}}));

  const auto table = Table("test_tb");
  ASSERT_TRUE(table.ok());
  proto::CatalogueCommand drop;
  drop.mutable_drop_table()->set_table(table->id());
  ASSERT_TRUE(client_->Change(drop, kTimeoutUs).ok());
  EXPECT_EQ(Admin({"list_tables"}).output, "copies.test_tb2\n");
  end = BackupTool({"restore", backup_});
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_EQ(Values("test_tb"), (std::map<std::string, int>{{"old", kRows}}));
  EXPECT_EQ(Admin({"list_snapshots"}).output, "No snapshots\n");
  // The dropped table is gone from every disk in the end.
  const std::string dropped = "table-" + Hex(*IdFromBytes<TableId>(table->id()));
  for (uint32_t node = 1; node <= 3; ++node) {
    const fs::path path = fs::path(NodeLayout(data_dir_, NodeId{node}).root()) / "data/rocksdb" / dropped;
    for (int attempt = 0; attempt < 300 && fs::exists(path); ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_FALSE(fs::exists(path)) << path;
  }
}

TEST_F(ExportTest, ATableThatIsStillBeingCreatedIsWaitedFor) {
  Create(3);
  CreateTable();
  PutRows("old");
  ASSERT_EQ(Admin({"export_snapshot", Snapshot(), file_}).code, 0);
  CreateAFreshCluster(3);
  ASSERT_EQ(Ctl({"stop_node", "3"}).code, 0);
  CreateTable();
  const auto made = Table("test_tb");
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->state(), proto::TableInfo::CREATING);
  std::thread restart([this] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const ProgramEnd started = Ctl({"start_node", "3"});
    EXPECT_EQ(started.code, 0) << started.errors;
  });
  const ProgramEnd end = Admin({"import_snapshot", file_});
  restart.join();
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_THAT(end.output, HasSubstr("Successfully applied snapshot."));
}

TEST_F(ExportTest, ADamagedBackupIsRefusedAndLeavesNoTrace) {
  Create(1);
  CreateTable();
  PutRows("old");
  ASSERT_EQ(BackupTool({"create", "ydb", "test_tb", "--to", backup_ + "/"}).code, 0);
  const std::string before = Admin({"list_snapshots"}).output + Admin({"list_tables"}).output;
  const auto refused = [this] {
    const ProgramEnd end = BackupTool({"restore", backup_, "--as", "ydb.other"});
    EXPECT_EQ(end.code, 1);
    EXPECT_THAT(end.output, IsEmpty());
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
    return end.errors;
  };
  std::vector<fs::path> tablets;
  for (const auto& entry : fs::directory_iterator(backup_)) {
    if (entry.is_directory()) tablets.push_back(entry.path());
  }
  ASSERT_EQ(tablets.size(), 2u);
  fs::rename(tablets[0], backup_ + "/x");
  EXPECT_THAT(refused(), HasSubstr(tablets[0].string()));
  fs::rename(tablets[1], tablets[0]);
  fs::rename(backup_ + "/x", tablets[1]);  // the two are swapped
  EXPECT_THAT(refused(), HasSubstr("it is of tablet"));
  fs::rename(tablets[0], backup_ + "/x");
  fs::rename(tablets[1], tablets[0]);
  fs::rename(backup_ + "/x", tablets[1]);
  FlipByte(TableFileIn(tablets[1]));
  EXPECT_THAT(refused(), HasSubstr("checksums differ"));
  EXPECT_THAT(BackupTool({"restore", directory_.path() + "/none"}).errors, HasSubstr("No such file"));
  EXPECT_THAT(BackupTool({"create", "ydb", "nobody", "--to", backup_ + "2"}).errors, HasSubstr("not found"));
  EXPECT_FALSE(fs::exists(backup_ + "2"));
  EXPECT_EQ(Admin({"list_snapshots"}).output + Admin({"list_tables"}).output, before);
}

}  // namespace
}  // namespace sut
