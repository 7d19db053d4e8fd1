// A TCP proxy on one directed link, and what can go wrong on it.
//
// Fault model. TCP neither loses, nor duplicates, nor reorders, so neither does this: a link is late, slow, silent or
// broken. Each direction of its connections may
//   be delayed     every byte by so much, in order;
//   be throttled   to so many bytes a second;
//   stall          nothing passes, and all of it does once the stall is over;
//   be half open   what is sent is taken and thrown away, the end of the connection too: neither side is told. A
//                  connection that has lost bytes so is reset when its direction opens again;
// and the link may be broken: its connections are reset, and so is every new one.
// While the far side can't be reached, new connections are reset, or held until it can.
//
// Loop rule: everything on the thread of one io_context.

#ifndef HARNESS_PROCESS_FAULT_LINK_H_
#define HARNESS_PROCESS_FAULT_LINK_H_

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <set>

#include "absl/status/status.h"

namespace holdfast::process {

enum class Flow : uint8_t { kOpen, kStalled, kHalfOpen };

struct Direction {
  Flow flow = Flow::kOpen;
  int64_t delay_us = 0;
  uint64_t bytes_per_second_max = 0;  // 0: no limit
};

struct LinkState {
  Direction forward;  // from who connects to who is connected to
  Direction backward;
  bool broken = false;
};

// What has really happened on a link.
struct LinkCounters {
  uint64_t connections = 0;
  uint64_t bytes_passed = 0;
  uint64_t bytes_swallowed = 0;  // by half-open connections
  uint64_t resets = 0;
  uint64_t bytes_delayed = 0;  // passed, later than they came
};

class FaultLink : public std::enable_shared_from_this<FaultLink> {
 public:
  struct Options {
    // Holds new connections until the far side can be reached.
    bool hold_while_unreachable = false;
  };
  // Listens on a port of 127.0.0.1 that the system picks.
  static absl::Status Listen(asio::io_context* context, const Options& options, std::shared_ptr<FaultLink>* link);
  ~FaultLink();

  uint16_t port() const { return port_; }
  // Where the far side is, on 127.0.0.1; 0: nowhere.
  void SetUpstream(uint16_t port);
  void SetState(const LinkState& state);
  // Resets the present connections.
  void Reset();
  // Listens no longer, and drops all connections.
  void Close();

  const LinkCounters& counters() const { return counters_; }

  // Bytes under way in one direction of a connection; more are left with the sender.
  static constexpr size_t kBufferedBytesMax = 4 << 20;
  static constexpr size_t kConnectionsMax = 256;  // at once; more are reset

 private:
  class Connection;
  FaultLink(asio::io_context* context, const Options& options);
  void Accept();
  void Remove(const std::shared_ptr<Connection>& connection);

  asio::io_context* const context_;
  const Options options_;
  asio::ip::tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  uint16_t upstream_ = 0;
  LinkState state_;
  LinkCounters counters_;
  std::set<std::shared_ptr<Connection>> connections_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_FAULT_LINK_H_
