// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/signature.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace stillframe::journal {
namespace {

using ::testing::HasSubstr;

std::string file_with(const std::string& name, const std::string& text,
                      unsigned mode) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  ::chmod(path.c_str(), mode);
  return path;
}

TEST(Signature, OnlyTheSameBytesByTheSameKey) {
  const auto key = Key::make();
  ASSERT_TRUE(key);
  const std::string signature = key->sign("bytes");
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(key->verify("bytes", signature));
  EXPECT_FALSE(key->verify("bytez", signature));
  EXPECT_FALSE(key->verify("bytes", ""));
  EXPECT_FALSE(Key::make()->verify("bytes", signature));
}

TEST(Signature, KeysAreReadFromTheirFiles) {
  const auto key = Key::make();
  const auto secret =
      Key::read_private(file_with("journal.key", key->private_pem(), 0600));
  ASSERT_TRUE(secret) << secret.error().message;
  const auto open =
      Key::read_public(file_with("journal.pub", key->public_pem(), 0644));
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_EQ(secret->fingerprint(), key->fingerprint());
  EXPECT_EQ(open->fingerprint(), key->fingerprint());
  EXPECT_TRUE(open->verify("x", secret->sign("x")));
}

TEST(Signature, SecretsThatAreNone) {
  const auto key = Key::make();
  const auto shared =
      Key::read_private(file_with("shared.key", key->private_pem(), 0644));
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().message, HasSubstr("everyone may read"));
  const auto other =
      Key::read_private(file_with("other.key", key->public_pem(), 0600));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("audit keygen"));
  EXPECT_FALSE(Key::read_private("/nowhere"));
}

TEST(Signature, Base64) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd"}) {
    const auto back = from_base64(to_base64(bytes));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(to_base64("abcd"), "YWJjZA==");
  for (const char* bad : {"YWJ", "YW*j", "YWJj Y"}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace stillframe::journal
