// Every constant of a node in one place, each with its unit and range, because plans draw extremes from them.

#ifndef SUT_RUNTIME_NODE_OPTIONS_H_
#define SUT_RUNTIME_NODE_OPTIONS_H_

#include <cstdint>

#include "sut/base/bugs.h"

namespace sut {

struct NodeOptions {
  // Raft.
  int64_t tick_us = 50'000;          // 1'000..1'000'000: the unit of the next two
  int heartbeat_ticks = 3;           // 1..10
  int election_ticks = 10;           // 4..100, at least 3 * heartbeat_ticks; drawn within [n, 2n) for each term
  int entries_per_append_max = 64;   // 1..1024
  int appends_in_flight_max = 8;     // 1..64
  int proposals_pending_max = 1024;  // 1..65536
  // Log entries kept behind the flushed applied index for followers that lag, 1..1'000'000.
  uint64_t log_retention_entries = 64;

  // Storage.
  uint64_t flush_after_entries = 64;  // 1..1'000'000: applied entries between flushes of a tablet's store
  uint64_t compact_after_files = 8;   // 2..1000: table files at which a store is compacted

  // Reads.
  int scan_page_rows = 64;          // 1..100'000
  int64_t scan_pin_us = 5'000'000;  // how long a paged scan may pause between pages, 100'000..
  int scan_pins_max = 64;           // pinned versions a replica holds at once, 1..

  // Install.
  uint64_t install_chunk_bytes = 64 << 10;  // 16..16 MiB
  int64_t install_timeout_us = 5'000'000;   // without progress, 100'000..

  // Master.
  int64_t reconcile_interval_us = 200'000;     // 10'000..10'000'000
  int64_t tablet_call_timeout_us = 1'000'000;  // 10'000..60'000'000: after it an idempotent call is made again
  int64_t snapshot_timeout_us = 20'000'000;    // a create that takes longer FAILs, 100'000..

  // Client sessions.
  int64_t attempt_timeout_us = 1'000'000;  // 10'000..
  int64_t retry_pause_us = 50'000;         // 1'000..

  BugSet bugs;
};

}  // namespace sut

#endif  // SUT_RUNTIME_NODE_OPTIONS_H_
