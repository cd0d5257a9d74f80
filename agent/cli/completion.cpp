// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/completion.h"

#include <fmt/format.h>

namespace stillframe::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Inside single quotes.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + '\'';
}

}  // namespace

std::string bash_completion(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name,
                         joined(command.flags));
  }
  return fmt::format(R"(# bash completion for stillframe
_stillframe() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} command='' word words
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  case $command in
    '') words="{} --help --version" ;;
{}    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _stillframe stillframe
)",
                     names, cases);
}

std::string zsh_completion(const std::vector<CommandWords>& commands) {
  std::string list;
  std::string cases;
  for (const auto& command : commands) {
    list +=
        "    " + shell_quoted(command.name + ':' + command.description) + '\n';
    cases += fmt::format("    {}) compadd -- {} ;;\n", command.name,
                         joined(command.flags));
  }
  return fmt::format(R"(#compdef stillframe
_stillframe() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
{}  esac
}}
compdef _stillframe stillframe
)",
                     list, cases);
}

}  // namespace stillframe::cli
