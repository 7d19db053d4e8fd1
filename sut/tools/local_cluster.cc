#include "sut/tools/local_cluster.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/server/remote_client.h"
#include "sut/tools/server_process.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr char kHost[] = "127.0.0.1";
constexpr int kNodesMax = 7;
constexpr int64_t kTermTimeoutMs = 10'000;
constexpr int64_t kKillTimeoutMs = 10'000;
constexpr auto kReadyTimeout = std::chrono::seconds(30);
constexpr auto kPollInterval = std::chrono::milliseconds(50);
constexpr int64_t kAskTimeoutUs = 1'000'000;

std::string ClusterFile(const std::string& data_dir) { return data_dir + "/cluster.json"; }
std::string LockFile(const std::string& data_dir) { return data_dir + "/sut-ctl.lock"; }

absl::Status Failed(const std::string& what, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", error.message()));
}

absl::StatusOr<LocalCluster::Shape> ParseShape(const std::string& file) {
  std::ifstream in(file);
  const json read = json::parse(in, nullptr, /*allow_exceptions=*/false);
  const absl::Status damaged = absl::DataLossError(absl::StrCat(file, " is damaged, or of another version"));
  if (!read.is_object() || read.value("version", 0) != kFormatVersion || !read.contains("nodes") ||
      !read["nodes"].is_array() || !read.contains("master_members") || !read["master_members"].is_array()) {
    return damaged;
  }
  LocalCluster::Shape shape;
  for (const json& one : read["nodes"]) {
    if (!one.is_object()) return damaged;
    LocalCluster::Node node{NodeId{one.value("id", 0u)}, one.value("port", 0), one.value("http_port", 0)};
    if (node.id.is_none() || node.id.value > kNodeIdMax || node.port <= 0 || node.http_port <= 0) return damaged;
    shape.nodes.push_back(node);
  }
  for (const json& one : read["master_members"]) {
    if (!one.is_number_unsigned()) return damaged;
    shape.master_members.push_back(NodeId{one.get<uint32_t>()});
  }
  if (shape.nodes.empty() || shape.master_members.empty()) return damaged;
  return shape;
}

std::string LastLine(const std::string& file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Lock(const Paths& paths) {
  const int lock = open(LockFile(paths.data_dir).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return absl::UnavailableError(absl::StrCat("can't use ", paths.data_dir));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::UnavailableError(absl::StrCat("another sut-ctl is at work on ", paths.data_dir));
  }
  return std::unique_ptr<LocalCluster>(new LocalCluster(paths, lock));
}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Create(const Paths& paths, const CreateOptions& options) {
  if (options.nodes < 1 || options.nodes > kNodesMax || options.nodes % 2 == 0) {
    return absl::InvalidArgumentError(absl::StrCat("a replication factor is odd, from 1 to ", kNodesMax));
  }
  if (fs::exists(ClusterFile(paths.data_dir))) {
    return absl::AlreadyExistsError(absl::StrCat("there is a cluster in ", paths.data_dir));
  }
  std::error_code error;
  fs::create_directories(paths.data_dir, error);
  if (error) return Failed(absl::StrCat("can't create ", paths.data_dir), error);
  auto cluster = Lock(paths);
  if (!cluster.ok()) return cluster.status();
  for (int i = 0; i < options.nodes; ++i) {
    const NodeId id{static_cast<uint32_t>(i + 1)};
    (*cluster)->shape_.nodes.push_back({id, options.port_base + i, options.http_port_base + i});
    (*cluster)->shape_.master_members.push_back(id);
  }
  if (absl::Status status = (*cluster)->Save(); !status.ok()) return status;
  return cluster;
}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Open(const Paths& paths) {
  if (!fs::exists(ClusterFile(paths.data_dir))) {
    return absl::NotFoundError(
        absl::StrCat("there is no cluster in ", paths.data_dir, "; make one with 'sut-ctl create'"));
  }
  auto cluster = Lock(paths);
  if (!cluster.ok()) return cluster.status();
  auto shape = ParseShape(ClusterFile(paths.data_dir));
  if (!shape.ok()) return shape.status();
  (*cluster)->shape_ = *std::move(shape);
  return cluster;
}

LocalCluster::LocalCluster(Paths paths, int lock) : paths_(std::move(paths)), lock_(lock) {}

LocalCluster::~LocalCluster() { close(lock_); }

absl::Status LocalCluster::Save() const {
  json nodes = json::array();
  for (const Node& node : shape_.nodes) {
    nodes.push_back({{"id", node.id.value}, {"port", node.port}, {"http_port", node.http_port}});
  }
  json members = json::array();
  for (const NodeId member : shape_.master_members) members.push_back(member.value);
  const json whole = {{"version", kFormatVersion}, {"nodes", nodes}, {"master_members", members}};
  const std::string file = ClusterFile(paths_.data_dir);
  std::ofstream out(file + ".tmp", std::ios::trunc);
  out << whole.dump(2) << '\n';
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat("can't write ", file));
  std::error_code error;
  fs::rename(file + ".tmp", file, error);
  return error ? Failed(absl::StrCat("can't write ", file), error) : absl::OkStatus();
}

absl::StatusOr<LocalCluster::Node> LocalCluster::Find(NodeId id) const {
  for (const Node& node : shape_.nodes) {
    if (node.id == id) return node;
  }
  return absl::NotFoundError(absl::StrCat("the cluster has no node ", id.value));
}

std::string LocalCluster::NodeDir(NodeId id) const { return absl::StrCat(paths_.data_dir, "/node-", id.value); }
std::string LocalCluster::RecordFile(NodeId id) const { return NodeDir(id) + "/server.pid"; }
std::string LocalCluster::LogFile(NodeId id) const { return NodeDir(id) + "/server.log"; }
std::string LocalCluster::Address(const Node& node) const { return absl::StrCat(kHost, ":", node.port); }

