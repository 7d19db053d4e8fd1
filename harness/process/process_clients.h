// The clients of a cluster of processes: one session of sut/client for each number that a plan uses, each with
// connections of its own, and one more for the harness itself. Clients never die; they abandon.
//
// Loop rule: all calls and callbacks on the loop.

#ifndef HARNESS_PROCESS_PROCESS_CLIENTS_H_
#define HARNESS_PROCESS_PROCESS_CLIENTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "harness/cluster/plan_ids.h"
#include "sut/client/session.h"
#include "sut/server/addresses.h"
#include "sut/server/call_transport.h"
#include "sut/server/event_loop.h"

namespace holdfast::process {

class ProcessClients {
 public:
  struct Options {
    std::vector<sut::NodeId> masters;
    sut::Addresses addresses;  // of the fault proxies between clients and nodes
    int64_t attempt_timeout_us = 0;
    int64_t retry_pause_us = 0;
  };
  // The loop outlives the clients.
  ProcessClients(Options options, const PlanIds& ids, sut::EventLoop* loop);
  ~ProcessClients();

  // Made on first use.
  sut::Session& session(uint32_t number);
  // Null if it was never used.
  sut::Session* FindSession(uint32_t number);
  void ExtendDeadlines(int64_t deadline_us);

 private:
  struct Client {
    std::unique_ptr<sut::CallTransport> transport;
    std::unique_ptr<sut::Session> session;
  };
  const Options options_;
  const PlanIds ids_;
  sut::EventLoop* const loop_;
  std::map<uint32_t, Client> clients_;  // by number
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_PROCESS_CLIENTS_H_
