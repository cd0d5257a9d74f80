// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/help.h"

#include <array>
#include <utility>

namespace stillframe::cli {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 15>
    kExamples = {{
        {"", R"(  stillframe doctor             what can be seen on this machine
  stillframe run                watch this node, metrics on port 12015
  stillframe ps                 which containers are still their image
  stillframe diff web           what changed in 'web', who did it and when
  stillframe events -f          mutations as they happen
)"},
        {"run", R"(  stillframe run
  stillframe run --web.listen-address 127.0.0.1:12015 --log.format json
  stillframe run --policy /etc/stillframe/policy.yaml
  stillframe run --web.config.file /etc/stillframe/web.yml
  stillframe run --config.file /etc/stillframe/stillframe.toml
)"},
        {"ps", R"(  stillframe ps
  stillframe ps --workloads
  stillframe ps -n shop         the pods of a namespace
  stillframe ps -a              also those that are stopped or gone
  stillframe ps -o wide         with image ids, workloads and times
  stillframe ps --watch --sort state
  stillframe ps -q --filter state=mutated --filter image=nginx
  stillframe ps -o name | xargs -n1 stillframe diff
  stillframe ps -o json | jq '.containers[] | select(.state == "mutated")'
)"},
        {"diff", R"(  stillframe diff web
  stillframe diff 3f2a --exit-code    1 unless it is still its image
  stillframe diff shop/web-0/nginx    of a pod
  stillframe diff web --all           with what the runtime itself wrote
  stillframe diff web -o wide         a path a line
  stillframe diff web -o docker       as 'docker diff' prints it
  stillframe diff old-web             its last state, if it was removed
)"},
        {"events", R"(  stillframe events --since 10m
  stillframe events --since yesterday --container web --path '/etc/**'
  stillframe events -n 20 --verdict violation
  stillframe events -f --container web
  stillframe events -f -o json | jq .actor
)"},
        {"doctor", R"(  stillframe doctor
  stillframe doctor -o json
)"},
        {"policy", R"(  stillframe policy check policy.yaml
  stillframe policy explain --container web /etc/nginx/nginx.conf
  stillframe policy suggest --workload shop > policy.yaml
)"},
        {"check", R"(  stillframe policy check /etc/stillframe/policy.yaml
)"},
        {"explain",
         R"(  stillframe policy explain --container web /var/log/app.log
  stillframe policy explain --container web -o json /usr/bin/curl
)"},
        {"suggest", R"(  stillframe policy suggest --workload shop
)"},
        {"audit", R"(  stillframe audit verify
  stillframe audit report --since 30d -o html >report.html
  stillframe audit keygen
)"},
        {"report", R"(  stillframe audit report --since 30d
  stillframe audit report --since 2026-01-01 --until 2026-02-01 -o html >january.html
  stillframe audit report --key journal.pub node1/journal node2/journal
  stillframe audit report --kube-audit /var/log/kubernetes/audit.log
)"},
        {"verify", R"(  stillframe audit verify
  stillframe audit verify --key journal.pub /mnt/evidence/journal
  stillframe audit verify --prometheus http://prometheus:9090
  stillframe audit verify -o json | jq '.faults[]'
)"},
        {"keygen",
         R"(  stillframe audit keygen --out /etc/stillframe/journal.key
)"},
        {"completion", R"(  source <(stillframe completion bash)
  stillframe completion zsh > /usr/local/share/zsh/site-functions/_stillframe
)"},
    }};

}  // namespace

std::string_view examples_of(std::string_view subcommand) {
  for (const auto& [name, text] : kExamples) {
    if (name == subcommand) return text;
  }
  return {};
}

}  // namespace stillframe::cli