std::vector<std::string> LocalCluster::RunningAddresses() const {
  std::vector<std::string> out;
  for (const Node& node : shape_.nodes) {
    if (IsUp(node.id)) out.push_back(Address(node));
  }
  return out;
}

std::vector<std::string> LocalCluster::Arguments(const Node& node) const {
  std::string peers, members;
  for (const Node& one : shape_.nodes) {
    absl::StrAppend(&peers, peers.empty() ? "" : ",", one.id.value, "=", Address(one));
  }
  for (const NodeId member : shape_.master_members) absl::StrAppend(&members, members.empty() ? "" : ",", member.value);
  return {"--node-id", absl::StrCat(node.id.value), "--data-dir", paths_.data_dir, "--peers",
          peers,       "--master-members",          members,      "--http-port",   absl::StrCat(node.http_port)};
}

bool LocalCluster::IsUp(NodeId id) const {
  const auto record = ReadRecord(RecordFile(id));
  return record.ok() && record->has_value() && IsRunning(**record);
}

absl::Status LocalCluster::StartNode(NodeId id) {
  const auto node = Find(id);
  if (!node.ok()) return node.status();
  if (IsUp(id)) return absl::OkStatus();
  std::error_code error;
  fs::create_directories(NodeDir(id), error);
  if (error) return Failed(absl::StrCat("can't create ", NodeDir(id)), error);
  const auto process = SpawnServer({paths_.server_binary, Arguments(*node), LogFile(id)});
  if (!process.ok()) return process.status();
  if (absl::Status status = WriteRecord(RecordFile(id), *process); !status.ok()) {
    // Without its record nobody could stop it later.
    SignalServer(*process, SIGKILL).IgnoreError();
    return status;
  }
  return WaitUntilAnswers(*node);
}

absl::Status LocalCluster::WaitUntilAnswers(const Node& node) const {
  const auto give_up = std::chrono::steady_clock::now() + kReadyTimeout;
  while (std::chrono::steady_clock::now() < give_up) {
    if (!IsUp(node.id)) {
      return absl::UnavailableError(absl::StrCat("node ", node.id.value, " has ended: ", LastLine(LogFile(node.id))));
    }
    auto client = RemoteClient::Connect({Address(node)}, kAskTimeoutUs);
    if (client.ok()) return absl::OkStatus();
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::DeadlineExceededError(absl::StrCat("node ", node.id.value, " does not answer"));
}

absl::Status LocalCluster::StopNode(NodeId id) {
  if (const auto node = Find(id); !node.ok()) return node.status();
  const auto record = ReadRecord(RecordFile(id));
  if (!record.ok()) return record.status();
  if (record->has_value() && IsRunning(**record)) {
    absl::Status status = SignalServer(**record, SIGTERM);
    if (status.ok()) status = WaitUntilGone(**record, kTermTimeoutMs);
    if (absl::IsDeadlineExceeded(status)) {
      status = SignalServer(**record, SIGKILL);
      if (status.ok()) status = WaitUntilGone(**record, kKillTimeoutMs);
    }
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  std::error_code error;
  fs::remove(RecordFile(id), error);
  return error ? Failed(absl::StrCat("can't remove ", RecordFile(id)), error) : absl::OkStatus();
}

absl::Status LocalCluster::StartAll() {
  for (const Node& node : shape_.nodes) {
    if (absl::Status status = StartNode(node.id); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::StopAll() {
  absl::Status first;
  for (const Node& node : shape_.nodes) {
    if (absl::Status status = StopNode(node.id); !status.ok() && first.ok()) first = status;
  }
  return first;
}

absl::Status LocalCluster::WaitUntilReady() const {
  auto client = RemoteClient::Connect(RunningAddresses(), kAskTimeoutUs);
  if (!client.ok()) return client.status();
  const auto timeout_us = std::chrono::duration_cast<std::chrono::microseconds>(kReadyTimeout).count();
  return (*client)->ListTables(timeout_us).status();
}

absl::StatusOr<LocalCluster::Node> LocalCluster::AddNode() {
  const Node& last = shape_.nodes.back();
  if (last.id.value >= kNodeIdMax) return absl::ResourceExhaustedError("no more node ids");
  const Node added{NodeId{last.id.value + 1}, last.port + 1, last.http_port + 1};
  shape_.nodes.push_back(added);
  if (absl::Status status = Save(); !status.ok()) return status;
  return added;
}

absl::Status LocalCluster::RemoveData() {
  for (const Node& node : shape_.nodes) {
    if (IsUp(node.id)) return absl::FailedPreconditionError(absl::StrCat("node ", node.id.value, " is up"));
  }
  for (const Node& node : shape_.nodes) {
    std::error_code error;
    fs::remove_all(NodeDir(node.id), error);
    if (error) return Failed(absl::StrCat("can't remove ", NodeDir(node.id)), error);
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::Destroy() {
  if (absl::Status status = StopAll(); !status.ok()) return status;
  if (absl::Status status = RemoveData(); !status.ok()) return status;
  std::error_code error;
  fs::remove(ClusterFile(paths_.data_dir), error);
  if (error) return Failed("can't remove the cluster file", error);
  fs::remove(LockFile(paths_.data_dir), error);
  // Others may keep something there too: only an empty directory goes.
  if (fs::is_empty(paths_.data_dir, error) && !error) fs::remove(paths_.data_dir, error);
  return absl::OkStatus();
}

}  // namespace sut
