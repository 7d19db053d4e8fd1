#include "sut/server/test_servers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sut/base/check.h"
#include "sut/storage/layout.h"

namespace sut {
namespace {

constexpr auto kProgramTimeout = std::chrono::seconds(60);
constexpr int64_t kConnectTimeoutUs = 30'000'000;
// Outgoing connections have ports from 32768 on, unless the system is told otherwise.
constexpr int kPortMin = 10'000;
constexpr int kPortEnd = 30'000;
constexpr int kPortAttemptsMax = 10'000;
constexpr auto kPollInterval = std::chrono::milliseconds(20);

struct Streams {
  std::string output;  // files, appended to
  std::string errors;
};

void Redirect(int fd, const std::string& file) {
  const int opened = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (opened >= 0) dup2(opened, fd);
}

void LimitFiles(int64_t bytes_max) {
  // The write fails, instead of the process.
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{static_cast<rlim_t>(bytes_max), static_cast<rlim_t>(bytes_max)};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(127);
}

pid_t Spawn(const std::vector<std::string>& command, const Streams& streams, int64_t file_bytes_max = 0) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  SUT_CHECK(pid >= 0, "fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  Redirect(1, streams.output);
  Redirect(2, streams.errors);
  if (file_bytes_max > 0) LimitFiles(file_bytes_max);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// The code once the child has ended; kills it when its time is over.
int WaitFor(pid_t pid) {
  const auto give_up = std::chrono::steady_clock::now() + kProgramTimeout;
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > give_up) kill(pid, SIGKILL);
    std::this_thread::sleep_for(kPollInterval);
  }
  return CodeOf(status);
}

// A socket without a file, whose name no second process can have while this one lives. It stays open on purpose.
bool ReserveName(int port) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const std::string name = absl::StrCat("sut-test-port-", port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return true;
  if (fd >= 0) close(fd);
  return false;
}

bool ReservePort(int port) {
  if (!ReserveName(port)) return false;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_free = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                       bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return is_free;
}

std::string Contents(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

ProgramEnd RunProgram(const std::vector<std::string>& command) {
  const TestDirectory directory;
  const Streams streams{directory.path() + "/stdout", directory.path() + "/stderr"};
  ProgramEnd end;
  end.code = WaitFor(Spawn(command, streams));
  end.output = Contents(streams.output);
  end.errors = Contents(streams.errors);
  return end;
}

TestDirectory::TestDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "sut-test-XXXXXX").string();
  SUT_CHECK(mkdtemp(path_.data()) != nullptr, "a temporary directory");
}

TestDirectory::~TestDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  EXPECT_FALSE(error) << path_ << ": " << error.message();
}

int FreePorts(int count) {
  std::random_device random;
  for (int attempt = 0; attempt < kPortAttemptsMax; ++attempt) {
    const int first = kPortMin + static_cast<int>(random() % (kPortEnd - kPortMin - count));
    int reserved = 0;
    while (reserved < count && ReservePort(first + reserved)) ++reserved;
    if (reserved == count) return first;
  }
  SUT_CHECK(false, "free ports");
}

TestServers::TestServers(int count) {
  for (int i = 1; i <= count; ++i) nodes_[NodeId{static_cast<uint32_t>(i)}] = {FreePort(), FreePort(), 0};
}

TestServers::~TestServers() {
  for (const NodeId id : ids()) {
    if (IsUp(id)) Kill(id);
  }
}

std::vector<NodeId> TestServers::ids() const {
  std::vector<NodeId> out;
  for (const auto& [id, node] : nodes_) out.push_back(id);
  return out;
}

std::string TestServers::Address(NodeId node) const { return absl::StrCat("127.0.0.1:", nodes_.at(node).port); }

std::vector<std::string> TestServers::Command(NodeId node) const {
  std::string peers, members;
  for (const auto& [id, one] : nodes_) {
    absl::StrAppend(&peers, peers.empty() ? "" : ",", id.value, "=", Address(id));
    absl::StrAppend(&members, members.empty() ? "" : ",", id.value);
  }
  return {SUT_SERVER_BINARY,
          "--node-id",
          absl::StrCat(node.value),
          "--data-dir",
          directory_.path(),
          "--peers",
          peers,
          "--master-members",
          members,
          "--http-port",
          absl::StrCat(nodes_.at(node).http_port)};
}

void TestServers::Start(NodeId node, const Limits& limits) {
  const std::string log = absl::StrCat(directory_.path(), "/log-", node.value);
  nodes_.at(node).pid = Spawn(Command(node), {log, log}, limits.file_bytes_max);
}

void TestServers::StartAll() {
  for (const NodeId id : ids()) Start(id);
}

int TestServers::Reap(NodeId node) { return WaitFor(std::exchange(nodes_.at(node).pid, 0)); }

int TestServers::AwaitEnd(NodeId node) { return Reap(node); }

void TestServers::Kill(NodeId node) {
  kill(nodes_.at(node).pid, SIGKILL);
  Reap(node);
}

int TestServers::Terminate(NodeId node) {
  kill(nodes_.at(node).pid, SIGTERM);
  return Reap(node);
}

bool TestServers::IsUp(NodeId node) {
  Node& one = nodes_.at(node);
  int status = 0;
  if (one.pid != 0 && waitpid(one.pid, &status, WNOHANG) != 0) {
    ADD_FAILURE() << "node " << node.value << " has ended with " << CodeOf(status) << ": "
                  << Contents(absl::StrCat(directory_.path(), "/log-", node.value));
    one.pid = 0;
  }
  return one.pid != 0;
}

int64_t TestServers::ResidentBytes(NodeId node) const {
  std::ifstream file(absl::StrCat("/proc/", nodes_.at(node).pid, "/statm"));
  int64_t total_pages = 0, resident_pages = -1;
  file >> total_pages >> resident_pages;
  EXPECT_GT(resident_pages, 0);
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::unique_ptr<RemoteClient> TestServers::Connect() {
  std::vector<std::string> addresses;
  for (const NodeId id : ids()) {
    if (IsUp(id)) addresses.push_back(Address(id));
  }
  auto client = RemoteClient::Connect(addresses, kConnectTimeoutUs);
  if (client.ok()) return *std::move(client);
  ADD_FAILURE() << "no server answers: " << client.status();
  return nullptr;
}

std::string TestServers::TableDirectory(NodeId node, TableId table) const {
  return NodeLayout(directory_.path(), node).table(table);
}

}  // namespace sut
