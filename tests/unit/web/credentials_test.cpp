// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/credentials.h"

#include <gtest/gtest.h>

namespace stillframe::web {
namespace {

TEST(Credentials, AreReadAsRfc7617HasThem) {
  struct {
    const char* header;
    const char* user;
    const char* password;
  } const cases[] = {
      {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
      {"basic YTpi", "a", "b"},
      {"BASIC   YTpi", "a", "b"},
      {"Basic YTpiOmM=", "a", "b:c"},  // the first colon counts
      {"Basic Og==", "", ""},
  };
  for (const auto& each : cases) {
    const auto read = read_credentials(each.header);
    ASSERT_TRUE(read) << each.header;
    EXPECT_EQ(read->user, each.user) << each.header;
    EXPECT_EQ(read->password, each.password) << each.header;
  }
}

TEST(Credentials, AreNotThereInAnythingElse) {
  for (const char* header : {"", "Basic", "Basic ", "Basic YWI=", "Basic YTp",
                             "Basic ====", "Basic Y%3Api", "Basic%20YTpi",
                             "Bearer YTpi", "YTpi", "Basic YTpi YTpi"}) {
    EXPECT_FALSE(read_credentials(header)) << header;
  }
}

}  // namespace
}  // namespace stillframe::web
