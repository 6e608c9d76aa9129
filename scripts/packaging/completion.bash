# Completion of srs for bash. Directives and blocks come from the program itself.
_srs() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	-c)
		mapfile -t COMPREPLY < <(compgen -f -X '!*.@(conf|yaml|yml)' -- "$word"; compgen -d -- "$word")
		compopt -o filenames 2>/dev/null
		;;
	--help-config)
		mapfile -t COMPREPLY < <(compgen -W "$(srs --help-config | awk '
			/[{]$/ { path[++n] = $1; name = path[1]; for (i = 2; i <= n; i++) name = name "." path[i]; print name }
			/^ *[}]/ { n-- }')" -- "$word")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(srs --help | awk '/^  -/ { print $1 }')" -- "$word")
		;;
	esac
}
complete -F _srs srs
