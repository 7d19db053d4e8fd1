// For tests: server processes on this machine, with data in a temporary directory, none of which outlives the object.
//
// The processes also die with the test's own process, however that ends. Thread rule: single-threaded.

#ifndef SUT_SERVER_TEST_SERVERS_H_
#define SUT_SERVER_TEST_SERVERS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sut/server/remote_client.h"

namespace sut {

// How a program ended: its exit code, or 128 and the signal; and what it wrote.
struct ProgramEnd {
  int code = 0;
  std::string output;
  std::string errors;
};
// Runs a program to its end, for at most a minute.
ProgramEnd RunProgram(const std::vector<std::string>& command);

// A directory that goes with the object.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The first of `count` ports of 127.0.0.1, one after the other, that nobody uses: they are this process's until it
// ends, as far as others ask here, and never those that the system gives to outgoing connections by default.
int FreePorts(int count);
inline int FreePort() { return FreePorts(1); }

class TestServers {
 public:
  // Node ids are 1..count; all of them hold the catalogue. Starts nothing.
  explicit TestServers(int count);
  ~TestServers();  // kills what is still up
  TestServers(const TestServers&) = delete;
  TestServers& operator=(const TestServers&) = delete;

  struct Limits {
    // No file of it grows past this, as if the disk were full; 0: none.
    int64_t file_bytes_max = 0;
  };
  void Start(NodeId node, const Limits& limits);
  void Start(NodeId node) { Start(node, Limits{}); }
  void StartAll();
  // SIGKILL. REQUIRES: it is up.
  void Kill(NodeId node);
  // SIGTERM; gives the exit code. REQUIRES: it is up.
  int Terminate(NodeId node);
  bool IsUp(NodeId node);
  // The exit code of one that ends by itself. REQUIRES: it is up, or has ended unseen.
  int AwaitEnd(NodeId node);

  // Memory in use. REQUIRES: it is up.
  int64_t ResidentBytes(NodeId node) const;

  // Fails the test and gives null if no server answers for some seconds.
  std::unique_ptr<RemoteClient> Connect();

  std::string Address(NodeId node) const;
  int port(NodeId node) const { return nodes_.at(node).port; }
  int http_port(NodeId node) const { return nodes_.at(node).http_port; }
  std::vector<std::string> Command(NodeId node) const;
  // Where the files of a replica's table are.
  std::string TableDirectory(NodeId node, TableId table) const;
  std::vector<NodeId> ids() const;

 private:
  struct Node {
    int port = 0;
    int http_port = 0;
    pid_t pid = 0;  // 0: down
  };
  int Reap(NodeId node);

  TestDirectory directory_;
  std::map<NodeId, Node> nodes_;
};

}  // namespace sut

#endif  // SUT_SERVER_TEST_SERVERS_H_
