#include "sut/server/peer_link.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/server/addresses.h"
#include "sut/server/grpc_names.h"

namespace sut {
namespace {

constexpr int64_t kPauseUsMin = 50'000;
constexpr int64_t kPauseUsMax = 1'000'000;
// A frame takes what waits up to so much; a larger envelope goes alone.
constexpr size_t kFrameBytesMax = 1 << 20;

}  // namespace

// One attempt. gRPC calls it on its threads, from StartCall until OnDone, and it keeps itself alive until then; its
// hold on the call allows writes from the loop, and is given back once.
class PeerLink::Stream final : public grpc::ClientBidiReactor<proto::PeerFrame, proto::PeerHello> {
 public:
  Stream(std::weak_ptr<PeerLink> link, EventLoop* loop) : link_(std::move(link)), loop_(loop) {}

  void Start(proto::PeerService::Stub* stub, const Options& options, std::shared_ptr<Stream> self) {
    self_ = std::move(self);
    context_.AddMetadata(kFromMetadata, absl::StrCat(options.self.value));
    context_.AddMetadata(kToMetadata, absl::StrCat(options.peer.value));
    // gRPC works on a connection only while a call waits for it. A call that failed at once instead would leave a peer
    // that has come back alone for seconds.
    context_.set_wait_for_ready(true);
    stub->async()->Deliver(&context_, this);
    AddHold();
    StartRead(&hello_);
    StartCall();
  }
  // On the loop; REQUIRES: the write before has ended, and End was not called.
  void Write(proto::PeerFrame frame) {
    frame_ = std::move(frame);
    StartWrite(&frame_);
  }
  // On the loop.
  void End() {
    if (std::exchange(ended_, true)) return;
    context_.TryCancel();
    RemoveHold();
  }
  bool ended() const { return ended_; }

  void OnReadDone(bool ok) override {
    Tell([ok, hello = hello_](PeerLink* link, Stream* stream) {
      if (!ok) return stream->End();
      link->OnHello(hello);
    });
    // Nothing more is to come: the read ends when the stream does, which is how its end is noticed.
    if (ok) StartRead(&hello_);
  }
  void OnWriteDone(bool ok) override {
    Tell([ok](PeerLink* link, Stream* stream) {
      if (!ok) return stream->End();
      link->OnWritten();
    });
  }
  void OnDone(const grpc::Status& status) override {
    // The last call: what is posted holds the stream, and is the last to do so.
    loop_->Post([self = std::move(self_), status] {
      if (const auto link = self->link_.lock(); link != nullptr && link->stream_ == self) link->OnStreamEnd(status);
    });
  }

 private:
  template <typename What>
  void Tell(What what) {
    loop_->Post([self = self_, what] {
      const auto link = self->link_.lock();
      if (link == nullptr || link->stream_ != self) return self->End();
      what(link.get(), self.get());
    });
  }

  const std::weak_ptr<PeerLink> link_;
  EventLoop* const loop_;
  grpc::ClientContext context_;
  proto::PeerHello hello_;
  proto::PeerFrame frame_;
  bool ended_ = false;            // loop
  std::shared_ptr<Stream> self_;  // until OnDone
};

std::shared_ptr<PeerLink> PeerLink::Create(Options options, EventLoop* loop) {
  std::shared_ptr<PeerLink> link(new PeerLink(std::move(options), loop));
  link->Connect();
  return link;
}

PeerLink::PeerLink(Options options, EventLoop* loop)
    : options_(std::move(options)),
      loop_(loop),
      stub_(proto::PeerService::NewStub(MakeChannel(options_.address))),
      pause_us_(kPauseUsMin) {}

PeerLink::~PeerLink() {
  if (stream_ != nullptr) stream_->End();
}

void PeerLink::Send(std::string envelope) {
  const bool room =
      queue_.empty() || (queue_.size() < kQueuedMax && queued_bytes_ + envelope.size() <= kQueuedBytesMax);
  if (!accepted_ || !room) {
    ++dropped_;
    return;
  }
  queued_bytes_ += envelope.size();
  queue_.push_back(std::move(envelope));
  WriteNext();
}

void PeerLink::Close(std::function<void()> closed) {
  closing_ = true;
  closed_ = std::move(closed);
  if (stream_ != nullptr) return stream_->End();
  loop_->Post(std::exchange(closed_, nullptr));
}

void PeerLink::Connect() {
  if (closing_) return;
  accepted_ = writing_ = false;
  stream_ = std::make_shared<Stream>(weak_from_this(), loop_);
  stream_->Start(stub_.get(), options_, stream_);
  AwaitHello();
}

void PeerLink::AwaitHello() {
  loop_->After(options_.hello_us_max, [weak = weak_from_this(), waiting = std::weak_ptr(stream_)] {
    const auto link = weak.lock();
    const auto stream = waiting.lock();
    if (link == nullptr || stream == nullptr || link->stream_ != stream || link->accepted_) return;
    link->last_error_ = absl::StrCat("node ", link->options_.peer.value, " has not said hello in time");
    stream->End();
  });
}

void PeerLink::WriteNext() {
  if (writing_ || queue_.empty() || !accepted_ || stream_->ended()) return;
  proto::PeerFrame frame;
  size_t bytes = 0;
  while (!queue_.empty() && (bytes == 0 || bytes + queue_.front().size() <= kFrameBytesMax)) {
    bytes += queue_.front().size();
    frame.add_envelopes(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  writing_ = true;
  stream_->Write(std::move(frame));
}

void PeerLink::OnHello(const proto::PeerHello& hello) {
  if (NodeId{hello.node()} != options_.peer) {
    last_error_ = absl::StrCat("node ", hello.node(), " answers at the address of node ", options_.peer.value);
    return stream_->End();
  }
  accepted_ = true;
  pause_us_ = kPauseUsMin;
  WriteNext();
}

void PeerLink::OnWritten() {
  writing_ = false;
  WriteNext();
}

void PeerLink::OnStreamEnd(const grpc::Status& status) {
  // A stream that this side has cancelled has its reason already.
  if (status.error_code() != grpc::StatusCode::CANCELLED) last_error_ = status.error_message();
  stream_.reset();
  accepted_ = writing_ = false;
  queue_.clear();
  queued_bytes_ = 0;
  if (closing_) {
    if (closed_) std::exchange(closed_, nullptr)();
    return;
  }
  loop_->After(pause_us_, [weak = weak_from_this()] {
    if (const auto link = weak.lock()) link->Connect();
  });
  pause_us_ = std::min(2 * pause_us_, kPauseUsMax);
}

}  // namespace sut
