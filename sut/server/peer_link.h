// The stream on which a node sends to one other node. It connects by itself, again and again, with a growing pause.
//
// A peer that is gone without a word is noticed in two ways: gRPC pings an idle connection (MakeChannel), and a stream
// on which the peer has not said hello in time is ended, whatever the connection below it does.
//
// What can't be sent is dropped: while there is no accepted stream, and when the queue is full. Raft and the
// coordinator repeat what matters, and old messages would only keep newer ones waiting. Loop rule: all on the loop;
// gRPC's threads only post to it.

#ifndef SUT_SERVER_PEER_LINK_H_
#define SUT_SERVER_PEER_LINK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "sut/proto/services.grpc.pb.h"
#include "sut/server/event_loop.h"

namespace sut {

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  struct Options {
    NodeId self;
    NodeId peer;
    std::string address;
    int64_t hello_us_max = 10'000'000;  // after it a stream without a hello is opened anew
  };
  // The loop outlives the link.
  static std::shared_ptr<PeerLink> Create(Options options, EventLoop* loop);
  ~PeerLink();

  // A serialised Envelope.
  void Send(std::string envelope);
  // Ends the stream for good; `closed` is called once nothing of it is left.
  void Close(std::function<void()> closed);

  bool connected() const { return accepted_; }
  uint64_t dropped_count() const { return dropped_; }
  // Why the last stream ended; empty if none has.
  const std::string& last_error() const { return last_error_; }

  static constexpr size_t kQueuedMax = 4096;
  static constexpr size_t kQueuedBytesMax = 64 << 20;

 private:
  class Stream;
  PeerLink(Options options, EventLoop* loop);
  void Connect();
  void WriteNext();
  void AwaitHello();
  void OnHello(const proto::PeerHello& hello);
  void OnWritten();
  void OnStreamEnd(const grpc::Status& status);

  const Options options_;
  EventLoop* const loop_;
  std::unique_ptr<proto::PeerService::Stub> stub_;
  std::shared_ptr<Stream> stream_;  // null: between two attempts
  bool accepted_ = false;           // the peer has said hello on stream_
  bool writing_ = false;
  std::deque<std::string> queue_;
  size_t queued_bytes_ = 0;
  int64_t pause_us_;
  uint64_t dropped_ = 0;
  std::string last_error_;
  std::function<void()> closed_;
  bool closing_ = false;
};

}  // namespace sut

#endif  // SUT_SERVER_PEER_LINK_H_
