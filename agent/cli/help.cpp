// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/help.h"

#include <array>
#include <utility>

namespace stillframe::cli {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 17>
    kExamples = {{
        {"stillframe",
         R"(  stillframe doctor             what can be seen on this machine
  stillframe run                watch this node, metrics on port 12015
  stillframe ps                 which containers are still their image
  stillframe diff web           what changed in 'web', who did it and when
  stillframe events -f          mutations as they happen
)"},
        {"stillframe run", R"(  stillframe run
  stillframe run --web.listen-address 127.0.0.1:12015 --log.format json
  stillframe run --policy /etc/stillframe/policy.yaml
  stillframe run --web.config.file /etc/stillframe/web.yml
  stillframe run --config.file /etc/stillframe/config.toml
)"},
        {"stillframe ps", R"(  stillframe ps
  stillframe ps --workloads
  stillframe ps -n shop         the pods of a namespace
  stillframe ps -a              also those that are stopped or gone
  stillframe ps -o wide         with image ids, workloads and times
  stillframe ps --watch --sort state
  stillframe ps -q --filter state=mutated --filter image=nginx
  stillframe ps -o name | xargs -n1 stillframe diff
  stillframe ps -o json | jq '.containers[] | select(.state == "mutated")'
)"},
        {"stillframe diff", R"(  stillframe diff web
  stillframe diff 3f2a --exit-code    1 unless it is still its image
  stillframe diff shop/web-0/nginx    of a pod
  stillframe diff web --all           with what the runtime itself wrote
  stillframe diff web -o wide         a path a line
  stillframe diff web -o docker       as 'docker diff' prints it
  stillframe diff old-web             its last state, if it was removed
)"},
        {"stillframe events", R"(  stillframe events --since 10m
  stillframe events --since yesterday --container web --path '/etc/**'
  stillframe events -n 20 --verdict violation
  stillframe events -f --container web
  stillframe events -f -o json | jq .actor
)"},
        {"stillframe doctor", R"(  stillframe doctor
  stillframe doctor -o json
)"},
        {"stillframe policy", R"(  stillframe policy check policy.yaml
  stillframe policy explain --container web /etc/nginx/nginx.conf
  stillframe policy suggest --workload shop > policy.yaml
)"},
        {"stillframe policy check",
         R"(  stillframe policy check /etc/stillframe/policy.yaml
  stillframe policy suggest --workload shop | stillframe policy check -
)"},
        {"stillframe policy explain",
         R"(  stillframe policy explain --container web /var/log/app.log
  stillframe policy explain --container web -o json /usr/bin/curl
)"},
        {"stillframe policy suggest",
         R"(  stillframe policy suggest --workload shop
)"},
        {"stillframe audit", R"(  stillframe audit verify
  stillframe audit report --since 30d -o html >report.html
  stillframe audit keygen
)"},
        {"stillframe audit report", R"(  stillframe audit report --since 30d
  stillframe audit report --since 2026-01-01 --until 2026-02-01 -o html >january.html
  stillframe audit report --key journal.pub node1/journal node2/journal
  stillframe audit report --kube-audit /var/log/kubernetes/audit.log
)"},
        {"stillframe audit verify", R"(  stillframe audit verify
  stillframe audit verify --key journal.pub /mnt/evidence/journal
  stillframe audit verify --prometheus http://prometheus:9090
  stillframe audit verify -o json | jq '.faults[]'
)"},
        {"stillframe audit keygen",
         R"(  stillframe audit keygen --out /etc/stillframe/journal.key
)"},
        {"stillframe completion", R"(  source <(stillframe completion bash)
  stillframe completion zsh > /usr/local/share/zsh/site-functions/_stillframe
  stillframe completion fish > ~/.config/fish/completions/stillframe.fish
)"},
        {"stillframe help", R"(  stillframe help
  stillframe help policy check
)"},
        {"stillframe version", R"(  stillframe version
)"},
    }};

}  // namespace

std::string_view examples_of(std::string_view command) {
  for (const auto& [name, text] : kExamples) {
    if (name == command) return text;
  }
  return {};
}

}  // namespace stillframe::cli
