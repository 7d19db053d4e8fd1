// Of a cluster of processes nothing is left: no process, no port, no directory. Not even a process or a port when the
// harness itself is killed.
//
// The harness is a child of the test, which itself starts no thread and no gRPC, so that it may fork.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "harness/process/process_cluster.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;
// For what must happen; a slow machine may take it.
constexpr auto kPatience = std::chrono::minutes(2);

std::vector<pid_t> ServersWith(const std::string& directory) {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::string command((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (command.find(directory) != std::string::npos) pids.push_back(pid);
  }
  return pids;
}

// The ports that the cluster's own files name: those of its proxies and of its servers.
std::set<uint16_t> PortsBelow(const std::string& directory) {
  std::set<uint16_t> ports;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".config") != std::string::npos) {
      std::ifstream file(entry.path());
      const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      const std::string host = "127.0.0.1:";
      for (size_t at = text.find(host); at != std::string::npos; at = text.find(host, at + 1)) {
        ports.insert(static_cast<uint16_t>(std::stoi(text.substr(at + host.size()))));
      }
    } else if (name.find(".ledger") != std::string::npos) {
      const absl::Status read = LedgerReader(entry.path()).ReadNew([&](const LedgerRecord& record) {
        if (record.has_serving()) ports.insert(static_cast<uint16_t>(record.serving().port()));
      });
      EXPECT_TRUE(read.ok()) << read;
    }
  }
  return ports;
}

bool SomebodyListensOn(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

struct Deaf : ClusterObserver {
  void OnRecovered(const check::ReplicaName&, check::LogPosition) override {}
  void OnBegun(const check::ReplicaName&, const check::LedgerEntry&) override {}
  void OnApplied(const check::ReplicaName&, const check::LedgerEntry&) override {}
  void OnInstalled(const check::ReplicaName&, check::LogPosition) override {}
  void OnProbe(uint32_t, sut::Probe, std::optional<uint32_t>) override {}
  void OnNodeDown(uint32_t, const std::string&) override {}
  void OnNodeUp(uint32_t) override {}
  void OnViolation(const check::Violation&) override {}
};

class OrphanTest : public ::testing::Test {
 protected:
  OrphanTest() : work_(*WorkDirectory::Create("")) {
    EXPECT_EQ(pipe(ready_), 0);
    EXPECT_EQ(pipe(go_), 0);
  }

  // A child that has a cluster running, and ends it in good order once it is told to.
  pid_t ForkHarness() {
    const pid_t harness = fork();
    if (harness != 0) {
      char good = 0;
      EXPECT_EQ(read(ready_[0], &good, 1), 1);
      EXPECT_EQ(good, 'y');
      return harness;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(RunHarness() ? 0 : 1);
  }
  bool RunHarness() {
    plan::Plan plan;
    plan.mutable_shape()->set_nodes(3);
    plan.mutable_shape()->set_replication_factor(3);
    plan.mutable_shape()->set_tables(1);
    plan.mutable_shape()->set_tablets_per_table(1);
    Deaf observer;
    auto cluster =
        ProcessCluster::Create(plan, {.server_binary = HOLDFAST_SERVER_BINARY, .work_dir = work_->path()}, &observer);
    const bool good = cluster.ok() && (*cluster)->Start().ok();
    char go = 0;
    if (write(ready_[1], good ? "y" : "n", 1) != 1 || read(go_[0], &go, 1) != 1) return false;
    return good && (*cluster)->StopAll().ok();
  }
  void Release() { EXPECT_EQ(write(go_[1], "g", 1), 1); }

  const std::unique_ptr<WorkDirectory> work_;
  int ready_[2];
  int go_[2];
};

// The kernel kills them; nobody here can wait for their ends but by looking. One that is ending has no command line any
// more while it still closes its files, so ports are waited for too.
void ExpectNothingLeft(const std::string& directory, const std::set<uint16_t>& ports) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  const auto wait_until = [&](const auto& done) {
    while (!done() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    return done();
  };
  EXPECT_TRUE(wait_until([&] { return ServersWith(directory).empty(); }));
  for (const uint16_t port : ports) {
    EXPECT_TRUE(wait_until([&] { return !SomebodyListensOn(port); })) << port;
  }
}

TEST_F(OrphanTest, AHarnessThatIsKilledLeavesNoProcessAndNoPort) {
  const pid_t harness = ForkHarness();
  EXPECT_EQ(ServersWith(work_->path()).size(), 3u);
  const std::set<uint16_t> ports = PortsBelow(work_->path());
  EXPECT_EQ(ports.size(), 12u) << "of three servers, of six links between them, and of the harness's three";
  for (const uint16_t port : ports) EXPECT_TRUE(SomebodyListensOn(port)) << port;
  ASSERT_EQ(kill(harness, SIGKILL), 0);
  ASSERT_EQ(waitpid(harness, nullptr, 0), harness);
  ExpectNothingLeft(work_->path(), ports);
}

TEST_F(OrphanTest, AHarnessThatEndsLeavesNoProcessNoPortAndNoDirectory) {
  const pid_t harness = ForkHarness();
  const std::set<uint16_t> ports = PortsBelow(work_->path());
  EXPECT_FALSE(fs::is_empty(work_->path()));
  Release();
  int status = 0;
  ASSERT_EQ(waitpid(harness, &status, 0), harness);
  EXPECT_EQ(status, 0);
  ExpectNothingLeft(work_->path(), ports);
  EXPECT_TRUE(fs::is_empty(work_->path()));
}

}  // namespace
}  // namespace holdfast::process
