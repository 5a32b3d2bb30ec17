# SPDX-License-Identifier: Apache-2.0
# Completion of the program's words in bash. Commands and options are asked of the program itself, so none can be missing here.

_intarsia() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} help choices=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        choices="--help --version $("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z_-]*\) .*/\1/p')"
    else
        help=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null)
        # the values of an option that names them: --input rgb|bgr|nv12
        [[ $previous != --* ]] || choices=$(sed -n "s/^ .*$previous \([a-z0-9-]*|[a-z0-9|-]*\).*/\1/p" <<<"$help" | tr '|' ' ')
        [[ -n $choices || $word != -* ]] || choices=$(sed -n 's/^ \{2,6\}\(-[a-z], \)\{0,1\}\(--[a-z0-9_-]*\).*/\2/p' <<<"$help")
    fi
    local IFS=$' \n'
    # shellcheck disable=SC2207,SC2086
    [ -z "$choices" ] || COMPREPLY=($(compgen -W "$choices" -- "$word"))
}
# what is none of these is a file
complete -o default -F _intarsia intarsia
