// What is encoded is decoded to the same value, and what nobody encoded is refused. Random values are drawn from fixed
// seeds.

#include "sut/raft/wire.h"

#include <string>

#include "gtest/gtest.h"
#include "sut/base/prng.h"
#include "sut/proto/raft.pb.h"

namespace sut::raft {
namespace {

Entry RandomEntry(Prng& prng) {
  std::string data(prng.NextBelow(20), '\0');
  for (char& c : data) c = static_cast<char>(prng.Next());
  return {{Term{1 + prng.NextBelow(9)}, Index{1 + prng.Next() / 2}},
          static_cast<EntryType>(prng.NextBelow(3)),
          HybridTime{prng.Next()},
          data};
}

Message RandomMessage(Prng& prng) {
  Message message;
  message.type = static_cast<MessageType>(prng.NextBelow(7));
  message.from = ReplicaId{1 + prng.NextBelow(9)};
  message.to = ReplicaId{1 + prng.NextBelow(9)};
  message.term = Term{prng.Next()};
  message.previous = {Term{prng.NextBelow(3)}, Index{prng.NextBelow(3)}};
  for (uint64_t i = prng.NextBelow(4); i > 0; --i) message.entries.push_back(RandomEntry(prng));
  message.commit = Index{prng.Next()};
  message.read_context = prng.NextBelow(5);
  message.transfer = prng.OneIn(2);
  message.granted = prng.OneIn(2);
  message.match = Index{prng.NextBelow(100)};
  message.conflict = Index{prng.NextBelow(100)};
  message.conflict_term = Term{prng.NextBelow(100)};
  return message;
}

TEST(RaftWireTest, MessagesComeBackAsTheyWere) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    Prng prng(seed);
    const Message message = RandomMessage(prng);
    const auto decoded = DecodeMessage(EncodeMessage(message));
    ASSERT_TRUE(decoded.ok()) << "seed " << seed;
    EXPECT_EQ(*decoded, message) << "seed " << seed;
  }
}

TEST(RaftWireTest, EntriesComeBackAsTheyWere) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    Prng prng(seed);
    const Entry entry = RandomEntry(prng);
    const auto decoded = DecodeEntry(EncodeEntry(entry));
    ASSERT_TRUE(decoded.ok()) << "seed " << seed;
    EXPECT_EQ(*decoded, entry) << "seed " << seed;
  }
}

// Damaged bytes may decode to another message, but never to one outside the types' ranges.
TEST(RaftWireTest, DamagedBytesAreRefusedOrStayInRange) {
  int refused = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Prng prng(seed);
    std::string bytes = EncodeMessage(RandomMessage(prng));
    bytes[prng.NextBelow(bytes.size())] = static_cast<char>(prng.Next());
    if (prng.OneIn(2)) bytes.resize(prng.NextBelow(bytes.size()));
    const auto decoded = DecodeMessage(bytes);
    if (!decoded.ok()) {
      ++refused;
      continue;
    }
    EXPECT_LE(decoded->type, MessageType::kTimeoutNow) << "seed " << seed;
    EXPECT_FALSE(decoded->from.is_none() || decoded->to.is_none()) << "seed " << seed;
    for (const Entry& entry : decoded->entries) EXPECT_LE(entry.type, EntryType::kConfig) << "seed " << seed;
  }
  EXPECT_GT(refused, 1000);
}

proto::RaftMessage Valid() {
  proto::RaftMessage message;
  message.set_from(1);
  message.set_to(2);
  proto::Entry& entry = *message.add_entries();
  entry.mutable_op()->set_term(1);
  entry.mutable_op()->set_index(1);
  return message;
}

TEST(RaftWireTest, UnknownTypesAreRefused) {
  proto::RaftMessage message = Valid();
  EXPECT_TRUE(DecodeMessage(message.SerializeAsString()).ok());
  message.set_type(7);
  EXPECT_EQ(DecodeMessage(message.SerializeAsString()).status().code(), absl::StatusCode::kInvalidArgument);
  message = Valid();
  message.mutable_entries(0)->set_type(3);
  EXPECT_EQ(DecodeMessage(message.SerializeAsString()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeEntry(message.entries(0).SerializeAsString()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftWireTest, MissingIdsAreRefused) {
  proto::RaftMessage message = Valid();
  message.set_from(0);
  EXPECT_FALSE(DecodeMessage(message.SerializeAsString()).ok());
  message = Valid();
  message.set_to(0);
  EXPECT_FALSE(DecodeMessage(message.SerializeAsString()).ok());
  message = Valid();
  message.mutable_entries(0)->mutable_op()->set_index(0);
  EXPECT_FALSE(DecodeMessage(message.SerializeAsString()).ok());
}

TEST(RaftWireTest, BytesThatDoNotParseAreRefused) {
  EXPECT_FALSE(DecodeMessage("\xff\xff\xff").ok());
  EXPECT_FALSE(DecodeEntry("\xff\xff\xff").ok());
  EXPECT_FALSE(DecodeConfig("\xff\xff\xff").ok());
}

TEST(RaftWireTest, ConfigurationsAreAscendingAndDisjoint) {
  const Config config{{ReplicaId{1}, ReplicaId{5}}, {ReplicaId{3}}};
  const auto decoded = DecodeConfig(EncodeConfig(config));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, config);
  EXPECT_FALSE(DecodeConfig(EncodeConfig({{ReplicaId{5}, ReplicaId{1}}, {}})).ok());
  EXPECT_FALSE(DecodeConfig(EncodeConfig({{ReplicaId{1}, ReplicaId{1}}, {}})).ok());
  EXPECT_FALSE(DecodeConfig(EncodeConfig({{ReplicaId{0}}, {}})).ok());
  EXPECT_FALSE(DecodeConfig(EncodeConfig({{ReplicaId{1}}, {ReplicaId{1}}})).ok());
}

}  // namespace
}  // namespace sut::raft
