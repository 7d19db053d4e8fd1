// The clients of a simulated cluster: one session of sut/client for each number that a plan uses, at network addresses
// of their own, and one more for the harness itself. Clients never crash; they abandon.
//
// Loop rule: single-threaded, on one EventQueue; their events belong to nobody.

#ifndef HARNESS_SIM_SIM_CLIENTS_H_
#define HARNESS_SIM_SIM_CLIENTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/cluster/plan_ids.h"
#include "harness/sim/event_queue.h"
#include "harness/sim/sim_clock.h"
#include "harness/sim/sim_network.h"
#include "sut/client/session.h"
#include "sut/runtime/node_options.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

// The session of the harness: boots tables, moves leaders. Its number is none that a plan can use.
inline constexpr uint32_t kAdminSession = 0xFFFFFFFE;
inline constexpr sut::NodeId kAdminAddress = {kFirstClientAddress};

class SimClients {
 public:
  struct Options {
    std::vector<sut::NodeId> masters;
    int64_t attempt_timeout_us = 0;
    int64_t retry_pause_us = 0;
    bool refusal_is_final = false;  // see sut::Session::Options
  };
  // Queue and network outlive the clients.
  SimClients(Options options, const PlanIds& ids, EventQueue* queue, SimNetwork* network);
  ~SimClients();

  // Made on first use.
  sut::Session& session(uint32_t number);
  // Null if it was never used.
  sut::Session* FindSession(uint32_t number);
  void ExtendDeadlines(int64_t deadline_us);

  // A message has arrived at a client's address; nobody there: it is lost.
  void Deliver(sut::NodeId to, const std::string& envelope);

 private:
  class Client;

  const Options options_;
  const PlanIds ids_;
  EventQueue* const queue_;
  SimNetwork* const network_;
  SimClock clock_;
  std::map<uint32_t, std::unique_ptr<Client>> clients_;  // by address
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_CLIENTS_H_
