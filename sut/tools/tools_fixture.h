// For tests of the tools: a cluster made by sut-ctl in a directory that goes with the test, and the commands on it.

#ifndef SUT_TOOLS_TOOLS_FIXTURE_H_
#define SUT_TOOLS_TOOLS_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sut/server/client_id.h"
#include "sut/server/test_servers.h"
#include "sut/tablet/partition.h"

namespace sut {

inline constexpr int64_t kTimeoutUs = 30'000'000;
inline constexpr char kId[] = "[0-9a-f]{32}";

class ToolsTest : public ::testing::Test {
 protected:
  ~ToolsTest() override { Ctl({"destroy"}); }

  ProgramEnd Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {SUT_CTL_BINARY, "--data-dir", data_dir_, "--server-binary", SUT_SERVER_BINARY});
    return RunProgram(arguments);
  }
  ProgramEnd Admin(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SUT_ADMIN_BINARY, "--master_addresses", absl::StrJoin(addresses_, ",")});
    return RunProgram(arguments);
  }
  void Create() {
    const ProgramEnd end =
        Ctl({"create", "--rf", "1", "--port", absl::StrCat(port_), "--http-port", absl::StrCat(http_port_)});
    ASSERT_EQ(end.code, 0) << end.errors;
  }
  void CreateThreeNodes() {
    const int port = FreePorts(3);
    const ProgramEnd end =
        Ctl({"create", "--rf", "3", "--port", absl::StrCat(port), "--http-port", absl::StrCat(FreePorts(3))});
    ASSERT_EQ(end.code, 0) << end.errors;
    addresses_.clear();
    for (int i = 0; i < 3; ++i) addresses_.push_back(absl::StrCat("127.0.0.1:", port + i));
  }
  // With a replica of each tablet on nodes 1 to `nodes`.
  void CreateTable(uint64_t nodes = 1) {
    auto client = RemoteClient::Connect(addresses_, kTimeoutUs);
    ASSERT_TRUE(client.ok()) << client.status();
    proto::CatalogueCommand change;
    proto::TableInfo* table = change.mutable_create_table()->mutable_table();
    table->set_id(Bytes(RandomId<TableId>()));
    table->set_keyspace("ydb");
    table->set_name("test_tb");
    for (const HashRange range : {HashRange{0, 0x7fff}, HashRange{0x7fff, kHashSpace}}) {
      proto::TabletInfo* tablet = table->add_tablets();
      tablet->set_id(Bytes(RandomId<TabletId>()));
      tablet->set_hash_begin(range.begin);
      tablet->set_hash_end(range.end);
      for (uint64_t node = 1; node <= nodes; ++node) {
        proto::ReplicaInfo* replica = tablet->add_replicas();
        replica->set_node(static_cast<uint32_t>(node));
        replica->set_replica(node);
      }
    }
    ASSERT_TRUE((*client)->Change(change, kTimeoutUs).ok());
  }
  // What the command prints as soon as it prints `wanted`.
  std::string AwaitOutput(const std::vector<std::string>& arguments, const std::string& wanted) {
    std::string output;
    for (int attempt = 0; attempt < 100 && output.find(wanted) == std::string::npos; ++attempt) {
      output = Admin(arguments).output;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return output;
  }
  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }

  const TestDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/data";
  const int port_ = FreePorts(2);  // the next is a second node's
  const int http_port_ = FreePorts(2);
  std::vector<std::string> addresses_ = {Address()};
};

// The 32 digits before the line's end.
inline std::string IdAtEnd(const std::string& line) {
  return line.size() < 33 ? "" : line.substr(line.size() - 33, 32);
}

}  // namespace sut

#endif  // SUT_TOOLS_TOOLS_FIXTURE_H_
