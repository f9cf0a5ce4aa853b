/** A tool that takes one line of shell, and the registry's list of words, each way. */
export function readShellCommand(line: string): [string, ...string[]] {
  return ['sh', '-c', line];
}

export function writeShellCommand(words: readonly string[]): string {
  const [program, flag, line, ...rest] = words;
  if (program === 'sh' && flag === '-c' && line !== undefined && rest.length === 0) return line;
  return words.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  // Double quotes where the tool's own variable must still be filled in.
  if (/^\$\{CLAUDE_PLUGIN_ROOT\}[\w@%+=:,./ -]*$/.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
