// An export file is read back as it was written, or refused with the one reason; no damage goes unseen.

#include "sut/backup/export_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/ids.h"
#include "sut/base/prng.h"
#include "sut/storage/crc32c.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

using testing::HasSubstr;

proto::SnapshotExport Example() {
  proto::SnapshotExport exported;
  exported.set_snapshot(UuidBytes(1, 1));
  exported.set_state(proto::SnapshotInfo::COMPLETE);
  for (uint64_t t = 1; t <= 2; ++t) {
    auto* table = exported.add_tables();
    table->set_id(UuidBytes(2, t));
    table->set_name("table");
    table->mutable_keyspace()->set_id(UuidBytes(3, 3));
    table->mutable_keyspace()->set_name("ydb");
    table->set_schema("schema");
    for (uint32_t i = 0; i < 2; ++i) {
      auto* tablet = table->add_tablets();
      tablet->set_id(UuidBytes(4, t * 10 + i));
      tablet->set_hash_begin(TabletRange(i, 2).begin);
      tablet->set_hash_end(TabletRange(i, 2).end);
      tablet->mutable_source()->set_snapshot(exported.snapshot());
      tablet->mutable_source()->set_tablet(tablet->id());
      tablet->mutable_source()->mutable_op()->set_index(7);
      tablet->mutable_source()->set_rows(5);
    }
  }
  return exported;
}

std::string Encoded() {
  const auto bytes = EncodeExport(Example());
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

std::string Reason(const std::string& bytes) {
  const auto decoded = DecodeExport(bytes);
  EXPECT_FALSE(decoded.ok());
  const std::string message(decoded.status().message());
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message;
}

// The same with a valid checksum, as a later version of this program would write it.
std::string Resealed(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  const uint32_t crc = Crc32c(bytes);
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(crc >> (8 * i)));
  return bytes;
}

TEST(ExportFileTest, WhatWasWrittenIsRead) {
  const auto decoded = DecodeExport(Encoded());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->SerializeAsString(), Example().SerializeAsString());
}

TEST(ExportFileTest, EveryTruncationIsSeen) {
  const std::string bytes = Encoded();
  EXPECT_EQ(Reason(""), "it is not a snapshot file");
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_THAT(Reason(bytes.substr(0, size)), HasSubstr("truncated")) << size;
  }
  EXPECT_THAT(Reason(bytes + "x"), HasSubstr("more after its end"));
}

TEST(ExportFileTest, EveryFlippedBitIsSeen) {
  const std::string bytes = Encoded();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    const auto decoded = DecodeExport(flipped);
    EXPECT_TRUE(absl::IsDataLoss(decoded.status())) << "bit " << i;
  }
}

TEST(ExportFileTest, ForeignFilesAreNone) {
  EXPECT_EQ(Reason("PK\x03\x04 an archive, perhaps, and no snapshot file at all"), "it is not a snapshot file");
  Prng prng(5);
  for (int i = 0; i < 1000; ++i) {
    std::string noise(prng.NextBelow(200), '\0');
    for (char& c : noise) c = static_cast<char>(prng.NextBelow(256));
    Reason(noise);
  }
}

TEST(ExportFileTest, ALaterVersionIsNamedAsSuch) {
  std::string later = Encoded();
  later[8] = 9;
  const auto decoded = DecodeExport(Resealed(later));
  EXPECT_TRUE(absl::IsUnimplemented(decoded.status()));
  EXPECT_THAT(decoded.status().message(), HasSubstr("format version 9, only version 1 is known"));
}

TEST(ExportFileTest, WhatMakesNoSenseIsNeitherWrittenNorRead) {
  using Spoil = void (*)(proto::SnapshotExport*);
  const Spoil spoils[] = {
      [](proto::SnapshotExport* e) { e->set_snapshot("../../../../etc"); },
      [](proto::SnapshotExport* e) { e->set_state(proto::SnapshotInfo::CREATING); },
      [](proto::SnapshotExport* e) { e->clear_tables(); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->clear_name(); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->set_id(e->tables(1).id()); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->mutable_keyspace()->clear_id(); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->mutable_tablets()->RemoveLast(); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->mutable_tablets()->SwapElements(0, 1); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->mutable_tablets(1)->set_hash_begin(1); },
      [](proto::SnapshotExport* e) { e->mutable_tables(0)->mutable_tablets(0)->clear_source(); },
      [](proto::SnapshotExport* e) { *e->mutable_tables(0)->mutable_tablets(0) = e->tables(1).tablets(0); },
  };
  for (size_t i = 0; i < std::size(spoils); ++i) {
    proto::SnapshotExport exported = Example();
    spoils[i](&exported);
    EXPECT_FALSE(EncodeExport(exported).ok()) << i;
    // As some other program might write it.
    const std::string body = exported.SerializeAsString();
    std::string bytes = Encoded().substr(0, 12);
    for (int k = 0; k < 8; ++k) bytes.push_back(static_cast<char>(uint64_t{body.size()} >> (8 * k)));
    EXPECT_THAT(Reason(Resealed(bytes + body + "....")), HasSubstr("damaged")) << i;
  }
}

}  // namespace
}  // namespace sut
