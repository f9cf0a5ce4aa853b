#!/bin/sh
# Reads the tool call as JSON on standard input. Exit 2 refuses it, with the reason.
set -eu

call=$(cat)
case $call in
  *'git push'*'--force'* | *'git push'*' -f'*)
    echo 'Pushing with force rewrites what others have. Use a new commit.' >&2
    exit 2
    ;;
  *'git push'*' main'* | *'git push'*':main'*)
    echo 'main moves by pull request. Push a branch instead.' >&2
    exit 2
    ;;
esac
