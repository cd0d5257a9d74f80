// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/completion/script.h"

namespace stillframe::cli {
namespace {

// bash takes words apart at each of COMP_WORDBREAKS, = and : among them, and
// replaces what is behind the last. The program is asked about words as they
// are typed. `compgen -W` would expand what names hold.
constexpr std::string_view kBash = R"(# bash completion for stillframe
_stillframe() {
  local rest=${COMP_LINE:0:COMP_POINT} words=() piece='' before='' at
  rest=${rest#*"${COMP_WORDS[0]}"}
  for ((at = 1; at <= COMP_CWORD; at++)); do
    before=''
    if [[ $rest == [[:blank:]]* || ${#words[@]} == 0 ]]; then
      rest=${rest#"${rest%%[![:blank:]]*}"}
      words+=('')
    else
      before=${words[-1]}
    fi
    piece=${COMP_WORDS[at]}
    ((at < COMP_CWORD)) || piece=$rest
    rest=${rest#"$piece"}
    words[-1]+=$piece
  done
  [[ $piece != [=:]* ]] || before=${words[-1]}
  [[ $before ]] || words[-1]=${words[-1]#[\"\']}

  local answer=() word
  mapfile -t answer < <(command stillframe __complete "${words[@]}" 2>/dev/null)
  COMPREPLY=()
  case ${answer[0]-} in
    files*) compopt -o default ;;
    directories*) compopt -o dirnames ;;
    *)
      for word in "${answer[@]:1}"; do
        word=${word%%$'\t'*}
        printf -v word %q "${word#"$before"}"
        COMPREPLY+=("$word")
      done
      [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
      ;;
  esac
}
complete -F _stillframe stillframe
)";

constexpr std::string_view kZsh = R"(#compdef stillframe
# zsh completion for stillframe
_stillframe() {
  local -a answer names shown behind
  local line
  answer=("${(@f)$(command stillframe __complete \
    "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  case $answer[1] in
    files*|directories*)
      compset -P '--*='
      if [[ $answer[1] == files* ]]; then _files; else _files -/; fi
      ;;
    *)
      for line in "${(@)answer[2,-1]}"; do
        names+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
      done
      shown=("${(@)shown%  -- }")
      [[ $names[1] == *= ]] && behind=(-S '')
      (( $#names )) && compadd "${(@)behind}" -l -d shown -a -- names
      ;;
  esac
}
if [[ $funcstack[1] == _stillframe ]]; then
  _stillframe "$@"
else
  compdef _stillframe stillframe
fi
)";

constexpr std::string_view kFish = R"(# fish completion for stillframe
function __stillframe_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l begun (commandline -ct)
    set -l answer (command stillframe __complete $words "$begun" 2>/dev/null)
    set -l head (string split -m 1 \t -- "$answer[1]")
    set -l path (string sub -s (math 1 + (string length -- "$head[2]")) -- "$begun")
    switch "$head[1]"
        case files
            for file in (__fish_complete_path "$path")
                printf '%s\n' "$head[2]$file"
            end
        case directories
            for file in (__fish_complete_directories "$path" '')
                printf '%s\n' "$head[2]$file"
            end
        case '*'
            set -e answer[1]
            printf '%s\n' $answer
    end
end
complete -c stillframe -f -a '(__stillframe_complete)'
)";

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  return std::string(kFish);
}

}  // namespace stillframe::cli
