/**
 * The hooks of every repository. They carry the question to the server and its
 * answer back over descriptor 3, a socket that `receive-pack` was started with.
 * Shell, because a Node process does not fit the memory limit of a push.
 *
 * To the server: `pre-receive`, `objects <dir>`, `alternates <dirs>`,
 * `update <old> <new> <ref>`…, `end`, and after the refs have moved
 * `applied <old> <new> <ref>`…; from it: `say <text>`…, then `accept` or `refuse`.
 */
export const HOOKS = {
  'pre-receive': `#!/bin/sh
if [ "\${WAYMARK_GATE-}" != 3 ]; then
  echo 'pushes go through Waymark: push to its URL' >&2
  exit 1
fi
{
  printf '%s\\n' pre-receive "objects $GIT_OBJECT_DIRECTORY" \\
    "alternates $GIT_ALTERNATE_OBJECT_DIRECTORIES"
  while IFS= read -r update; do printf 'update %s\\n' "$update"; done
  printf 'end\\n'
} >&3 || exit 1
while IFS= read -r line <&3; do
  case $line in
    'say '*) printf '%s\\n' "\${line#say }" >&2 ;;
    accept) exit 0 ;;
    *) exit 1 ;;
  esac
done
echo 'Waymark ended before it answered: push again' >&2
exit 1
`,
  'post-receive': `#!/bin/sh
[ "\${WAYMARK_GATE-}" = 3 ] || exit 0
while IFS= read -r update; do printf 'applied %s\\n' "$update"; done >&3
`,
} as const;
