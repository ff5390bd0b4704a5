# bash completion of besik(1): commands, options, kinds. It asks the program, so that there is one list.

_besik_files() # KIND: -f files, -d folders
{
    mapfile -t COMPREPLY < <(compgen "$1" -- "$word")
    compopt -o filenames 2>/dev/null
}

_besik_words() # WORDS
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

_besik()
{
    local besik=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} help plain=0 i
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _besik_words "$("$besik" --help | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version"
        return
    fi
    if [[ $command == help ]]; then
        ((COMP_CWORD == 2)) && _besik_words "$("$besik" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')"
        return
    fi
    help=$("$besik" "$command" --help 2>/dev/null) || return
    case $before in
    --out | --ref | --tmp | --csv | --store | --answers) _besik_files -d && return ;;
    --key | --metrics | --profiles | --html) _besik_files -f && return ;;
    --at) _besik_words "$(sed -n '/^Steps:/,/^Example/{/^Example/d;s/^Steps://;p}' <<<"$help")" && return ;;
    --reply-form) _besik_words "strict lenient" && return ;;
    esac
    if [[ $word == -* ]]; then
        # those of the table, and of init the settings: an example may be of another command
        _besik_words "$(sed '/^Example/,$d' <<<"$help" | grep -E '^  --' | grep -oE -- '(^|  )--[a-z-]+' | sort -u) --help"
    elif ! grep -qE -- "^ +$before [A-Z]+|$before [0-9]+[a-z]?( |\$)" <<<"$help" || [[ $before != --* ]]; then
        for ((i = 2; i < COMP_CWORD; i++)); do # how many words are no options: the first is the store
            [[ ${COMP_WORDS[i]} == -* ]] || plain=$((plain + 1))
        done
        case $command:$plain in
        export:1) _besik_words "$(grep -oE '\([a-z|]+\)' <<<"$help" | head -n 1 | tr '()|' '   ')" ;;
        profile:0) _besik_words check ;;
        set:1) _besik_words "$("$besik" init --help | grep -E '^  --' | grep -oE -- '(^|  )--[a-z-]+ [0-9a-z]+' | sed 's/ *--//; s/ .*//; /^shards$/d')" ;;
        set:2) [[ $before == reply[-_]form ]] && _besik_words "strict lenient" ;;
        *) _besik_files -f ;;
        esac
    fi
}

complete -F _besik besik
